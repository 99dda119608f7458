//go:build e2e

package e2e

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/project"
)

// TestChangesUnderLoad makes every change that a tunnel's owner makes over the years, with `pulumi
// up` alone, and requires that no request fails in the meantime: over QUIC with a Cloudflare that
// lags, and over HTTP/2 with one that is instant. With ALL_SCENES set, it adds the other two
// combinations. Each protocol has a world of its own, and the worlds run side by side. `make soak`
// makes each change many times.
func TestChangesUnderLoad(t *testing.T) {
	share(t)
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
	c := newChanges(t, s)
	c.begin(t)
	if s == (scene{protocol: "http2"}) {
		c.phase(t, "keep the tunnel", func() { c.keepTunnel(t) })
		c.stack.unset(t, "existingTunnel") // or there would be nothing to cut over to
	}
	c.phase(t, "cut-over", func() { c.cutOver(t) })
	requireProtocol(t, c)
	c.phase(t, "moving out", func() { c.moveOut(t) })
	c.phase(t, "rule", func() { c.addRule(t) })
	c.phase(t, "origin", func() { c.changeOrigin(t, project.OtherOrigin) })
	c.phase(t, "image and resources", func() { c.set(t, map[string]string{"image": nextImage, "pod.resources.limits.memory": "192Mi"}) })
	c.phase(t, "3 replicas", func() { c.set(t, map[string]string{"replicas": "3"}) })
	c.phase(t, "2 replicas", func() { c.set(t, map[string]string{"replicas": "2"}) })
	c.phase(t, "rotation", func() { c.rotate(t, "2026-12") })
	c.phase(t, "bad image", func() { c.failAndCorrect(t, "2027-01", correctedLabels[s.name()]) })
	c.phase(t, "eviction", func() { c.evict(t) })
	require.Zero(t, c.end(t).Failed())
	c.stack.up(t, "--expect-no-changes")
	requireNoLeftovers(t, c)
}

// correctedLabels are the labels under which each scene completes a failed rotation to 2027-01:
// that label again, the previous one, or a third.
var correctedLabels = map[string]string{
	"quic-lagging": "2027-01", "quic-instant": "2026-12", "http2-lagging": "2027-02", "http2-instant": "2026-12",
}

// requireProtocol requires that all connectors use the scene's protocol: otherwise the scene would
// prove nothing.
func requireProtocol(t *testing.T, c *changes) {
	t.Helper()
	state, err := c.world.Control().State(t.Context())
	require.NoError(t, err)
	seen := 0
	for _, tunnel := range state.Live() {
		for _, conn := range tunnel.Connections {
			require.Equal(t, c.scene.protocol, conn.Protocol)
			seen++
		}
	}
	require.NotZero(t, seen)
	require.Equal(t, c.scene.lag, state.Lag)
}

// requireNoLeftovers requires that one tunnel, its two records and one object of each kind are all
// that is left after the changes.
func requireNoLeftovers(t *testing.T, c *changes) {
	t.Helper()
	state, err := c.world.Control().State(t.Context())
	require.NoError(t, err)
	require.Len(t, state.Live(), 1)
	require.Len(t, state.Records, 2)
	namespace := c.stack.output(t, "namespace")
	for _, kind := range []string{"deployments", "secrets", "poddisruptionbudgets"} {
		require.Len(t, strings.Fields(kubectlIn(t, c.world, "-n", namespace, "get", kind, "-o", "name")), 1, kind)
	}
	configs := kubectlIn(t, c.world, "-n", namespace, "get", "configmaps", "-l", "app.kubernetes.io/managed-by=pulumi", "-o", "name")
	require.Len(t, strings.Fields(configs), 1)
}
