//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/load"
	"k8s-tunnel/sandbox/project"
	"k8s-tunnel/sandbox/toolchain"
	"k8s-tunnel/sandbox/wait"
	"k8s-tunnel/sandbox/world"
)

// changes makes changes in a scene while the scene's hosts are under load.
type changes struct {
	scene  scene
	world  *world.World
	byHand *handMade
	stack  *stack
	load   *load.Generator
}

// newChanges prepares a scene: a tunnel made by hand, which has the names, and a stack that isn't
// deployed yet. Both are removed when the test ends.
func newChanges(t *testing.T, s scene) *changes {
	t.Helper()
	c := &changes{scene: s, world: s.world(t)}
	c.byHand = makeByHand(t, c.world)
	c.stack = newStackIn(t, c.world, "changes", nil)
	return c
}

// awaitApps waits until both apps answer through the front.
func (c *changes) awaitApps(t *testing.T) {
	t.Helper()
	for _, host := range c.world.AppHosts() {
		wait.Until(t, time.Minute, host+" answers", func() bool {
			req, err := newRequest(t.Context(), host)
			require.NoError(t, err)
			resp, err := c.world.Client().Do(req)
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
}

// begin starts the load and lets it run for ten seconds as a baseline.
func (c *changes) begin(t *testing.T) {
	c.awaitApps(t)
	// The names of the tunnel made by hand have to be known everywhere first.
	time.Sleep(time.Duration(c.scene.lag.DNS) + time.Second)
	c.load = load.Start(c.world.FrontAddr(), c.world.AppHosts(), "before")
	time.Sleep(10 * time.Second)
}

// phase makes one change under load. When it returns, old pods may still be shutting down.
func (c *changes) phase(t *testing.T, name string, change func()) {
	t.Helper()
	c.load.Phase(name)
	began := time.Now()
	change()
	t.Logf("%s: %s took %s", c.scene.name(), name, time.Since(began).Round(time.Second))
}

// end waits until the changes have settled, stops the load, and prints the report.
func (c *changes) end(t *testing.T) load.Report {
	t.Helper()
	c.settle(t)
	report := c.load.Stop()
	var out strings.Builder
	require.NoError(t, report.Write(&out))
	fmt.Printf("\n%s\n%s\n", c.scene.name(), out.String())
	return report
}

// settle waits until no connector is terminating, and then a second for Cloudflare to notice.
func (c *changes) settle(t *testing.T) {
	t.Helper()
	wait.Until(t, 3*time.Minute, "no connector is terminating", func() bool {
		out := kubectlIn(t, c.world, "get", "pods", "-A", "-l", "app.kubernetes.io/name=cloudflared",
			"-o", `jsonpath={range .items[*]}{.metadata.deletionTimestamp}{end}`)
		return strings.TrimSpace(out) == ""
	})
	time.Sleep(time.Second)
}

// set changes settings and applies them.
func (c *changes) set(t *testing.T, settings map[string]string) {
	t.Helper()
	for key, value := range settings {
		c.stack.set(t, key, value)
	}
	c.stack.up(t)
}

// tunnel returns the ID of the tunnel that all names lead to.
func (c *changes) tunnel(t *testing.T) string {
	t.Helper()
	current, err := c.world.Control().State(t.Context())
	require.NoError(t, err)
	require.NotEmpty(t, current.Records)
	content := current.Records[0].Content
	for _, record := range current.Records {
		require.Equal(t, content, record.Content, record.Name)
	}
	return strings.TrimSuffix(content, state.TunnelSuffix)
}

const (
	goodImage = "cloudflare/cloudflared:" + toolchain.CloudflaredVersion
	nextImage = goodImage + "-next"
	badImage  = "cloudflare/cloudflared:no-such-tag"
)

// cutOver moves the names from another live tunnel to the stack's.
func (c *changes) cutOver(t *testing.T) {
	before := c.tunnel(t)
	c.stack.up(t)
	require.NotEqual(t, before, c.tunnel(t))
	require.Equal(t, c.stack.output(t, "tunnelId"), c.tunnel(t))
}

// keepTunnel makes the stack serve the tunnel made by hand, and stops the connectors that were
// started by hand.
func (c *changes) keepTunnel(t *testing.T) {
	before := c.tunnel(t)
	c.set(t, map[string]string{"existingTunnel": before})
	require.Equal(t, before, c.tunnel(t))
	require.Equal(t, before, c.stack.output(t, "tunnelId"))
	c.byHand.stop(t)
	c.stack.up(t, "--expect-no-changes")
}

// moveOut deletes the tunnel made by hand once every data centre has seen that the names lead
// elsewhere.
func (c *changes) moveOut(t *testing.T) {
	time.Sleep(time.Duration(c.scene.lag.DNS) + time.Second)
	c.byHand.remove(t)
}

// addRule routes one of the hosts past the ingress controller.
func (c *changes) addRule(t *testing.T) {
	c.set(t, map[string]string{"ingress[0].hostname": c.world.AppHosts()[1], "ingress[0].service": project.OtherOrigin})
}

// changeOrigin switches to another service and then sends a burst of requests: connectors that are
// shutting down still get some of them, and still need their old origin.
func (c *changes) changeOrigin(t *testing.T, origin string) {
	c.set(t, map[string]string{"origin": origin})
	c.load.Burst()
}

// rotate replaces the tunnel and everything that belongs to it.
func (c *changes) rotate(t *testing.T, label string) {
	before := c.tunnel(t)
	c.set(t, map[string]string{"rotation": label})
	require.NotEqual(t, before, c.tunnel(t))
}

// failRotation begins a rotation whose connectors never start, and interrupts it as soon as that
// shows. The names must not have moved by then.
func (c *changes) failRotation(t *testing.T, label string) {
	before := c.tunnel(t)
	c.stack.set(t, "rotation", label)
	c.stack.set(t, "image", badImage)
	require.Error(t, c.interruptedUp(t))
	require.Equal(t, before, c.tunnel(t))
}

// failAndCorrect begins a rotation that fails, and completes it under a label that may be the
// failed one, the previous one or a third.
func (c *changes) failAndCorrect(t *testing.T, label, corrected string) {
	c.failRotation(t, label)
	before := c.tunnel(t)
	c.set(t, map[string]string{"rotation": corrected, "image": goodImage})
	require.NotEqual(t, before, c.tunnel(t))
}

// interruptedUp runs `pulumi up`, and interrupts it as Ctrl-C does when a pod can't pull its image.
func (c *changes) interruptedUp(t *testing.T) error {
	var out strings.Builder
	up := c.stack.command("up", "--yes", "--skip-preview", "--non-interactive", "--stack", c.stack.Name)
	up.Stdout, up.Stderr = &out, &out
	require.NoError(t, up.Start())
	done := make(chan error, 1)
	go func() { done <- up.Wait() }()
	wait.Until(t, time.Minute, "a pod can't pull its image", func() bool {
		return strings.Contains(kubectlIn(t, c.world, "get", "pods", "-A"), "ImagePull")
	})
	require.NoError(t, up.Process.Signal(os.Interrupt))
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		require.Fail(t, "pulumi doesn't end", out.String())
		return nil
	}
}

// evict evicts both connectors at once, as draining a node does. The disruption budget protects the
// second until the first has been replaced.
func (c *changes) evict(t *testing.T) {
	namespace := c.stack.output(t, "namespace")
	c.settle(t)
	pods := strings.Fields(kubectlIn(t, c.world, "-n", namespace, "get", "pods", "-o", "jsonpath={.items[*].metadata.name}"))
	require.Len(t, pods, 2)
	require.NoError(t, c.evictPod(namespace, pods[0]))
	require.ErrorContains(t, c.evictPod(namespace, pods[1]), "disruption budget")
	wait.Until(t, 2*time.Minute, "the budget lets the second connector go", func() bool {
		return c.evictPod(namespace, pods[1]) == nil
	})
	kubectlIn(t, c.world, "-n", namespace, "rollout", "status", "deployment/"+c.stack.output(t, "deployment"), "--timeout=120s")
}

func (c *changes) evictPod(namespace, pod string) error {
	eviction := fmt.Sprintf(`{"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":%q,"namespace":%q}}`, pod, namespace)
	cmd := c.world.Command(context.Background(), "kubectl", "create", "--raw",
		fmt.Sprintf("/api/v1/namespaces/%s/pods/%s/eviction", namespace, pod), "-f", "-")
	cmd.Stdin = strings.NewReader(eviction)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("evicting %s: %w: %s", pod, err, out)
	}
	return nil
}

func newRequest(ctx context.Context, host string) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/api/info", nil)
}
