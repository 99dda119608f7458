// Package edge imitates the servers that cloudflared dials.
package edge

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// Server names that cloudflared asks for, one for each transport.
const (
	ServerNameHTTP2 = "h2.cftunnel.com"
	ServerNameQUIC  = "quic.cftunnel.com"
)

// Tunnels is the table that connectors are authenticated against.
type Tunnels interface {
	// Tunnel returns the tunnel, deleted ones included, and false when there never was one.
	Tunnel(id uuid.UUID) (state.Tunnel, bool)
}

// TunnelsFunc makes a function a table of tunnels.
type TunnelsFunc func(id uuid.UUID) (state.Tunnel, bool)

// Tunnel calls the function.
func (f TunnelsFunc) Tunnel(id uuid.UUID) (state.Tunnel, bool) { return f(id) }

// Config is what an edge needs from the rest of the sandbox.
type Config struct {
	Tunnels     Tunnels
	Certificate tls.Certificate // valid for both server names
	Location    string          // prefix of the data centres' names, default "sbx"
	Logger      *slog.Logger    // default: discard
}

// Edge holds the listeners and the connections of all connectors.
type Edge struct{}

// New returns an edge that listens nowhere yet.
func New(c Config) *Edge { return &Edge{} }

// Listen binds TCP and UDP on every address (host:port) and serves in the
// background until Stop, Shutdown or the end of ctx. Addresses needn't exist yet.
func (e *Edge) Listen(ctx context.Context, addrs []string) error { return errors.New("not built yet") }

// Start listens again on the addresses of the last Listen, after a Stop.
func (e *Edge) Start(ctx context.Context) error { return errors.New("not built yet") }

// Stop closes the listeners and cuts every connection: an outage of the edge.
func (e *Edge) Stop() {}

// Shutdown closes the listeners, lets requests in flight finish until ctx ends, and hangs up.
func (e *Edge) Shutdown(ctx context.Context) error { return nil }

// Connections lists a tunnel's connections, oldest first.
func (e *Edge) Connections(tunnel uuid.UUID) []state.Connection { return nil }

// Disconnect cuts a tunnel's connections, or those of one connector only.
func (e *Edge) Disconnect(tunnel uuid.UUID, client *uuid.UUID) {}

// Cut cuts every connection without notice, as an edge that restarts.
func (e *Edge) Cut() {}

// SetConnectionLag sets how long a new connection is not used yet.
func (e *Edge) SetConnectionLag(d time.Duration) {}

// LocalConfiguration returns what the tunnel's connectors last sent as their own configuration.
func (e *Edge) LocalConfiguration(tunnel uuid.UUID) (json.RawMessage, bool) { return nil, false }

// ErrUnknownTunnel and ErrNoConnection say why a request can't be carried.
var (
	ErrUnknownTunnel = errors.New("no such tunnel")
	ErrNoConnection  = errors.New("tunnel has no usable connection")
)

// RoundTrip carries one request through a tunnel.
func (e *Edge) RoundTrip(tunnel uuid.UUID, r *http.Request) (*http.Response, error) {
	return nil, errors.New("not built yet")
}
