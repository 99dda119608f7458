// Package cloudflare is the Cloudflare of the local world in one process: the REST API,
// the edge that connectors dial, and the public front, over one store. Each of them is
// a package below this one, whose documentation says what it imitates and how it
// differs; this package wires them together and gives them their listeners.
package cloudflare

import (
	"errors"
	"log/slog"
)

// Config says where the sandbox's Cloudflare keeps things and where it listens.
// Addresses are host:port; port 0 lets the system choose.
type Config struct {
	Dir        string   // holds the state, created if missing
	CA         string   // directory of the certificate authority, created if missing
	API        string   // REST API, HTTPS
	FrontHTTP  string   // public front, HTTP/1.1 and HTTP/2 without TLS
	FrontHTTPS string   // public front, HTTPS
	Control    string   // control port, which must not leave the machine
	EdgeAddrs  []string // TCP and UDP each; the addresses needn't exist yet
	Logger     *slog.Logger
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
	// With a single address, cloudflared dials it in a tight loop when it is refused.
	if len(c.EdgeAddrs) < 2 {
		errs = append(errs, errors.New("EdgeAddrs: at least two are needed, four for connectors with all their connections"))
	}
	return errors.Join(errs...)
}
