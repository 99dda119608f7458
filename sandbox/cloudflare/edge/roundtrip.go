package edge

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/google/uuid"
)

// Reasons why a request can't be carried; any other error of RoundTrip is the failure
// of a connection on the way.
var (
	// ErrUnknownTunnel means that there is no such tunnel, or that it was deleted.
	ErrUnknownTunnel = errors.New("no such tunnel")
	// ErrNoConnection means that no connector is connected and usable.
	ErrNoConnection = errors.New("tunnel has no usable connection")
	// ErrConnector means that the request reached the connector, but the connector
	// couldn't get an answer from the origin. cloudflared doesn't say why in a form
	// meant for visitors.
	ErrConnector = errors.New("connector could not reach the origin")
)

// errNotSent wraps the failure of a connection before any part of a request was sent,
// so that the request may go to another connection whatever its method.
type errNotSent struct{ error }

func (e errNotSent) Unwrap() error { return e.error }

// errLost wraps the failure of a connection that ended while it carried a request. The
// failure of a single stream is not wrapped: that is the connector's doing, for
// instance when the origin broke off, and another connection would only ask the origin
// again.
type errLost struct{ error }

func (e errLost) Unwrap() error { return e.error }

// carrier is one transport to a connector.
type carrier interface {
	// roundTrip carries a request that it may change. Closing the response's body ends
	// the exchange; with status 101 it is an io.ReadWriteCloser.
	roundTrip(r *http.Request) (*http.Response, error)
	// hangUp ends the transport in order, when nothing is in flight.
	hangUp()
	// cut ends the transport at once.
	cut()
}

// RoundTrip carries one request through a tunnel. It is the front's transport. A
// WebSocket's request has the usual Connection and Upgrade headers, and the body of its
// 101 response is an io.ReadWriteCloser.
//
// The connection is picked at random among the usable ones. If it ends before any part
// of the request was sent, or if the method is safe and the request's body untouched,
// the request is tried again on another. A request that may have reached the origin and
// could change something there is not tried again, and neither is one that the
// connector itself gave up.
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

// unreachable says why no connection was left: the failure of the last one, or else why
// there was none to begin with.
func (e *Edge) unreachable(tunnel uuid.UUID, failure error) error {
	if failure != nil {
		return failure
	}
	if t, ok := e.tunnel(tunnel); !ok || t.DeletedAt != nil {
		return ErrUnknownTunnel
	}
	return ErrNoConnection
}

// replayable reports whether a request whose body is untouched may go to another
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
// read it in the background even after it has failed; revoke settles whether reading
// has begun, and if not, prevents it.
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

// Close does nothing: the body is the request's owner's, so that another attempt can
// use it.
func (b *attemptBody) Close() error { return nil }

// revoke takes the body back and reports whether it is untouched.
func (b *attemptBody) revoke() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.revoked = true
	return !b.begun
}

// counted calls done when a response's body is closed, which ends its request in the
// table.
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

// isWebSocket reports whether a request asks for the only upgrade that cloudflared
// supports.
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
