// Package ca is the sandbox's own certificate authority: it stands in for the
// public authorities and for Cloudflare's private one, whose roots stock
// cloudflared, the Pulumi plugins and curl trust. One authority signs for the
// API, the front and the edge alike, so that a single file is all that anything
// in the local world needs to trust.
//
// Unlike a real authority it has no intermediates, no revocation and no log. Its
// key lies unencrypted on disk, so it must never be put into a trust store that
// is used for anything but the sandbox.
package ca

import (
	"crypto/tls"
	"errors"
)

// Authority signs certificates for the names of the local world.
type Authority struct{}

// Load opens the authority kept in dir, and makes one there if there is none.
func Load(dir string) (*Authority, error) { return nil, errors.New("not built yet") }

// Certificate issues a server certificate for names, DNS names (with wildcards)
// and IP addresses mixed.
func (a *Authority) Certificate(names ...string) (tls.Certificate, error) {
	return tls.Certificate{}, errors.New("not built yet")
}

// GetCertificate returns a function for tls.Config that issues a certificate for
// whatever name a client asks for, and for the fallback names when it names none.
func (a *Authority) GetCertificate(fallback ...string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return nil
}

// PEM returns the authority's own certificate, for trust stores.
func (a *Authority) PEM() []byte { return nil }
