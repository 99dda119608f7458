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

	"k8s-tunnel/sandbox/load"
	"k8s-tunnel/sandbox/world"
)

// changes makes changes in a scene while its hosts are under load.
type changes struct {
	*testing.T
	owner *testing.T // the test at whose end the stack goes
	scene scene
	world *world.World
	stack *stack
	load  *load.Generator
}

// answers waits until both apps answer through the front.
func (c *changes) answers() {
	c.Helper()
	for _, host := range c.world.AppHosts() {
		eventually(c.T, time.Minute, host+" answers", func() bool {
			req, err := newRequest(c.Context(), host)
			require.NoError(c, err)
			resp, err := c.world.Client().Do(req)
			if err != nil {
				return false
			}
			defer resp.Body.Close()
			return resp.StatusCode == http.StatusOK
		})
	}
}

// begin starts the load and lets it run for a while as a measure of what is normal.
func (c *changes) begin() {
	c.answers()
	// The names that were made by hand have to be known everywhere first.
	time.Sleep(time.Duration(c.scene.lag.DNS) + time.Second)
	c.load = load.Start(c.world.FrontAddr(), c.world.AppHosts(), "before")
	time.Sleep(10 * time.Second)
}

// phase makes one change under load. What it leaves behind on its way out, such as
// pods that end, may still go on when it returns.
func (c *changes) phase(name string, change func()) {
	c.Helper()
	c.load.Phase(name)
	began := time.Now()
	change()
	c.Logf("%s: %s took %s", c.scene.name(), name, time.Since(began).Round(time.Second))
}

// end stops the load when nothing of the changes is under way any more, and prints
// what was counted.
func (c *changes) end() load.Report {
	c.Helper()
	c.settle()
	report := c.load.Stop()
	var out strings.Builder
	require.NoError(c, report.Write(&out))
	fmt.Printf("\n%s\n%s\n", c.scene.name(), out.String())
	return report
}

// settle waits until no pod is on its way out, and then for whatever Cloudflare
// takes to notice.
func (c *changes) settle() {
	c.Helper()
	eventually(c.T, 3*time.Minute, "nothing is on its way out", func() bool {
		out := kubectlIn(c.T, c.world, "get", "pods", "-A", "-l", "app.kubernetes.io/name=cloudflared",
			"-o", `jsonpath={range .items[*]}{.metadata.deletionTimestamp}{end}`)
		return strings.TrimSpace(out) == ""
	})
	time.Sleep(time.Second)
}

// deploy makes the stack if there is none yet, and brings it up.
func (c *changes) deploy() {
	c.Helper()
	if c.stack == nil {
		c.stack = newStackIn(c.owner, c.world, "changes", nil)
	}
	c.stack.up(c.T)
}

// set changes settings and brings them about.
func (c *changes) set(settings map[string]string) {
	c.Helper()
	for key, value := range settings {
		c.stack.set(c.T, key, value)
	}
	c.stack.up(c.T)
}

// tunnel is the tunnel that the stack's names lead to.
func (c *changes) tunnel() string {
	c.Helper()
	state, err := c.world.Control().State(c.Context())
	require.NoError(c, err)
	require.NotEmpty(c, state.Records)
	content := state.Records[0].Content
	for _, record := range state.Records {
		require.Equal(c, content, record.Content, record.Name)
	}
	return strings.TrimSuffix(content, ".cfargotunnel.com")
}

const (
	// otherOrigin is one of the apps without the ingress controller in between: other
	// pods in another namespace.
	otherOrigin = "http://hello.apps"
	goodImage   = "cloudflare/cloudflared:2026.3.0"
	nextImage   = "cloudflare/cloudflared:2026.3.0-next"
	badImage    = "cloudflare/cloudflared:no-such-tag"
)

// cutOver lets the program take the names over from another live tunnel.
func (c *changes) cutOver() {
	before := c.tunnel()
	c.deploy()
	require.NotEqual(c, before, c.tunnel())
	require.Equal(c, c.stack.output(c.T, "tunnelId"), c.tunnel())
}

// keepTunnel runs connectors of the tunnel made by hand, which stays, and stops
// those that were started by hand.
func (c *changes) keepTunnel(byHand *handMade) {
	before := c.tunnel()
	c.stack = newStackIn(c.owner, c.world, "changes", map[string]string{"existingTunnel": before})
	c.stack.up(c.T)
	require.Equal(c, before, c.tunnel())
	require.Equal(c, before, c.stack.output(c.T, "tunnelId"))
	byHand.stop()
	c.stack.up(c.T, "--expect-no-changes")
}

// moveOut deletes the tunnel made by hand, once every data centre has seen that
// the names lead elsewhere.
func (c *changes) moveOut(byHand *handMade) {
	time.Sleep(time.Duration(c.scene.lag.DNS) + time.Second)
	byHand.remove()
}

// addRule leads one of the hosts past the ingress controller.
func (c *changes) addRule() {
	c.set(map[string]string{"ingress[0].hostname": c.world.AppHosts()[1], "ingress[0].service": otherOrigin})
}

// changeOrigin leads to another service, and then asks for much at once: the
// connectors on their way out still get requests, and still need their old origin.
func (c *changes) changeOrigin(origin string) {
	c.set(map[string]string{"origin": origin})
	c.load.Burst()
}

// rotate replaces the tunnel and all that belongs to it.
func (c *changes) rotate(label string) {
	before := c.tunnel()
	c.set(map[string]string{"rotation": label})
	require.NotEqual(c, before, c.tunnel())
}

// failRotation begins a rotation whose connectors never start, and gives up on it
// as soon as that shows. The names must not have moved.
func (c *changes) failRotation(label string) {
	before := c.tunnel()
	c.stack.set(c.T, "rotation", label)
	c.stack.set(c.T, "image", badImage)
	require.Error(c, c.interruptedUp())
	require.Equal(c, before, c.tunnel())
}

// failAndCorrect begins a rotation that fails, and completes it under a label: the
// same, the one of before, or a third.
func (c *changes) failAndCorrect(label, corrected string) {
	c.failRotation(label)
	before := c.tunnel()
	c.set(map[string]string{"rotation": corrected, "image": goodImage})
	require.NotEqual(c, before, c.tunnel())
}

// interruptedUp runs `pulumi up` and interrupts it, as somebody at the keyboard
// would, when a pod can't get its image.
func (c *changes) interruptedUp() error {
	var out strings.Builder
	up := c.stack.command("up", "--yes", "--skip-preview", "--non-interactive", "--stack", c.stack.name)
	up.Stdout, up.Stderr = &out, &out
	require.NoError(c, up.Start())
	done := make(chan error, 1)
	go func() { done <- up.Wait() }()
	eventually(c.T, time.Minute, "a pod can't get its image", func() bool {
		return strings.Contains(kubectlIn(c.T, c.world, "get", "pods", "-A"), "ImagePull")
	})
	require.NoError(c, up.Process.Signal(os.Interrupt))
	select {
	case err := <-done:
		return err
	case <-time.After(time.Minute):
		require.Fail(c, "pulumi doesn't end", out.String())
		return nil
	}
}

// evict asks for both connectors to go at once, as a drained node does. The
// disruption budget lets the second go only when the first has been replaced.
func (c *changes) evict() {
	namespace := c.stack.output(c.T, "namespace")
	c.settle()
	pods := strings.Fields(kubectlIn(c.T, c.world, "-n", namespace, "get", "pods", "-o", "jsonpath={.items[*].metadata.name}"))
	require.Len(c, pods, 2)
	require.NoError(c, c.evictPod(namespace, pods[0]))
	require.ErrorContains(c, c.evictPod(namespace, pods[1]), "disruption budget")
	eventually(c.T, 2*time.Minute, "the budget lets the second connector go", func() bool {
		return c.evictPod(namespace, pods[1]) == nil
	})
	kubectlIn(c.T, c.world, "-n", namespace, "rollout", "status", "deployment/"+c.stack.output(c.T, "deployment"), "--timeout=120s")
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
