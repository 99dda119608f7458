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

	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/toolchain"
)

// TestChangesUnderLoad makes every change that a tunnel's owner makes over the
// years, by `pulumi up` alone, and demands that no request fails meanwhile: over
// QUIC on a Cloudflare that lags, and over HTTP/2 on one that is instant. With
// ALL_SCENES set, it does so the other way round, too. The protocols' worlds run
// side by side. `make soak` makes each change many times.
func TestChangesUnderLoad(t *testing.T) {
	first := map[string]control.Lag{"quic": lagging, "http2": {}}
	second := map[string]control.Lag{"quic": {}, "http2": lagging}
	forProtocols(t, func(t *testing.T, protocol string) {
		lags := []control.Lag{first[protocol]}
		if os.Getenv("ALL_SCENES") != "" {
			lags = append(lags, second[protocol])
		}
		for _, lag := range lags {
			s := scene{protocol, lag}
			t.Run(s.name(), func(t *testing.T) { makeChanges(t, s) })
		}
	})
}

// forProtocols runs a part of a test for each protocol, side by side.
func forProtocols(t *testing.T, part func(t *testing.T, protocol string)) {
	for _, protocol := range []string{"quic", "http2"} {
		scene{protocol: protocol}.world(t) // one after the other: each takes both cores to come up
	}
	// Returns when all that runs side by side has ended.
	t.Run("protocols", func(t *testing.T) {
		for _, protocol := range []string{"quic", "http2"} {
			t.Run(protocol, func(t *testing.T) {
				t.Parallel()
				part(t, protocol)
			})
		}
	})
}

// makeChanges makes each change once in a scene.
func makeChanges(t *testing.T, s scene) {
	c := &changes{T: t, owner: t, scene: s, world: s.world(t)}
	byHand := makeByHand(t, c.world)
	c.begin()
	if s == (scene{protocol: "http2"}) {
		c.phase("keep the tunnel", func() { c.keepTunnel(byHand) })
		c.stack.unset(t, "existingTunnel") // the cut-over is from the one to the other
	}
	c.phase("cut-over", c.cutOver)
	requireProtocol(c)
	c.phase("moving out", func() { c.moveOut(byHand) })
	c.phase("rule", c.addRule)
	c.phase("origin", func() { c.changeOrigin(otherOrigin) })
	c.phase("image and resources", func() { c.set(map[string]string{"image": nextImage, "pod.resources.limits.memory": "192Mi"}) })
	c.phase("3 replicas", func() { c.set(map[string]string{"replicas": "3"}) })
	c.phase("2 replicas", func() { c.set(map[string]string{"replicas": "2"}) })
	c.phase("rotation", func() { c.rotate("2026-12") })
	c.phase("bad image", func() { c.failAndCorrect("2027-01", correctedLabels[s.name()]) })
	c.phase("eviction", c.evict)
	require.Zero(t, c.end().Failed())
	c.stack.up(t, "--expect-no-changes")
	requireNoLeftovers(c)
}

// correctedLabels are the labels under which a failed rotation to 2027-01 is
// completed in each scene: under that one, the one of before, or a third.
var correctedLabels = map[string]string{
	"quic-lagging": "2027-01", "quic-instant": "2026-12", "http2-lagging": "2027-02", "http2-instant": "2026-12",
}

const (
	// otherOrigin is one of the apps without the ingress controller in between: other
	// pods in another namespace.
	otherOrigin = "http://hello.apps"
	goodImage   = "cloudflare/cloudflared:" + toolchain.CloudflaredVersion
	nextImage   = goodImage + "-next"
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

// requireProtocol demands that the tunnel's connectors came over the scene's
// protocol: a scene that isn't what it says shows nothing.
func requireProtocol(c *changes) {
	c.Helper()
	state, err := c.world.Control().State(c.Context())
	require.NoError(c, err)
	seen := 0
	for _, tunnel := range state.Live() {
		for _, conn := range tunnel.Connections {
			require.Equal(c, c.scene.protocol, conn.Protocol)
			seen++
		}
	}
	require.NotZero(c, seen)
	require.Equal(c, c.scene.lag, state.Lag)
}

// requireNoLeftovers demands that of all that came and went one tunnel, its two
// records, and one of each object are left.
func requireNoLeftovers(c *changes) {
	c.Helper()
	state, err := c.world.Control().State(c.Context())
	require.NoError(c, err)
	require.Len(c, state.Live(), 1)
	require.Len(c, state.Records, 2)
	namespace := c.stack.output(c.T, "namespace")
	for _, kind := range []string{"deployments", "secrets", "poddisruptionbudgets"} {
		require.Len(c, strings.Fields(kubectlIn(c.T, c.world, "-n", namespace, "get", kind, "-o", "name")), 1, kind)
	}
	configs := kubectlIn(c.T, c.world, "-n", namespace, "get", "configmaps", "-l", "app.kubernetes.io/managed-by=pulumi", "-o", "name")
	require.Len(c, strings.Fields(configs), 1)
}

func newRequest(ctx context.Context, host string) (*http.Request, error) {
	return http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+"/api/info", nil)
}
