package edge

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/cloudflare/cloudflared/tunnelrpc"
	"github.com/cloudflare/cloudflared/tunnelrpc/pogs"
	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// What the real edge answers to a registration that it refuses. cloudflared logs it as
// the error of "Register tunnel error from server side"; over QUIC, newer builds log
// only that the control stream failed. A tunnel of another account is as unknown here
// as one that never existed.
var (
	errTunnelNotFound = errors.New("Unauthorized: Tunnel not found")      //nolint:staticcheck // Cloudflare's own words
	errUnknownYet     = errors.New("Unauthorized: Failed to get tunnel")  //nolint:staticcheck // Cloudflare's own words
	errInvalidSecret  = errors.New("Unauthorized: Invalid tunnel secret") //nolint:staticcheck // Cloudflare's own words
)

var errNotRegistered = errors.New("connection is not registered")

// session is the edge's side of one control stream, through which a connector
// registers the connection that the stream belongs to.
type session struct {
	edge    *Edge
	carrier carrier
	info    state.Connection // what is known before registration

	mu    sync.Mutex
	conn  *connection // once registered
	ended bool        // nothing is registered any more
}

var _ pogs.RegistrationServer = (*session)(nil)

// serve answers the control stream until the connector ends it, lets the requests in
// flight finish if the connector has unregistered, and hangs up.
func (s *session) serve(ctx context.Context, control io.ReadWriteCloser) {
	defer s.edge.track(s.carrier)()
	_ = tunnelrpc.NewRegistrationServer(s).Serve(ctx, control) // always returns an error: the stream's end

	conn := s.end()
	if conn == nil {
		s.carrier.hangUp()
		return
	}
	defer s.edge.table.end(conn)
	if s.edge.table.draining(conn) {
		select {
		case <-conn.idle:
		case <-ctx.Done():
		}
	}
	s.carrier.hangUp()
	s.edge.log.Info("connection closed", "tunnel", conn.TunnelID, "connection", conn.ID)
}

// end keeps anything from being registered after the stream's end, and returns what was.
func (s *session) end() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	return s.conn
}

// RegisterConnection authenticates a connector and adds its connection to the table.
func (s *session) RegisterConnection(_ context.Context, auth pogs.TunnelAuth, tunnel uuid.UUID, index byte, o *pogs.ConnectionOptions) (*pogs.ConnectionDetails, error) {
	details, err := s.register(auth, tunnel, index, o)
	if err != nil {
		s.edge.log.Warn("registration refused", "tunnel", tunnel, "index", index,
			"protocol", s.info.Protocol, "edge", s.info.EdgeAddr, "error", err)
	}
	return details, err
}

func (s *session) register(auth pogs.TunnelAuth, tunnel uuid.UUID, index byte, o *pogs.ConnectionOptions) (*pogs.ConnectionDetails, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.ended:
		return nil, errNotRegistered
	case s.conn != nil:
		return nil, errDuplicate
	}
	if err := s.edge.authenticate(auth, tunnel); err != nil {
		return nil, err
	}
	client, err := uuid.FromBytes(o.Client.ClientID)
	if err != nil {
		return nil, fmt.Errorf("connector ID: %w", err)
	}
	info := s.info
	info.ID, info.TunnelID, info.ClientID, info.ConnIndex = uuid.New(), tunnel, client, index
	info.ClientVersion, info.Arch, info.Features = o.Client.Version, o.Client.Arch, slices.Clone(o.Client.Features)
	info.OpenedAt = time.Now().UTC().Truncate(time.Microsecond) // as precise as the original

	conn, replaced, err := s.edge.table.add(info, s.carrier, o.ReplaceExisting)
	if err != nil {
		return nil, err
	}
	for _, r := range replaced {
		r.carrier.cut()
	}
	// The tunnel may have been deleted in the meantime, by a clean-up that was too
	// early to see this connection.
	if err := s.edge.authenticate(auth, tunnel); err != nil {
		s.edge.table.remove(conn)
		return nil, err
	}
	s.conn = conn
	s.edge.log.Info("connection registered", "tunnel", tunnel, "connection", info.ID, "connector", client,
		"index", index, "protocol", info.Protocol, "edge", info.EdgeAddr, "version", info.ClientVersion)
	return &pogs.ConnectionDetails{UUID: info.ID, Location: info.Location}, nil
}

// UnregisterConnection starts a connection's graceful end. It is answered at once;
// serve hangs up when the last request has ended.
func (s *session) UnregisterConnection(context.Context) {
	if conn := s.registered(); conn != nil {
		s.edge.table.drain(conn)
		s.edge.log.Info("connection unregistered", "tunnel", conn.TunnelID, "connection", conn.ID)
	}
}

// UpdateLocalConfiguration keeps the configuration that a connector runs with.
func (s *session) UpdateLocalConfiguration(_ context.Context, config []byte) error {
	conn := s.registered()
	if conn == nil {
		return errNotRegistered
	}
	s.edge.table.configure(conn.TunnelID, config)
	return nil
}

func (s *session) registered() *connection {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conn
}

// authenticate checks what a connector presents against the table of tunnels.
func (e *Edge) authenticate(auth pogs.TunnelAuth, id uuid.UUID) error {
	t, ok := e.tunnel(id)
	switch {
	case !ok, t.DeletedAt != nil, t.AccountID != auth.AccountTag:
		return errTunnelNotFound
	case subtle.ConstantTimeCompare(t.Secret, auth.TunnelSecret) != 1:
		return errInvalidSecret
	case t.ActiveAt == nil && e.unknownYet(id):
		return errUnknownYet
	}
	return nil
}

// unknownYet reports whether to refuse a registration of a new tunnel.
func (e *Edge) unknownYet(id uuid.UUID) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.refused[id] >= e.refusals {
		return false
	}
	e.refused[id]++
	return true
}
