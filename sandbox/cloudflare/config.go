// Package cloudflare is the Cloudflare of the local world in one process: the REST API,
// the edge that connectors dial, and the public front, over one store. Each of them is
// a package below this one, whose documentation says what it imitates and how it
// differs; this package wires them together and gives them their listeners.
package cloudflare

import (
	"errors"
	"fmt"
	"log/slog"
	"net"

	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cloudflare/local"
)

// Config says where the sandbox's Cloudflare keeps things and where it listens.
// Addresses are host:port; port 0 lets the system choose.
type Config struct {
	Dir        string   // holds the state, created if missing
	CA         string   // directory of the certificate authority, created if missing
	API        string   // REST API, HTTPS
	FrontHTTP  string   // public front, HTTP/1.1 and HTTP/2 without TLS
	FrontHTTPS string   // public front, HTTPS
	Control    string   // control port, on a loopback address
	EdgeAddrs  []string // TCP and UDP each; the addresses needn't exist yet
	Logger     *slog.Logger

	// World is whose Cloudflare this is.
	World control.World
	// ControlListener is the control port, if the caller listens on it already. The server
	// closes it.
	ControlListener net.Listener
}

func (c Config) validate() error {
	var errs []error
	for _, field := range []struct{ name, value string }{
		{"Dir", c.Dir}, {"CA", c.CA}, {"API", c.API}, {"FrontHTTP", c.FrontHTTP}, {"FrontHTTPS", c.FrontHTTPS}, {"Control", c.Control},
	} {
		if field.value == "" {
			errs = append(errs, errors.New(field.name+": missing"))
		}
	}
	if host, _, err := net.SplitHostPort(c.Control); c.Control != "" && (err != nil || host != "localhost" && !local.Loopback(host)) {
		errs = append(errs, fmt.Errorf("%s: %s isn't a loopback address with a port: the control port asks for no credentials", "Control", c.Control))
	}
	if c.World.ID == "" {
		errs = append(errs, fmt.Errorf("%s: missing its ID, by which clients know it", "World"))
	}
	// With a single address, cloudflared dials it in a tight loop when it is refused.
	if len(c.EdgeAddrs) < 2 {
		errs = append(errs, errors.New("EdgeAddrs: at least two are needed, four for connectors with all their connections"))
	}
	return errors.Join(errs...)
}
