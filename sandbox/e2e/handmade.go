//go:build e2e

package e2e

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/handmade"
	"k8s-tunnel/sandbox/world"
)

// handMade is a tunnel that a test made by hand.
type handMade struct {
	t      *testing.T
	tunnel *handmade.Tunnel
}

// makeByHand creates a tunnel, points the home zone's names at it, and starts its
// connector.
func makeByHand(t *testing.T, w *world.World) *handMade {
	t.Helper()
	h := &handMade{t, handmade.New(w, t.TempDir())}
	require.NoError(t, h.tunnel.Create(context.Background()))
	require.Contains(t, h.cloudflared("list"), handmade.Name)
	h.routeNames()
	t.Cleanup(h.stop)
	require.NoError(t, h.tunnel.Start(context.Background()))
	return h
}

// cloudflared runs one command of `cloudflared tunnel`.
func (h *handMade) cloudflared(args ...string) string {
	h.t.Helper()
	out, err := h.tunnel.Cloudflared(context.Background(), args...)
	require.NoError(h.t, err)
	return out
}

// routeNames points the home zone's names at the tunnel.
func (h *handMade) routeNames() {
	h.t.Helper()
	require.NoError(h.t, h.tunnel.RouteNames(context.Background()))
}

// stop ends the connector, and nothing else.
func (h *handMade) stop() {
	h.t.Helper()
	require.NoError(h.t, h.tunnel.Stop(context.Background()))
}

// remove deletes what makeByHand made, in the order that the README gives.
func (h *handMade) remove() {
	h.t.Helper()
	require.NoError(h.t, h.tunnel.Remove(context.Background()))
	require.NotContains(h.t, h.cloudflared("list"), handmade.Name)
}
