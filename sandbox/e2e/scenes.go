//go:build e2e

package e2e

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/world"
)

// scene says under what conditions changes are made: how connectors reach Cloudflare, and how long
// a change there takes to be seen everywhere.
type scene struct {
	protocol string // quic or http2
	lag      control.Lag
}

func (s scene) name() string {
	if s.lag == (control.Lag{}) {
		return s.protocol + "-instant"
	}
	return s.protocol + "-lagging"
}

// lagging is a Cloudflare some of whose data centres are slow to learn of changes.
var lagging = control.Lag{DNS: api.Duration(5 * time.Second), Connection: api.Duration(3 * time.Second)}

// world returns the world whose connectors use the scene's protocol, with the scene's lags. Neither
// the program nor its settings choose the protocol: the cluster's DNS does, the way Cloudflare
// steers connectors.
func (s scene) world(t *testing.T) *world.World {
	t.Helper()
	w := testWorld
	if s.protocol == "http2" {
		w = http2World(t)
	}
	require.NoError(t, w.Control().SetLag(t.Context(), s.lag))
	t.Cleanup(func() { require.NoError(t, w.Control().SetLag(context.Background(), control.Lag{})) })
	return w
}

// forProtocols runs a part of a test once per protocol, side by side.
func forProtocols(t *testing.T, part func(t *testing.T, protocol string)) {
	for _, protocol := range []string{"quic", "http2"} {
		scene{protocol: protocol}.world(t) // one by one, because a start keeps both cores busy
	}
	// The group returns when all its parallel sub-tests have ended.
	t.Run("protocols", func(t *testing.T) {
		for _, protocol := range []string{"quic", "http2"} {
			t.Run(protocol, func(t *testing.T) {
				t.Parallel()
				part(t, protocol)
			})
		}
	})
}
