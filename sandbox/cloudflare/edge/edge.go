// Package edge imitates the servers of Cloudflare's network that cloudflared dials: TLS
// with HTTP/2 (with roles reversed: cloudflared dials, then serves) and QUIC, the Cap'n
// Proto registration RPC on each connection's control stream, and the streams that
// carry requests to cloudflared.
//
// The RPC and its messages come from cloudflared's own tunnelrpc packages. The rest of
// the edge's behaviour follows from how stock cloudflared (2024.10 to 2026.3.0) reacts,
// and from what it logs when connected to the real edge:
//   - an unauthorized registration is refused with an error that is not marked retryable; cloudflared
//     looks for the word "Unauthorized" in it, logs it and keeps trying with a growing
//     delay. (Over QUIC it loses the error: 2026.3.0 keeps trying without saying why,
//     2024.10.1 exits.)
//   - a connector may hold one connection per edge address: a second one is
//     refused with EDUPCONN, which makes cloudflared try another address.
//   - a tunnel may hold a hundred connections. One more is refused with an error that is
//     marked retryable, after which cloudflared tries again, unless it was its first one
//     over HTTP/2, after which it exits; what the real edge answers isn't known.
//   - UnregisterConnection is answered at once. The edge then sends no new requests,
//     waits for those in flight and hangs up, which lets cloudflared exit before its
//     grace period is over.
//
// How it differs from the real one: every address is a data centre of its own in one
// process, a connection is picked at random instead of by distance, requests carry HTTP
// only (no TCP, no UDP, no private networks), and nothing is pushed to remotely managed
// tunnels. Which requests the real edge replays on another connection isn't documented;
// see RoundTrip for the cautious choice made here.
package edge

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// Server names that cloudflared asks for, one for each transport. They are
// compiled into it, and the certificate has to be valid for both.
const (
	ServerNameHTTP2 = "h2.cftunnel.com"
	ServerNameQUIC  = "quic.cftunnel.com"
)

// Config is what an edge needs from the rest of the sandbox.
type Config struct {
	// Tunnel is asked at every registration. It returns a tunnel, deleted or not, and false if there
	// never was one.
	Tunnel func(id uuid.UUID) (state.Tunnel, bool)
	// Certificate has to be valid for ServerNameHTTP2 and ServerNameQUIC.
	Certificate tls.Certificate
	// Changed is called with a tunnel's number of connections after each one that comes
	// or goes. Default: no call.
	Changed func(tunnel uuid.UUID, connections int)
	// Logger receives what happens to connections. Default: discard.
	Logger *slog.Logger
}

// Edge holds the listeners and the connections of all connectors. Its methods may
// be called concurrently.
type Edge struct {
	tunnel func(id uuid.UUID) (state.Tunnel, bool)
	cert   tls.Certificate
	log    *slog.Logger
	table  *table

	mu        sync.Mutex
	addrs     []string   // of the last Listen
	listeners *listeners // nil while the edge doesn't listen
	carriers  map[carrier]struct{}
	refusals  int               // of each new tunnel
	refused   map[uuid.UUID]int // so far
}

// New returns an edge that listens nowhere yet.
func New(c Config) *Edge {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return &Edge{
		tunnel: c.Tunnel, cert: c.Certificate, log: c.Logger,
		table: newTable(c.Changed), carriers: map[carrier]struct{}{}, refused: map[uuid.UUID]int{},
	}
}

// Connections lists a tunnel's connections, oldest first, with those that are
// draining or pending reconnect.
func (e *Edge) Connections(tunnel uuid.UUID) []state.Connection {
	return e.table.list(tunnel)
}

// Disconnect cuts a tunnel's connections, or only those of one connector, as the
// API's clean-up and deletion of a tunnel do. Requests in flight are cut too, and
// a connector whose tunnel still exists comes back within seconds.
func (e *Edge) Disconnect(tunnel uuid.UUID, client *uuid.UUID) {
	for _, c := range e.table.removeAll(tunnel, client) {
		e.log.Info("connection cleaned up", "tunnel", tunnel, "connection", c.ID)
		c.carrier.cut()
	}
}

// Cut cuts every connection without letting anything finish, like a data centre that
// goes down. Connectors notice at once.
func (e *Edge) Cut() {
	for _, c := range e.open() {
		c.cut()
	}
}

// SetConnectionLag sets how long a connection that registers from now on is left
// unused. The real network takes such a time to learn of a connector that already
// believes itself ready.
func (e *Edge) SetConnectionLag(d time.Duration) { e.table.setLag(d) }

// SetRefusals sets how many registrations of a tunnel that was never connected are refused.
// The real edge refuses those that come before all of it knows of a new tunnel.
func (e *Edge) SetRefusals(n int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.refusals = n
}

// SetDepartureLag sets how long a connection that broke without having unregistered is
// still listed, as pending reconnect. The real edge keeps those of a connector that was
// killed for half a minute to some minutes, and its tunnel can't be deleted until then.
// It applies to connections that broke earlier, too.
func (e *Edge) SetDepartureLag(d time.Duration) { e.table.setKept(d) }

// LocalConfiguration returns the configuration that a connector of the tunnel sent
// last, as JSON. cloudflared sends it once its first connection has registered, so
// a test can see which ingress rules really are in force.
func (e *Edge) LocalConfiguration(tunnel uuid.UUID) (json.RawMessage, bool) {
	return e.table.configuration(tunnel)
}

// open lists the transports that are up, registered or not.
func (e *Edge) open() []carrier {
	e.mu.Lock()
	defer e.mu.Unlock()
	all := make([]carrier, 0, len(e.carriers))
	for c := range e.carriers {
		all = append(all, c)
	}
	return all
}

// track keeps a transport among the open ones until the returned function is called.
func (e *Edge) track(c carrier) (untrack func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.carriers[c] = struct{}{}
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.carriers, c)
	}
}

// drain waits until no request is in flight, or until ctx ends.
func (e *Edge) drain(ctx context.Context) error {
	for _, c := range e.table.drainAll() {
		select {
		case <-c.idle:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
