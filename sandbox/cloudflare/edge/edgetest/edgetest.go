// Package edgetest runs stock cloudflared against an edge on loopback addresses, for
// the tests of the edge and of the front. Nothing that it starts contacts anything
// beyond the machine.
package edgetest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/ca"
	"k8s-tunnel/sandbox/cloudflare/edge"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// Account owns all of a world's tunnels.
const Account = "5a4db0c5a4db0c5a4db0c5a4db0c0001"

// Protocols are the transports that every test of carried requests runs over.
var Protocols = []string{"http2", "quic"}

// World is an edge with four addresses and a table of tunnels.
type World struct {
	Edge   *edge.Edge
	caFile string
	caPEM  []byte

	mu      sync.Mutex
	tunnels map[uuid.UUID]state.Tunnel
}

// worlds counts the worlds of this process.
var worlds atomic.Int32

// NewWorld starts an edge that is shut down when the test ends.
func NewWorld(t *testing.T) *World {
	t.Helper()
	dir := t.TempDir()
	authority, err := ca.Load(dir)
	require.NoError(t, err)
	cert, err := authority.Certificate(edge.ServerNameHTTP2, edge.ServerNameQUIC)
	require.NoError(t, err)
	w := &World{
		caFile: filepath.Join(dir, ca.CertificateFile), caPEM: authority.PEM(),
		tunnels: map[uuid.UUID]state.Tunnel{},
	}
	w.Edge = edge.New(edge.Config{
		Tunnel: w.tunnel, Certificate: cert,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	addrs := make([]string, 4)
	// Addresses of its own: elsewhere another socket could take a port after a stop.
	number := worlds.Add(1)
	for i := range addrs {
		addrs[i] = fmt.Sprintf("127.%d.%d.%d:0", 128+os.Getpid()%64, number, 11+i)
	}
	require.NoError(t, w.Edge.Listen(context.Background(), addrs))
	t.Cleanup(w.Edge.Stop)
	return w
}

func (w *World) tunnel(id uuid.UUID) (state.Tunnel, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	t, ok := w.tunnels[id]
	return t, ok
}

// NewTunnel adds a tunnel to the table.
func (w *World) NewTunnel() state.Tunnel {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // never fails
	t := state.Tunnel{ID: uuid.New(), AccountID: Account, Secret: secret, ConfigSrc: "local", CreatedAt: time.Now()}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tunnels[t.ID] = t
	return t
}

// DeleteTunnel does to a tunnel what the API does when it deletes one.
func (w *World) DeleteTunnel(id uuid.UUID) {
	now := time.Now()
	w.mu.Lock()
	t := w.tunnels[id]
	t.DeletedAt = &now
	w.tunnels[id] = t
	w.mu.Unlock()
	w.Edge.Disconnect(id, nil)
}

// WaitConnections waits until a tunnel has n connections or more that aren't
// draining, and returns them.
func (w *World) WaitConnections(t *testing.T, tunnel uuid.UUID, n int) []state.Connection {
	t.Helper()
	var live []state.Connection
	require.Eventually(t, func() bool {
		live = nil
		for _, c := range w.Edge.Connections(tunnel) {
			if !c.Draining {
				live = append(live, c)
			}
		}
		return len(live) >= n
	}, 60*time.Second, 20*time.Millisecond, "the tunnel never had %d connections", n)
	return live
}

// writeFile writes v as JSON, which is YAML too, and returns the file's name.
func writeFile(t *testing.T, dir, name string, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	require.NoError(t, err)
	path := filepath.Join(dir, name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}
