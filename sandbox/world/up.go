package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/sync/errgroup"

	"k8s-tunnel/sandbox/ca"
	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/cluster/apps"
	"k8s-tunnel/sandbox/cluster/image"
	"k8s-tunnel/sandbox/toolchain"
)

// Up brings the world up: it builds what is missing and starts what isn't running. A
// world that is up already is left as it is.
func (w *World) Up(ctx context.Context, out io.Writer) error {
	return w.bringUp(ctx, out, nil)
}

// UpAndDeploy does what Up does, and deploys the dev stack as soon as that is possible: the
// apps to expose may still be starting then.
func (w *World) UpAndDeploy(ctx context.Context, out io.Writer) error {
	return w.bringUp(ctx, out, func(ctx context.Context) error { return w.deploy(ctx, out) })
}

// bringUp brings the world up, and calls then, if it isn't nil, once tunnels can be made.
func (w *World) bringUp(ctx context.Context, out io.Writer, then func(context.Context) error) error {
	unlock, err := w.lock(ctx, out)
	if err != nil {
		return err
	}
	defer unlock()
	if err := errors.Join(w.checkOwner(), w.checkLinks()); err != nil {
		return err
	}
	if err := errors.Join(w.reload(), w.checkCopy()); err != nil {
		return err
	}
	claim, err := w.claim(ctx)
	if err != nil {
		return err
	}
	defer claim.release()
	return w.up(ctx, out, claim, then)
}

// reload brings up to date what another command may have changed before this one had the
// lock: which world it is, and where.
func (w *World) reload() error {
	now := World{Root: w.Root, Name: w.Name}
	if err := now.load(); err != nil {
		return fmt.Errorf("opening world %s: %w", w.Name, err)
	}
	w.ID, w.Slot, w.recorded, w.original = now.ID, now.Slot, now.recorded, now.original
	return nil
}

// up does the work of bringUp. The caller holds the world's lock, and its slot unless the world's
// Cloudflare process has it.
func (w *World) up(ctx context.Context, out io.Writer, claim *claim, then func(context.Context) error) error {
	if !w.NoCluster {
		if err := toolchain.System(ctx, w.toolOptions(out, w.groups())); err != nil {
			return err
		}
	}
	// This says whose the directory is, so it comes before anything else there. Where the world can't be
	// started, nothing is left.
	fresh := !w.recorded
	if err := w.save(); err != nil {
		return err
	}
	if err := w.check(ctx, claim); err != nil {
		if fresh {
			w.forget()
		}
		return err
	}
	tools, err := w.tools(ctx, out, w.groups())
	if err != nil {
		return err
	}
	if err := w.prepare(ctx, tools); err != nil {
		return err
	}
	return w.start(ctx, out, claim, then)
}

// Tools builds the tools that are missing, and nothing else.
func (w *World) Tools(ctx context.Context, out io.Writer, lint bool) error {
	groups := w.groups()
	if lint {
		groups = append(groups, toolchain.GroupLint)
	}
	_, err := w.tools(ctx, out, groups)
	return err
}

func (w *World) tools(ctx context.Context, out io.Writer, groups []string) (toolchain.Result, error) {
	result, err := toolchain.Ensure(ctx, w.toolOptions(out, groups))
	if err != nil {
		return result, err
	}
	fmt.Fprintln(out, "Tools ready:")
	for _, line := range result.Report() {
		fmt.Fprintln(out, " ", line)
	}
	return result, nil
}

func (w *World) toolOptions(out io.Writer, groups []string) toolchain.Options {
	return toolchain.Options{Root: w.Root, Out: out, PulumiHome: w.SharedPulumiHome(), Groups: groups}
}

// groups are the tools that this world needs.
func (w *World) groups() []string {
	groups := []string{toolchain.GroupPulumi, toolchain.GroupProgram, toolchain.GroupCloudflared}
	if !w.NoCluster {
		groups = append(groups, toolchain.GroupNode)
	}
	return groups
}

// check reports all obstacles on this machine at once, before anything that takes time.
func (w *World) check(ctx context.Context, claim *claim) error {
	if strings.ContainsRune(w.Dir(), os.PathListSeparator) {
		return fmt.Errorf("the path %s contains a colon, which separates paths in PATH and KUBECONFIG: move the clone to a path without it", w.Dir())
	}
	var problems []error
	if !w.NoCluster {
		for _, problem := range cluster.Check(ctx, w.clusterConfig()) {
			problems = append(problems, fmt.Errorf("the node: %w", problem))
		}
	}
	if len(problems) > 0 {
		problems = append(problems, errors.New(withoutNode))
	}
	if claim != nil && !w.cloudflareAlive() {
		problems = append(problems, w.checkPorts())
	}
	return errors.Join(problems...)
}

// withoutNode says what works where the node can't run.
const withoutNode = `without the node, any cluster works that your kubeconfig leads to, with the sandbox's Cloudflare beside it:
  go -C sandbox run . up --no-cluster
docs/local-world.md, "Another cluster", says how its connectors find the sandbox's edge`

// prepare writes what the world's parts need to start.
func (w *World) prepare(ctx context.Context, tools toolchain.Result) error {
	for _, dir := range []string{w.path("logs"), w.path("pulumi"), w.path("cloudflare")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := tools.AssemblePulumiHome(ctx, w.SharedPulumiHome()); err != nil {
		return err
	}
	if err := w.linkPlugins(); err != nil {
		return err
	}
	authority, err := w.authority()
	if err != nil {
		return err
	}
	return w.writeTrust(authority.PEM(), originCert())
}

// authority is the sandbox's CA.
func (w *World) authority() (*ca.Authority, error) {
	return ca.Load(w.path("cloudflare", "ca"))
}

// headStart is how long a deployment has the machine for itself before the sites start. It takes Pulumi
// two seconds to create the connectors, which need about two more to get ready.
const headStart = 5 * time.Second

// start starts Cloudflare and the node and makes the stack side by side, because none needs the
// others, and then does the rest beside the sites.
func (w *World) start(ctx context.Context, out io.Writer, claim *claim, then func(context.Context) error) error {
	group, ctx := errgroup.WithContext(ctx)
	cloudflare, node, stack, done := make(chan struct{}), make(chan struct{}), make(chan struct{}), make(chan struct{})
	group.Go(func() error {
		if err := w.startCloudflare(ctx, out, claim); err != nil {
			return err
		}
		close(cloudflare)
		return nil
	})
	group.Go(func() error {
		if err := w.prepareStack(ctx); err != nil {
			return err
		}
		close(stack)
		return nil
	})
	if w.NoCluster {
		close(node)
	} else {
		group.Go(func() error {
			images := w.images()
			if err := w.startNode(ctx, out, images); err != nil {
				return err
			}
			close(node)
			if resources, err := w.deployed(); err == nil && resources == 0 { // or little is left to do
				select {
				case <-done:
				case <-time.After(headStart):
				}
			}
			return w.startSites(ctx, images)
		})
	}
	group.Go(func() error {
		defer close(done)
		for _, part := range []chan struct{}{cloudflare, node, stack} {
			select {
			case <-part:
			case <-ctx.Done():
				return nil // the error is the part's
			}
		}
		if err := w.checkEdge(ctx); err != nil || then == nil {
			return err
		}
		return then(ctx)
	})
	return group.Wait()
}

// checkEdge returns an error if connectors in the node won't reach the edge. All else that they would
// show of it is that they never become ready.
func (w *World) checkEdge(ctx context.Context) error {
	if w.NoCluster {
		return nil
	}
	var edge []netip.AddrPort
	for _, addr := range w.clusterConfig().EdgeAddrs() {
		edge = append(edge, netip.AddrPortFrom(addr, edgePort))
	}
	return cluster.Reach(ctx, w.clusterConfig(), edge...)
}

// images makes the images for the node in the background, beside its first steps, and returns a function
// that waits for them.
func (w *World) images() func() (image.Tars, error) {
	tars := sync.OnceValues(func() (image.Tars, error) {
		authority, err := w.authority()
		if err != nil {
			return image.Tars{}, err
		}
		tars, err := image.All(image.Options{BinDir: toolchain.BinDir(w.Root), CA: authority.PEM(), Dir: w.path("images")})
		if err != nil {
			err = fmt.Errorf("making images: %w", err)
		}
		return tars, err
	})
	go func() { _, _ = tars() }()
	return tars
}

// startNode starts the node and returns once a stack can be deployed there: DNS has answered, and the
// ingress controller runs, without which its Service counts as one that leads nowhere.
func (w *World) startNode(ctx context.Context, out io.Writer, images func() (image.Tars, error)) error {
	controller, err := apps.IngressController()
	if err != nil {
		return err
	}
	begin := time.Now()
	config := w.clusterConfig()
	config.Images = func() (cluster.Images, error) {
		tars, err := images()
		return cluster.Images{Node: tars.Node, Others: tars.Connectors}, err
	}
	config.Manifests = controller
	config.Progress = func(line string) { fmt.Fprintln(out, line) }
	if err := cluster.Start(ctx, config); err != nil {
		return fmt.Errorf("starting the node: %w", err)
	}
	if err := w.copyKubeconfig(); err != nil {
		return err
	}
	if err := w.rolledOut(ctx, ingress); err != nil {
		return err
	}
	fmt.Fprintf(out, "node %s ready with its ingress controller (%s)\n", config.Name(), since(begin))
	return nil
}

// startSites starts what there is to expose in a node that is up.
func (w *World) startSites(ctx context.Context, images func() (image.Tars, error)) error {
	tars, err := images()
	if err != nil {
		return err
	}
	manifests, err := apps.Sites(w.Domain())
	if err != nil {
		return err
	}
	if err := cluster.Add(ctx, w.clusterConfig(), tars.Sites, manifests); err != nil {
		return fmt.Errorf("starting the apps: %w", err)
	}
	return w.rolledOut(ctx, sites...)
}

// copyKubeconfig copies the node's kubeconfig to the path that Pulumi.dev.yaml names.
func (w *World) copyKubeconfig() error {
	raw, err := os.ReadFile(w.clusterConfig().Kubeconfig())
	if err != nil {
		return err
	}
	return renameio.WriteFile(w.Kubeconfig(), raw, 0o600, renameio.WithTempDir(w.Dir()))
}

func since(begin time.Time) time.Duration {
	return time.Since(begin).Round(100 * time.Millisecond)
}
