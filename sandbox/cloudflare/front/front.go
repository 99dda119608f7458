// Package front imitates Cloudflare's public HTTP side.
package front

import (
	"log/slog"
	"net/http"
	"net/url"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// Carrier takes a request through a tunnel; edge.Edge is one.
type Carrier interface {
	RoundTrip(tunnel uuid.UUID, r *http.Request) (*http.Response, error)
}

// Config is what the front needs from the rest of the sandbox.
type Config struct {
	// Lookup finds the record that answers for a host name (lower case, no port).
	Lookup func(host string) (state.Record, bool)
	// Tunnels carries requests for records that point at a tunnel.
	Tunnels Carrier
	// Origin finds the server behind any other record's content; nil means none.
	Origin func(content string) (*url.URL, bool)
	Colo   string       // suffix of CF-Ray, default "SBX"
	Logger *slog.Logger // default: discard
}

// New returns the front's handler, for HTTP/1.1 and HTTP/2 servers.
func New(c Config) http.Handler { return http.NotFoundHandler() }
