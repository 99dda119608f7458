//go:build e2e

package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/handmade"
	"k8s-tunnel/sandbox/world"
)

// handMade is a tunnel made by hand, for tests.
type handMade struct{ tunnel *handmade.Tunnel }

// makeByHand creates a tunnel, points the home zone's names at it, and starts its connector, which
// is stopped when the test ends.
func makeByHand(t *testing.T, w *world.World) *handMade {
	t.Helper()
	h := &handMade{handmade.New(w, t.TempDir())}
	require.NoError(t, h.tunnel.Create(context.Background()))
	require.Contains(t, h.cloudflared(t, "list"), handmade.Name)
	h.routeNames(t)
	t.Cleanup(func() { h.stop(t) })
	require.NoError(t, h.tunnel.Start(context.Background()))
	return h
}

// cloudflared runs one command of `cloudflared tunnel`.
func (h *handMade) cloudflared(t *testing.T, args ...string) string {
	t.Helper()
	out, err := h.tunnel.Cloudflared(context.Background(), args...)
	require.NoError(t, err)
	return out
}

// routeNames points the home zone's names at the tunnel.
func (h *handMade) routeNames(t *testing.T) {
	t.Helper()
	require.NoError(t, h.tunnel.RouteNames(context.Background()))
}

// stop stops the connector, and leaves everything else.
func (h *handMade) stop(t *testing.T) {
	t.Helper()
	require.NoError(t, h.tunnel.Stop(context.Background()))
}

// remove deletes what makeByHand made, in the order that the README gives.
func (h *handMade) remove(t *testing.T) {
	t.Helper()
	require.NoError(t, h.tunnel.Remove(context.Background()))
	require.NotContains(t, h.cloudflared(t, "list"), handmade.Name)
}
