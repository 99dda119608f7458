package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"net/netip"
	"os/exec"
	"sync"
	"time"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	corelisters "k8s.io/client-go/listers/core/v1"
	networkinglisters "k8s.io/client-go/listers/networking/v1"
	"k8s.io/client-go/tools/cache"

	"k8s-tunnel/sandbox/node/policy"
)

const (
	// settle is how long the agent lets changes gather before it applies them
	// together: a rollout changes several objects within milliseconds.
	settle = 10 * time.Millisecond
	// retryAfter is the pause after rules could not be applied.
	retryAfter = time.Second
	// applyTimeout bounds one run of nft, which takes some 20 ms.
	applyTimeout = 10 * time.Second
	// podTimeout is how long a starting pod may be unheard of. The kubelet
	// has seen it already; our own watch is milliseconds behind, seldom more.
	podTimeout = 10 * time.Second
)

// applier puts a ruleset in force, wholly or not at all.
type applier func(ctx context.Context, ruleset string) error

// agent keeps the kernel's rules equal to what the API says.
type agent struct {
	podSubnet netip.Prefix
	standIns  []policy.StandIn
	apply     applier

	factory    informers.SharedInformerFactory
	pods       corelisters.PodLister
	namespaces corelisters.NamespaceLister
	policies   networkinglisters.NetworkPolicyLister
	dirty      chan struct{}

	// mu makes a change to the book and the rules that follow from it one step.
	mu      sync.Mutex
	book    *book
	current string
}

func newAgent(client kubernetes.Interface, podSubnet netip.Prefix, standIns []policy.StandIn, apply applier) *agent {
	f := informers.NewSharedInformerFactory(client, 0)
	return &agent{
		podSubnet:  podSubnet,
		standIns:   standIns,
		apply:      apply,
		factory:    f,
		pods:       f.Core().V1().Pods().Lister(),
		namespaces: f.Core().V1().Namespaces().Lister(),
		policies:   f.Networking().V1().NetworkPolicies().Lister(),
		dirty:      make(chan struct{}, 1),
		book:       newBook(),
	}
}

// run enforces policies until the context ends. It calls ready when the first rules are
// in force and the plugin can be served.
func (a *agent) run(ctx context.Context, socket string, ready func() error) error {
	if err := a.watch(ctx); err != nil {
		return err
	}
	if err := a.sync(ctx); err != nil {
		return err
	}
	failed, err := a.serve(ctx, socket)
	if err != nil {
		return err
	}
	if err := ready(); err != nil {
		return err
	}
	log.Printf("enforcing network policies for %s", a.podSubnet)
	for {
		select {
		case <-ctx.Done():
			return nil
		case err := <-failed:
			return err
		case <-a.dirty:
			sleep(ctx, settle)
			if err := a.sync(ctx); err != nil && ctx.Err() == nil {
				log.Print(err)
				sleep(ctx, retryAfter)
				a.changed()
			}
		}
	}
}

// watch starts the informers and waits for their first lists.
func (a *agent) watch(ctx context.Context) error {
	handler := cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { a.changed() },
		UpdateFunc: func(_, _ any) { a.changed() },
		DeleteFunc: func(any) { a.changed() },
	}
	for _, i := range []cache.SharedIndexInformer{
		a.factory.Core().V1().Pods().Informer(),
		a.factory.Core().V1().Namespaces().Informer(),
		a.factory.Networking().V1().NetworkPolicies().Informer(),
	} {
		if _, err := i.AddEventHandler(handler); err != nil {
			return fmt.Errorf("watching: %w", err)
		}
	}
	a.factory.Start(ctx.Done())
	for kind, ok := range a.factory.WaitForCacheSync(ctx.Done()) {
		if !ok {
			return fmt.Errorf("watching %s: %w", kind, context.Cause(ctx))
		}
	}
	return nil
}

// changed notes that the rules may be out of date.
func (a *agent) changed() {
	select {
	case a.dirty <- struct{}{}:
	default:
	}
}

// sync brings the kernel's rules up to date.
func (a *agent) sync(ctx context.Context) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.syncLocked(ctx)
}

func (a *agent) syncLocked(ctx context.Context) error {
	pods, err1 := a.pods.List(labels.Everything())
	namespaces, err2 := a.namespaces.List(labels.Everything())
	policies, err3 := a.policies.List(labels.Everything())
	if err := errors.Join(err1, err2, err3); err != nil {
		return fmt.Errorf("listing: %w", err)
	}
	ruleset := policy.Compile(policy.State{
		PodSubnet:  a.podSubnet,
		Endpoints:  a.book.endpoints(pods),
		Namespaces: namespaces,
		Policies:   policies,
		StandIns:   a.standIns,
	})
	text := ruleset.NFT()
	if text == a.current {
		return nil
	}
	start := time.Now()
	if err := a.apply(ctx, text); err != nil {
		return fmt.Errorf("applying rules: %w", err)
	}
	a.current = text
	log.Printf("%d pods known, %d filters, applied in %s",
		len(ruleset.Known), len(ruleset.Filters), time.Since(start).Round(time.Millisecond))
	return nil
}

// add admits a sandbox's address and returns when its rules are in force.
func (a *agent) add(ctx context.Context, s sandbox) error {
	if err := a.awaitPod(ctx, s); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.book.add(s)
	if err := a.syncLocked(ctx); err != nil {
		a.book.forget(s.ID)
		return err
	}
	return nil
}

// remove cuts a sandbox's address off, before somebody else gets it.
func (a *agent) remove(ctx context.Context, s sandbox) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.book.remove(s)
	err := a.syncLocked(ctx)
	if err != nil {
		a.changed()
	}
	return err
}

// awaitPod waits until the agent has heard of the sandbox's pod: its labels
// decide which policies select it.
func (a *agent) awaitPod(ctx context.Context, s sandbox) error {
	ctx, cancel := context.WithTimeout(ctx, podTimeout)
	defer cancel()
	for {
		pod, err := a.pods.Pods(s.Namespace).Get(s.Name)
		if err == nil && pod.UID == s.UID {
			return nil
		}
		if !sleep(ctx, 5*time.Millisecond) {
			return fmt.Errorf("pod %s/%s (%s) is not known to the API server: %w", s.Namespace, s.Name, s.UID, ctx.Err())
		}
	}
}

// nft is the applier for the network namespace that the process is in.
func nft(ctx context.Context, ruleset string) error {
	ctx, cancel := context.WithTimeout(ctx, applyTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = bytes.NewBufferString(ruleset)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft: %w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// sleep pauses and reports whether the context still goes on.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}
