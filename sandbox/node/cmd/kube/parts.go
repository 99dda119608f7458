package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	apioptions "k8s.io/kubernetes/cmd/kube-apiserver/app/options"
	manager "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	manageroptions "k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	scheduleroptions "k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

// pollInterval is how often a part that is coming up is asked whether it is there.
const pollInterval = 50 * time.Millisecond

// etcdConfig is what etcd needs to know: where its data lies and where it answers. One member, no TLS: it listens
// on the loopback of the node's own network namespace.
type etcdConfig struct {
	Dir       string `json:"dir"`
	ClientURL string `json:"clientURL"`
	PeerURL   string `json:"peerURL"`
}

// startEtcd returns when the store answers.
func startEtcd(ctx context.Context, cfg etcdConfig) (*embed.Etcd, error) {
	client, err := url.Parse(cfg.ClientURL)
	if err != nil {
		return nil, fmt.Errorf("etcd.clientURL: %w", err)
	}
	peer, err := url.Parse(cfg.PeerURL)
	if err != nil {
		return nil, fmt.Errorf("etcd.peerURL: %w", err)
	}
	c := embed.NewConfig()
	c.Dir = cfg.Dir
	c.LogLevel = "warn"
	// A fifth of the node's start is waiting for the disk. Without that nothing is lost when programs are killed or
	// the machine is rebooted; when it loses power the store may be, and then the node is made anew.
	c.UnsafeNoFsync = true
	c.ListenClientUrls, c.AdvertiseClientUrls = []url.URL{*client}, []url.URL{*client}
	c.ListenPeerUrls, c.AdvertisePeerUrls = []url.URL{*peer}, []url.URL{*peer}
	c.InitialCluster = c.InitialClusterFromName(c.Name)

	db, err := embed.StartEtcd(c)
	if err != nil {
		return nil, fmt.Errorf("starting etcd: %w", err)
	}
	select {
	case <-db.Server.ReadyNotify():
		return db, nil
	case err := <-db.Err():
		return nil, fmt.Errorf("starting etcd: %w", err)
	case <-ctx.Done():
		db.Close()
		return nil, fmt.Errorf("starting etcd: %w", ctx.Err())
	}
}

// apiServer is upstream's API server.
type apiServer struct {
	options *apioptions.ServerRunOptions
}

func newAPIServer(flags map[string]string) (*apiServer, error) {
	s := &apiServer{options: apioptions.NewServerRunOptions()}
	return s, parseFlags("kube-apiserver", s.options.Flags(), flags)
}

func (s *apiServer) run(ctx context.Context) error {
	completed, err := s.options.Complete(ctx)
	if err != nil {
		return fmt.Errorf("completing the options: %w", err)
	}
	if problems := completed.Validate(); len(problems) > 0 {
		return errors.Join(problems...)
	}
	return apiserver.Run(ctx, completed)
}

// controllerManager is upstream's controller manager.
type controllerManager struct {
	options *manageroptions.KubeControllerManagerOptions
}

func newControllerManager(flags map[string]string) (*controllerManager, error) {
	options, err := manageroptions.NewKubeControllerManagerOptions()
	if err != nil {
		return nil, fmt.Errorf("kube-controller-manager: %w", err)
	}
	sets := options.Flags(manager.KnownControllers(), manager.ControllersDisabledByDefault(), manager.ControllerAliases())
	options.ParsedFlags = &sets
	return &controllerManager{options: options}, parseFlags("kube-controller-manager", sets, flags)
}

func (m *controllerManager) run(ctx context.Context) error {
	cfg, err := m.options.Config(ctx, manager.KnownControllers(), manager.ControllersDisabledByDefault(), manager.ControllerAliases())
	if err != nil {
		return fmt.Errorf("completing the options: %w", err)
	}
	return manager.Run(ctx, cfg.Complete())
}

// kubeScheduler is upstream's scheduler.
type kubeScheduler struct {
	options *scheduleroptions.Options
}

func newScheduler(flags map[string]string) (*kubeScheduler, error) {
	s := &kubeScheduler{options: scheduleroptions.NewOptions()}
	return s, parseFlags("kube-scheduler", *s.options.Flags, flags)
}

func (s *kubeScheduler) run(ctx context.Context) error {
	cfg, sched, err := scheduler.Setup(ctx, s.options)
	if err != nil {
		return fmt.Errorf("setting up: %w", err)
	}
	return scheduler.Run(ctx, cfg, sched)
}

// waitReady returns when the API server says that it is ready. Its clients would come up without that too, but
// their first attempts would fail and be repeated seconds later.
func waitReady(ctx context.Context, kubeconfig string, failures ...<-chan error) error {
	restConfig, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return fmt.Errorf("reading %s: %w", kubeconfig, err)
	}
	client, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return fmt.Errorf("reading %s: %w", kubeconfig, err)
	}
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		if _, err := client.RESTClient().Get().AbsPath("/readyz").DoRaw(ctx); err == nil {
			return nil
		}
		for _, failure := range failures {
			select {
			case err := <-failure:
				return err
			default:
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}
