package edge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloudflare/cloudflared/tunnelrpc"
	"github.com/cloudflare/cloudflared/tunnelrpc/pogs"
	"github.com/google/uuid"
	"github.com/quic-go/quic-go"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/ca"
	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/wait"
)

// desk is an edge with one live and one deleted tunnel, with which tests register by
// hand: stock cloudflared doesn't show what it was told over QUIC.
type desk struct {
	*Edge
	roots         *x509.CertPool
	live, deleted state.Tunnel
}

// desks counts the desks of this process.
var desks atomic.Int32

func newDesk(t *testing.T) *desk {
	t.Helper()
	authority, err := ca.Load(t.TempDir())
	require.NoError(t, err)
	cert, err := authority.Certificate(ServerNameHTTP2, ServerNameQUIC)
	require.NoError(t, err)
	now := time.Now()
	d := &desk{
		roots:   x509.NewCertPool(),
		live:    state.Tunnel{ID: uuid.New(), AccountID: "account", Secret: []byte("secret")},
		deleted: state.Tunnel{ID: uuid.New(), AccountID: "account", Secret: []byte("secret"), DeletedAt: &now},
	}
	require.True(t, d.roots.AppendCertsFromPEM(authority.PEM()))
	tunnels := map[uuid.UUID]state.Tunnel{d.live.ID: d.live, d.deleted.ID: d.deleted}
	d.Edge = New(Config{Certificate: cert, Tunnel: func(id uuid.UUID) (state.Tunnel, bool) {
		tunnel, ok := tunnels[id]
		return tunnel, ok
	}})
	// Addresses of its own: elsewhere another socket could take a port after a stop.
	own := fmt.Sprintf("127.%d.%d", 64+os.Getpid()%64, desks.Add(1))
	require.NoError(t, d.Listen(context.Background(), []string{own + ".1:0", own + ".2:0"}))
	t.Cleanup(d.Stop)
	return d
}

// restart starts an edge again. The system chose its ports, and a client of another
// test that is bound to all addresses may hold one for a moment.
func restart(t *testing.T, edge *Edge, ctx context.Context) {
	t.Helper()
	require.Eventually(t, func() bool { return edge.Start(ctx) == nil }, 30*time.Second, 10*time.Millisecond)
}

func (d *desk) dial(t *testing.T, addr string) *quic.Conn {
	t.Helper()
	conn, err := d.tryToDial(t, addr, ServerNameQUIC)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.CloseWithError(0, "") })
	return conn
}

func (d *desk) tryToDial(t *testing.T, addr, serverName string) (*quic.Conn, error) {
	t.Helper()
	return quic.DialAddr(t.Context(), addr, &tls.Config{
		RootCAs: d.roots, ServerName: serverName, NextProtos: []string{protocolQUIC},
	}, quicConfig())
}

func (d *desk) register(t *testing.T, conn *quic.Conn, tunnel state.Tunnel, client uuid.UUID) (tunnelrpc.RegistrationClient, *pogs.ConnectionDetails, error) {
	t.Helper()
	control, err := conn.OpenStream()
	require.NoError(t, err)
	rpc := tunnelrpc.NewRegistrationClient(t.Context(), control, 5*time.Second)
	t.Cleanup(rpc.Close)
	details, err := rpc.RegisterConnection(t.Context(),
		pogs.TunnelAuth{AccountTag: tunnel.AccountID, TunnelSecret: tunnel.Secret}, tunnel.ID,
		&pogs.ConnectionOptions{Client: pogs.ClientInfo{ClientID: client[:], Version: "test", Features: []string{"f"}}},
		3, net.IPv4(127, 0, 0, 1))
	return rpc, details, err
}

func TestRegistration_Refusals(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	change := func(f func(*state.Tunnel)) state.Tunnel {
		tunnel := d.live
		f(&tunnel)
		return tunnel
	}
	for name, test := range map[string]struct {
		tunnel state.Tunnel
		want   string
	}{
		"wrong secret":      {change(func(t *state.Tunnel) { t.Secret = []byte("Secret") }), "Unauthorized: Invalid tunnel secret"},
		"no secret":         {change(func(t *state.Tunnel) { t.Secret = nil }), "Unauthorized: Invalid tunnel secret"},
		"another account":   {change(func(t *state.Tunnel) { t.AccountID = "other" }), "Unauthorized: Tunnel not found"},
		"an unknown tunnel": {change(func(t *state.Tunnel) { t.ID = uuid.New() }), "Unauthorized: Tunnel not found"},
		"a deleted tunnel":  {d.deleted, "Unauthorized: Tunnel not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := d.register(t, d.dial(t, d.Addrs()[0]), test.tunnel, uuid.New())
			require.EqualError(t, err, test.want)
			require.Empty(t, d.Connections(test.tunnel.ID))
		})
	}
}

func TestRegistration_TooManyConnections(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.table.most = 1
	rpc, _, err := d.register(t, d.dial(t, d.Addrs()[0]), d.live, uuid.New())
	require.NoError(t, err)
	again := func() error {
		_, _, err := d.register(t, d.dial(t, d.Addrs()[0]), d.live, uuid.New())
		return err
	}
	err = again()
	var retryable *pogs.RetryableError
	require.ErrorAs(t, err, &retryable)
	require.EqualError(t, err, errTooMany.Error())
	require.Len(t, d.Connections(d.live.ID), 1)

	rpc.GracefulShutdown(t.Context(), time.Second)
	rpc.Close()
	wait.Until(t, 5*time.Second, "there is room", func() bool { return again() == nil })
}

func TestRegistration_LifeOfAConnection(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	client := uuid.New()
	conn := d.dial(t, d.Addrs()[0])
	rpc, details, err := d.register(t, conn, d.live, client)
	require.NoError(t, err)
	require.Equal(t, "sbx01", details.Location)
	require.False(t, details.TunnelIsRemotelyManaged)

	listed := d.Connections(d.live.ID)
	require.Len(t, listed, 1)
	require.Equal(t, state.Connection{
		ID: details.UUID, TunnelID: d.live.ID, ClientID: client, ConnIndex: 3, Protocol: "quic", EdgeAddr: d.Addrs()[0],
		OriginIP: "127.0.0.1", ClientVersion: "test", Features: []string{"f"}, Location: "sbx01", OpenedAt: listed[0].OpenedAt,
	}, listed[0])

	_, _, err = d.register(t, d.dial(t, d.Addrs()[0]), d.live, client)
	require.EqualError(t, err, "EDUPCONN")
	_, details, err = d.register(t, d.dial(t, d.Addrs()[1]), d.live, client)
	require.NoError(t, err, "another address is another server")
	require.Equal(t, "sbx02", details.Location)

	require.NoError(t, rpc.SendLocalConfiguration(t.Context(), []byte(`{"ingress":[]}`)))
	config, ok := d.LocalConfiguration(d.live.ID)
	require.True(t, ok)
	require.JSONEq(t, `{"ingress":[]}`, string(config))

	rpc.GracefulShutdown(t.Context(), time.Second)
	rpc.Close()
	select {
	case <-conn.Context().Done():
	case <-time.After(5 * time.Second):
		require.Fail(t, "the edge didn't hang up")
	}
	require.Eventually(t, func() bool { return len(d.Connections(d.live.ID)) == 1 }, 5*time.Second, 5*time.Millisecond)
}

func TestRegistration_ConnectionsThatBreakAreKept(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.SetDepartureLag(time.Hour)
	client := uuid.New()
	conn := d.dial(t, d.Addrs()[0])
	_, details, err := d.register(t, conn, d.live, client)
	require.NoError(t, err)
	require.NoError(t, conn.CloseWithError(0, "killed"))
	broken := func() bool {
		listed := d.Connections(d.live.ID)
		return len(listed) == 1 && listed[0].ID == details.UUID && listed[0].PendingReconnect
	}
	require.Eventually(t, broken, 5*time.Second, 5*time.Millisecond)

	_, back, err := d.register(t, d.dial(t, d.Addrs()[0]), d.live, client)
	require.NoError(t, err, "its connector may come back")
	listed := d.Connections(d.live.ID)
	require.Len(t, listed, 1)
	require.Equal(t, back.UUID, listed[0].ID)
	require.False(t, listed[0].PendingReconnect)

	d.Disconnect(d.live.ID, nil)
	require.Never(t, func() bool { return len(d.Connections(d.live.ID)) > 0 }, 200*time.Millisecond, 10*time.Millisecond)
}

func TestRegistration_UnknownServerName(t *testing.T) {
	t.Parallel()
	authority, err := ca.Load(t.TempDir())
	require.NoError(t, err)
	cert, err := authority.Certificate(ServerNameQUIC, ServerNameHTTP2, "other.example")
	require.NoError(t, err)
	d := newDesk(t)
	d.Stop()
	d.cert = cert
	d.roots.AppendCertsFromPEM(authority.PEM())
	restart(t, d.Edge, context.Background())
	conn, err := d.tryToDial(t, d.Addrs()[0], "other.example")
	if err == nil {
		// The edge closes the connection at once, which the client sees during its handshake or after it.
		defer func() { _ = conn.CloseWithError(0, "") }()
		select {
		case <-conn.Context().Done():
			err = context.Cause(conn.Context())
		case <-time.After(5 * time.Second):
			require.Fail(t, "a server name that cloudflared never asks for was accepted")
		}
	}
	var closed *quic.ApplicationError
	require.ErrorAs(t, err, &closed)
	require.True(t, closed.Remote)
}

func TestListen(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	require.ErrorIs(t, d.Listen(context.Background(), []string{"127.0.0.1:0"}), errListening)
	addrs := d.Addrs()
	d.Stop()
	d.Stop()
	restart(t, d.Edge, context.Background())
	require.Equal(t, addrs, d.Addrs(), "the same ports as before")
	require.NoError(t, d.Shutdown(t.Context()))
	require.NoError(t, d.Shutdown(t.Context()))

	require.ErrorIs(t, New(Config{}).Listen(t.Context(), nil), errNoAddress)
	require.ErrorContains(t, New(Config{}).Listen(t.Context(), []string{"127.0.0.1:http?"}), "127.0.0.1:http?")
}

func TestListen_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.Stop()
	ctx, cancel := context.WithCancel(t.Context())
	restart(t, d.Edge, ctx)
	conn := d.dial(t, d.Addrs()[0])
	_, _, err := d.register(t, conn, d.live, uuid.New())
	require.NoError(t, err)
	cancel()
	select {
	case <-conn.Context().Done():
	case <-time.After(5 * time.Second):
		require.Fail(t, "the edge didn't hang up")
	}
	restart(t, d.Edge, t.Context())
}

// A new tunnel is refused at first, until it was connected once.
func TestRegistration_NewTunnel(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.SetRefusals(2)
	for range 2 {
		_, _, err := d.register(t, d.dial(t, d.Addrs()[0]), d.live, uuid.New())
		require.ErrorContains(t, err, "Unauthorized: Failed to get tunnel")
	}
	_, _, err := d.register(t, d.dial(t, d.Addrs()[0]), d.live, uuid.New())
	require.NoError(t, err)
}
