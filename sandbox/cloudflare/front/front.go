// Package front imitates Cloudflare's public HTTP side: a request is routed by its
// host name through a zone's proxied records, into a tunnel or to another origin.
//
// What it answers by itself follows Cloudflare's documentation of its 1xxx and 5xx
// errors and what clients report:
//   - 530 with "error code: 1016" when the name's origin doesn't resolve: no record, or
//     a zone that is paused or not active (the real name would not even lead to
//     Cloudflare), a tunnel that doesn't exist or was deleted, or an unknown target;
//   - 530 with "error code: 1033" when the tunnel exists but none of its connectors is
//     connected;
//   - 502 with "error code: 502" when the connector can't reach the service behind
//     it, or is lost on the way; 522 for an origin that can't be reached directly
//     (Cloudflare would wait some 15 seconds first);
//   - 403 with "error code: 1014" for a record that leads to a tunnel, or a name, of another
//     account;
//   - 403 with "error code: 1003" for a request to an address instead of a name.
//
// A browser gets such an error as a page, any other client the code as plain text.
// A 502 that the origin itself answers passes through unchanged.
//
// Requests get the headers that Cloudflare documents (CF-Connecting-IP, CF-Ray,
// CF-Visitor, CF-IPCountry, CDN-Loop, X-Forwarded-For and -Proto, and Accept-Encoding
// set to what Cloudflare can unpack); responses get Server, CF-Ray and
// CF-Cache-Status. Uploads, downloads and server-sent events are passed on as they
// come, WebSockets through an HTTP/1.1 upgrade, trailers where the tunnel carries
// them.
//
// gRPC: Cloudflare doesn't support it on public host names, but parts of it work
// because nothing prevents them. It is the same here: over the HTTP/2 transport, with
// http2Origin and an origin that speaks TLS, calls succeed; over QUIC, cloudflared
// drops trailers, so a client sees a stream that ended without a status.
//
// How it differs from the real one: no cache, no firewall, no rewriting, no limit to
// the size of an upload (the free plan's is 100 MB) or to the wait for an answer (100
// seconds), no HTTP/3, no WebSocket over HTTP/2, and every visitor's country is unknown
// (CF-IPCountry XX). The number of loops at which Cloudflare stops a request isn't
// documented; see maxLoops.
package front

import (
	"context"
	"errors"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/edge"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// maxAliases is how many records that name another record are followed.
const maxAliases = 8

// Carrier carries a request through a tunnel; *edge.Edge is one.
type Carrier interface {
	RoundTrip(tunnel uuid.UUID, r *http.Request) (*http.Response, error)
}

// Config is what the front needs from the rest of the sandbox.
type Config struct {
	// Lookup finds the proxied record that answers for a host name (lower case,
	// without a port).
	Lookup func(host string) (state.Record, bool)
	// Zone and Tunnel find a record's zone and its tunnel, whose accounts have to be the
	// same.
	Zone   func(id string) (state.Zone, bool)
	Tunnel func(id uuid.UUID) (state.Tunnel, bool)
	// Tunnels carries requests for records that point at a tunnel.
	Tunnels Carrier
	// Origin finds the server behind any other record's content, the stand-in for
	// a resolver and a network that the sandbox doesn't have. Default: none.
	Origin func(content string) (*url.URL, bool)
	// Logger receives requests that failed. Default: discard.
	Logger *slog.Logger
}

type front struct {
	Config
	proxy *httputil.ReverseProxy
}

// New returns the front's handler, for servers of HTTP/1.1 and of HTTP/2.
func New(c Config) http.Handler {
	if c.Origin == nil {
		c.Origin = func(string) (*url.URL, bool) { return nil, false }
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	f := &front{Config: c}
	f.proxy = &httputil.ReverseProxy{
		Rewrite:        f.rewrite,
		Transport:      &transport{tunnels: c.Tunnels, direct: newDirect()},
		FlushInterval:  -1, // pass on everything as it arrives
		ModifyResponse: f.modify,
		ErrorHandler:   f.fail,
		// The proxy's own messages are about visitors that left.
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return f
}

// ServeHTTP answers one visitor's request.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v := newVisit(r)
	w.Header().Set("Server", "cloudflare")
	w.Header().Set("Cf-Ray", v.ray)
	if r.Method == http.MethodConnect {
		v.answer(w, r, http.StatusBadRequest, 0)
		return
	}
	if v.loops > maxLoops {
		v.answer(w, r, http.StatusForbidden, codeLoop)
		return
	}
	host := hostName(r.Host)
	if net.ParseIP(strings.Trim(host, "[]")) != nil {
		v.answer(w, r, http.StatusForbidden, codeDirectAccess)
		return
	}
	target, code := f.route(host)
	if code != 0 {
		status := statusOrigin
		if code == codeCrossAccount {
			status = http.StatusForbidden
		}
		v.answer(w, r, status, code)
		return
	}
	v.target = target
	// An answer may begin before an upload has ended. Every server's writer supports
	// this; one that doesn't merely loses it.
	_ = http.NewResponseController(w).EnableFullDuplex()
	f.proxy.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), visitKey{}, v)))
}

// target is where a name leads: into a tunnel, or to a server.
type target struct {
	tunnel uuid.UUID
	origin *url.URL // instead of a tunnel
	silent bool     // instead of both: an address at which nothing answers
}

// route follows a name's records to a target, or returns the code that says why there is none.
func (f *front) route(host string) (found target, code int) {
	account := "" // of the name's own zone
	for n := range maxAliases {
		record, ok := f.Lookup(host)
		if !ok {
			return target{}, codeUnresolved
		}
		zone, _ := f.Zone(record.ZoneID)
		if n == 0 {
			account = zone.AccountID
		} else if zone.AccountID != account {
			return target{}, codeCrossAccount
		}
		content := hostName(record.Content)
		if id, ok := strings.CutSuffix(content, state.TunnelSuffix); ok && record.Type == "CNAME" {
			id, err := uuid.Parse(id)
			if err != nil {
				return target{}, codeUnresolved
			}
			if tunnel, ok := f.Tunnel(id); ok && tunnel.AccountID != account {
				return target{}, codeCrossAccount
			}
			return target{tunnel: id}, 0
		}
		if origin, ok := f.Origin(content); ok {
			return target{origin: origin}, 0
		}
		if record.Type != "CNAME" {
			return target{silent: true}, 0
		}
		host = content
	}
	return target{}, codeUnresolved
}

// hostName brings a name into the form used in the table of records.
func hostName(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// transport sends a request where its visit leads.
type transport struct {
	tunnels Carrier
	direct  http.RoundTripper
}

// newDirect returns the transport to servers that aren't behind a tunnel.
func newDirect() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.Proxy = nil
	t.DisableCompression = true
	return t
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	v := visitOf(r)
	switch {
	case v.target.silent:
		return nil, errDirect
	case v.target.origin == nil:
		return t.tunnels.RoundTrip(v.target.tunnel, r)
	}
	resp, err := t.direct.RoundTrip(r)
	if err != nil {
		return nil, errors.Join(errDirect, err)
	}
	return resp, nil
}

var errDirect = errors.New("origin can't be reached")

// fail answers a request that got no answer, or aborts one whose visitor left.
func (f *front) fail(w http.ResponseWriter, r *http.Request, err error) {
	v := visitOf(r)
	if r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	f.Logger.Warn("request failed", "host", r.Host, "method", r.Method, "path", r.URL.Path, "ray", v.ray, "error", err)
	switch {
	case errors.Is(err, edge.ErrUnknownTunnel):
		v.answer(w, r, statusOrigin, codeUnresolved)
	case errors.Is(err, edge.ErrNoConnection):
		v.answer(w, r, statusOrigin, codeNoConnector)
	case errors.Is(err, errDirect):
		v.answer(w, r, statusUnreachable, 0)
	default:
		v.answer(w, r, http.StatusBadGateway, 0)
	}
}
