// Package ca makes the local world's certificate authorities. One, which Load keeps on
// disk, stands in for the public authorities and for Cloudflare's private one, whose
// roots stock cloudflared, the Pulumi plugins and curl trust. It signs for the API, the
// front and the edge alike, so that a single file is all that the local world's
// programs need to trust. The other signs for the programs of the Kubernetes node, as
// kubeadm's does.
//
// Unlike real authorities they have no intermediates, no revocation and no log.
// The key of the one that is kept lies unencrypted on disk, so it must never be put
// into a trust store that is used for anything but the sandbox.
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
	// backdate allows for clocks that differ, as those of virtual machines do, or are
	// set back.
	backdate = 24 * time.Hour

	organization = "k8s-tunnel sandbox"
)

// Authority signs certificates for the local world. Its methods may be called
// concurrently.
type Authority struct {
	cert *x509.Certificate
	key  crypto.Signer

	mu     sync.Mutex
	issued map[string]*tls.Certificate // by names, for GetCertificate
}

// New makes an authority of that name with a fresh key.
func New(name string) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key for %s: %w", name, err)
	}
	root := &x509.Certificate{
		Subject:        pkix.Name{CommonName: name, Organization: []string{organization}},
		IsCA:           true,
		MaxPathLenZero: true,
		KeyUsage:       x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := sign(root, authorityLife, root, key.Public(), key)
	if err != nil {
		return nil, err
	}
	return newAuthority(cert, key), nil
}

func newAuthority(cert *x509.Certificate, key crypto.Signer) *Authority {
	return &Authority{cert: cert, key: key, issued: map[string]*tls.Certificate{}}
}

// Issue makes a key and a certificate for it. The request holds the subject, names,
// addresses and extended usages. Only the authority itself has to be kept between runs,
// because every call makes a new key.
func (a *Authority) Issue(request *x509.Certificate, life time.Duration) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("making a key for %s: %w", request.Subject.CommonName, err)
	}
	leaf := *request
	leaf.KeyUsage = x509.KeyUsageDigitalSignature
	cert, err := sign(&leaf, life, a.cert, key.Public(), a.key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{cert.Raw, a.cert.Raw}, PrivateKey: key, Leaf: cert}, nil
}

// sign fills in what all certificates have in common, and signs.
func sign(cert *x509.Certificate, life time.Duration, parent *x509.Certificate, public crypto.PublicKey, key crypto.Signer) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("drawing a serial number: %w", err)
	}
	now := time.Now()
	cert.SerialNumber, cert.BasicConstraintsValid = serial, true
	cert.NotBefore, cert.NotAfter = now.Add(-backdate), now.Add(life)
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, public, key)
	if err != nil {
		return nil, fmt.Errorf("issuing a certificate for %s: %w", cert.Subject.CommonName, err)
	}
	return x509.ParseCertificate(der)
}

// Certificate issues a server certificate for names, which are DNS names (with
// wildcards) and IP addresses in any combination.
func (a *Authority) Certificate(names ...string) (tls.Certificate, error) {
	if len(names) == 0 {
		return tls.Certificate{}, errors.New("issuing a certificate: no names given")
	}
	request := &x509.Certificate{
		Subject:     pkix.Name{CommonName: names[0], Organization: []string{organization}},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			request.IPAddresses = append(request.IPAddresses, ip)
		} else {
			request.DNSNames = append(request.DNSNames, name)
		}
	}
	return a.Issue(request, leafLife)
}

// GetCertificate returns a function for tls.Config that issues a certificate for any
// name that a client asks for, and for the fallback names when it asks for none. The
// front needs this, because zones come and go while it runs and Cloudflare has a
// certificate for each.
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
func (a *Authority) PEM() []byte { return EncodeCertificate(a.cert) }

// EncodeCertificate writes a certificate as PEM.
func EncodeCertificate(cert *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: blockCertificate, Bytes: cert.Raw})
}

// EncodeKey writes a private key as PEM.
func EncodeKey(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: blockKey, Bytes: der}), nil
}
