// Package ca is the sandbox's own certificate authority. It stands in for the
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
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// authorityLife is long, because images and trust files outlive processes.
	authorityLife = 10 * 365 * 24 * time.Hour
	// leafLife stays below the 398 days that browsers and Apple's systems accept.
	leafLife = 365 * 24 * time.Hour
	// renewBefore is when GetCertificate replaces a certificate it has issued.
	renewBefore = 30 * 24 * time.Hour
	// backdate absorbs clocks that differ, as those of virtual machines do.
	backdate = time.Hour
)

// Authority signs certificates for the names of the local world. Its methods may
// be called concurrently.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer

	mu     sync.Mutex
	issued map[string]*tls.Certificate // by names, for GetCertificate
}

// Certificate issues a server certificate for names, which are DNS names (with
// wildcards) and IP addresses in any mixture. Every call makes a new key, so
// nothing but the authority itself has to be kept between runs.
func (a *Authority) Certificate(names ...string) (tls.Certificate, error) {
	if len(names) == 0 {
		return tls.Certificate{}, errors.New("issuing a certificate: no names given")
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a key for %s: %w", names[0], err)
	}
	leaf, err := template(names[0], leafLife)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issuing a certificate for %s: %w", names[0], err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("issuing a certificate for %s: %w", names[0], err)
	}
	return tls.Certificate{Certificate: [][]byte{der, a.cert.Raw}, PrivateKey: key, Leaf: parsed}, nil
}

// GetCertificate returns a function for tls.Config that issues a certificate for
// whatever name a client asks for, and for the fallback names when it asks for
// none. The front needs that: zones come and go while it runs, and Cloudflare has
// a certificate for each.
func (a *Authority) GetCertificate(fallback ...string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		names := fallback
		if hello.ServerName != "" {
			names = []string{strings.ToLower(hello.ServerName)}
		}
		id := strings.Join(names, ",")

		a.mu.Lock()
		defer a.mu.Unlock()
		if c, ok := a.issued[id]; ok && time.Until(c.Leaf.NotAfter) > renewBefore {
			return c, nil
		}
		c, err := a.Certificate(names...)
		if err != nil {
			return nil, err
		}
		a.issued[id] = &c
		return &c, nil
	}
}

// PEM returns the authority's own certificate, for trust stores.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: a.cert.Raw})
}

// template is what certificates of the authority and of its leaves share.
func template(commonName string, life time.Duration) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("drawing a serial number: %w", err)
	}
	now := time.Now()
	return &x509.Certificate{
		SerialNumber:          serial,
		Subject:               pkix.Name{CommonName: commonName, Organization: []string{"k8s-tunnel sandbox"}},
		NotBefore:             now.Add(-backdate),
		NotAfter:              now.Add(life),
		BasicConstraintsValid: true,
	}, nil
}
