package edge_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/edge/edgetest"
)

// TestEdge_NoRequestFailsWhenConnectorsTakeTurns keeps sending uploads while one
// connector is replaced by another, as in a rollout of a Deployment.
func TestEdge_NoRequestFailsWhenConnectorsTakeTurns(t *testing.T) {
	t.Parallel()
	overEach(t, func(t *testing.T, protocol string) {
		w := edgetest.NewWorld(t)
		tunnel := w.NewTunnel()
		service, asked := slow(t, 30*time.Millisecond)
		go func() {
			for range asked { // nothing else reads it
			}
		}()
		o := edgetest.Options{Tunnel: tunnel, Protocol: protocol, Service: service}
		current := w.Run(t, o)
		w.WaitConnections(t, tunnel.ID, 4)

		ctx, stop := context.WithCancel(context.Background())
		defer stop()
		var sent atomic.Int64
		failures := make(chan error, 1000)
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				for ctx.Err() == nil {
					sent.Add(1)
					if err := upload(w, tunnel.ID); err != nil {
						failures <- err
					}
				}
			})
		}
		for range 2 {
			next := w.Run(t, o)
			w.WaitConnections(t, tunnel.ID, 8)
			current.Terminate(t)
			require.Zero(t, current.Wait(t, 20*time.Second))
			current = next
		}
		stop()
		wg.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err)
		}
		require.Greater(t, sent.Load(), int64(100))
	})
}

func upload(w *edgetest.World, tunnel uuid.UUID) error {
	r, err := http.NewRequest(http.MethodPost, "https://home.localhost/", strings.NewReader("body"))
	if err != nil {
		return err
	}
	resp, err := w.Edge.RoundTrip(tunnel, r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && string(body) != "slow but sure" {
		err = fmt.Errorf("status %d: %s", resp.StatusCode, body)
	}
	return err
}
