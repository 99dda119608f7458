package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/spf13/pflag"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	logsapi "k8s.io/component-base/logs/api/v1"
	_ "k8s.io/component-base/logs/json/register" // as upstream's mains do
)

// The time that each part may take to end. The node is stopped by people who wait for it, and nothing but etcd
// loses anything by being cut short.
const (
	clientsGrace   = time.Second
	apiServerGrace = 3 * time.Second
)

// controlConfig is the file that `kube control` reads. The flags are upstream's, without the dashes: they are the
// one stable way to set up these components, and a file keeps them out of the process list.
type controlConfig struct {
	Etcd              etcdConfig        `json:"etcd"`
	APIServer         map[string]string `json:"apiServer"`
	ControllerManager map[string]string `json:"controllerManager"`
	Scheduler         map[string]string `json:"scheduler"`
}

// part is one component: run blocks until its context ends.
type part struct {
	name string
	run  func(context.Context) error
}

// control runs etcd, the API server, the controller manager and the scheduler until a signal arrives or one of
// them ends. None may end alone: whoever started this process starts all of them again.
func control(args []string) error {
	if len(args) != 1 {
		return errors.New(usage)
	}
	cfg, err := readConfig(args[0])
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	// Controllers watch deprecated kinds as well; upstream's mains silence the warnings too.
	rest.SetDefaultWarningHandler(rest.NoWarnings{})

	// All flags are parsed before anything runs: feature gates are global to the process.
	server, err := newAPIServer(cfg.APIServer)
	if err != nil {
		return err
	}
	manager, err := newControllerManager(cfg.ControllerManager)
	if err != nil {
		return err
	}
	scheduler, err := newScheduler(cfg.Scheduler)
	if err != nil {
		return err
	}
	if err := server.options.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return fmt.Errorf("setting feature gates: %w", err)
	}
	if err := logsapi.ValidateAndApply(server.options.Logs, utilfeature.DefaultFeatureGate); err != nil {
		return fmt.Errorf("setting up logs: %w", err)
	}

	db, err := startEtcd(ctx, cfg.Etcd)
	if err != nil {
		return err
	}
	defer db.Close()

	failed := make(chan error, 4)
	stopServer := start(failed, apiServerGrace, part{"API server", server.run})
	defer stopServer()
	if err := waitReady(ctx, cfg.ControllerManager["kubeconfig"], failed, db.Err()); err != nil {
		return ignoreCancel(ctx, err)
	}
	stopManager := start(failed, clientsGrace, part{"controller manager", manager.run})
	defer stopManager()
	stopScheduler := start(failed, clientsGrace, part{"scheduler", scheduler.run})
	defer stopScheduler()

	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return err
	case err := <-db.Err():
		return fmt.Errorf("etcd: %w", err)
	}
}

func readConfig(file string) (controlConfig, error) {
	var cfg controlConfig
	raw, err := os.ReadFile(file)
	if err != nil {
		return cfg, fmt.Errorf("reading the configuration: %w", err)
	}
	if err := json.Unmarshal(raw, &cfg); err != nil {
		return cfg, fmt.Errorf("reading the configuration %s: %w", file, err)
	}
	return cfg, nil
}

// start runs a part in the background, reports its end to failed, and returns a function that ends it and waits no
// longer than grace.
func start(failed chan<- error, grace time.Duration, p part) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		err := p.run(ctx)
		if ctx.Err() != nil {
			return // asked to end; what it says on the way out is of no interest
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		failed <- fmt.Errorf("%s: %w", p.name, err)
	}()
	return func() {
		cancel()
		select {
		case <-done:
		case <-time.After(grace):
		}
	}
}

// parseFlags gives upstream's flag sets the values of the file.
func parseFlags(component string, sets cliflag.NamedFlagSets, values map[string]string) error {
	all := pflag.NewFlagSet(component, pflag.ContinueOnError)
	for _, set := range sets.FlagSets {
		all.AddFlagSet(set)
	}
	var problems []error
	for name, value := range values {
		if err := all.Set(name, value); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", component, err))
		}
	}
	return errors.Join(problems...)
}

// ignoreCancel turns the error of something that a signal has ended into a clean exit.
func ignoreCancel(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}
