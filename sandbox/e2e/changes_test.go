//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/control"
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
