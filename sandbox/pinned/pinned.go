// Package pinned sends HTTP requests to one address, whatever host their URLs name,
// as curl's --connect-to does: the sites of a local world have names that no
// resolver knows.
package pinned

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Transport connects to addr, which is host:port, and to nothing else. It ignores
// proxies in the environment.
func Transport(addr string) *http.Transport {
	dialer := &net.Dialer{Timeout: 5 * time.Second}
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, network, addr)
		},
	}
}
