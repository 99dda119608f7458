package edge

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// Why a request can't be carried; everything else that RoundTrip returns is a
// failure of a connection on the way.
var (
	// ErrUnknownTunnel means that there is no such tunnel, or none any more.
	ErrUnknownTunnel = errors.New("no such tunnel")
	// ErrNoConnection means that no connector is connected and usable.
	ErrNoConnection = errors.New("tunnel has no usable connection")
	// ErrConnector means that the request reached the connector, and that it
	// couldn't get an answer from the origin. cloudflared doesn't say why in a form
	// meant for visitors.
	ErrConnector = errors.New("connector could not reach the origin")
)

// errNotSent wraps the failure of a connection before any of a request was on its
// way, so that it may go to another whatever its method is.
type errNotSent struct{ error }

func (e errNotSent) Unwrap() error { return e.error }

// errLost wraps the failure of a connection that ended with a request on its way.
// It is not what a stream alone fails with: that is the connector's own doing, as
// when the origin broke off, and another connection would only ask the origin again.
type errLost struct{ error }

func (e errLost) Unwrap() error { return e.error }

// carrier is one transport to a connector.
type carrier interface {
	// roundTrip carries a request that it may change. The response's body ends the
	// exchange when closed; with status 101 it is an io.ReadWriteCloser.
	roundTrip(r *http.Request) (*http.Response, error)
	// hangUp ends the transport in order; nothing is in flight.
	hangUp()
	// cut ends the transport at once.
	cut()
}

// RoundTrip carries one request through a tunnel, as the front's transport. A
// WebSocket's request has the usual Connection and Upgrade headers, and the body of
// its 101 response is an io.ReadWriteCloser.
//
// The connection is a random one of the usable. If it ends before any of the request
// was sent, or if the method is safe and the request's body untouched, the request is
// tried again on another; a request that may have reached the origin and could change
// something there is not, and neither is one that the connector itself gave up.
func (e *Edge) RoundTrip(tunnel uuid.UUID, r *http.Request) (*http.Response, error) {
	var tried []*connection
	var failure error
	for {
		c := e.table.acquire(tunnel, tried)
		if c == nil {
			return nil, e.unreachable(tunnel, failure)
		}
		body := &attemptBody{body: r.Body}
		out := r.Clone(r.Context())
		if r.Body != nil && r.Body != http.NoBody {
			out.Body = body
		} else {
			out.Body, out.ContentLength = nil, 0
		}
		resp, err := c.carrier.roundTrip(out)
		if err == nil {
			resp.Request = r
			resp.Body = counted(resp.Body, sync.OnceFunc(func() { e.table.release(c) }))
			return resp, nil
		}
		e.table.release(c)
		if !body.revoke() || !replayable(r, err) {
			return nil, err
		}
		e.log.Warn("request moves to another connection", "tunnel", tunnel, "connection", c.ID, "error", err)
		tried, failure = append(tried, c), err
	}
}

// unreachable says why no connection was left: the last one's failure, or else why
// there was none to begin with.
func (e *Edge) unreachable(tunnel uuid.UUID, failure error) error {
	if failure != nil {
		return failure
	}
	if t, ok := e.tunnels.Tunnel(tunnel); !ok || t.DeletedAt != nil {
		return ErrUnknownTunnel
	}
	return ErrNoConnection
}

// replayable says whether a request whose body is untouched may go to another
// connection after err.
func replayable(r *http.Request, err error) bool {
	switch {
	case r.Context().Err() != nil:
		return false
	case errors.As(err, new(errNotSent)):
		return true
	case !errors.As(err, new(errLost)):
		return false
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	}
	return false
}

var errRevoked = errors.New("request moved to another connection")

// attemptBody lends a request's body to one attempt at carrying it. A transport may
// read it in the background even after it has failed; revoking settles whether it
// has begun to, and if not, that it never will.
type attemptBody struct {
	body io.ReadCloser

	mu             sync.Mutex
	begun, revoked bool
}

func (b *attemptBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	if b.revoked {
		b.mu.Unlock()
		return 0, errRevoked
	}
	b.begun = true
	b.mu.Unlock()
	return b.body.Read(p)
}

// Close leaves the body to the request's owner, so that another attempt can have it.
func (b *attemptBody) Close() error { return nil }

// revoke takes the body back and says whether it is untouched.
func (b *attemptBody) revoke() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.revoked = true
	return !b.begun
}

// counted makes a response's body end its request in the table when closed.
func counted(body io.ReadCloser, done func()) io.ReadCloser {
	if rw, ok := body.(upgraded); ok {
		return countedUpgrade{rw, done}
	}
	return countedBody{body, done}
}

type countedBody struct {
	io.ReadCloser
	done func()
}

func (b countedBody) Close() error {
	defer b.done()
	return b.ReadCloser.Close()
}

// upgraded is the body of a 101 response.
type upgraded interface {
	io.ReadWriteCloser
	CloseWrite() error
}

type countedUpgrade struct {
	upgraded
	done func()
}

func (b countedUpgrade) Close() error {
	defer b.done()
	return b.upgraded.Close()
}

// isWebSocket says whether a request asks for the one upgrade that cloudflared knows.
func isWebSocket(r *http.Request) bool {
	return strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// setSwitched turns a response into the 101 that a front expects after an upgrade.
func setSwitched(resp *http.Response, body upgraded) {
	resp.StatusCode, resp.Status = http.StatusSwitchingProtocols, ""
	resp.Proto, resp.ProtoMajor, resp.ProtoMinor = "HTTP/1.1", 1, 1
	resp.ContentLength = 0
	resp.Header.Set("Connection", "Upgrade")
	resp.Header.Set("Upgrade", "websocket")
	resp.Header.Del("Content-Length")
	resp.Body = body
}
