package ca

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

const (
	// keyFile holds the key and the certificate together, so that they can't fall
	// apart: it appears at once and complete, or not at all.
	keyFile = "ca-key.pem"
	// CertificateFile is the certificate alone, in the directory given to Load.
	// It is derived from the key file, and is what may be shown to others.
	CertificateFile = "ca.pem"

	blockCertificate = "CERTIFICATE"
	blockKey         = "PRIVATE KEY"
)

// Load opens the authority kept in dir, and makes one there if there is none.
// Processes that do so at the same time end up with the same one, and one that is
// killed on the way leaves nothing that the next couldn't use.
func Load(dir string) (*Authority, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("making the authority's directory: %w", err)
	}
	path := filepath.Join(dir, keyFile)
	a, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := create(path); err != nil {
			return nil, fmt.Errorf("making a certificate authority: %w", err)
		}
		a, err = read(path)
	}
	if err != nil {
		return nil, fmt.Errorf("loading the certificate authority: %w", err)
	}
	if err := publish(filepath.Join(dir, CertificateFile), a.PEM()); err != nil {
		return nil, fmt.Errorf("writing the authority's certificate: %w", err)
	}
	return a, nil
}

func read(path string) (*Authority, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pair, err := tls.X509KeyPair(data, data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s: not a certificate authority", path)
	}
	return &Authority{cert: pair.Leaf, key: key, issued: map[string]*tls.Certificate{}}, nil
}

// create puts a new authority at path, unless somebody else was faster.
func create(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	root, err := template("k8s-tunnel sandbox CA", authorityLife)
	if err != nil {
		return err
	}
	root.IsCA = true
	root.MaxPathLenZero = true
	root.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	der, err := x509.CreateCertificate(rand.Reader, root, root, key.Public(), key)
	if err != nil {
		return err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	var data bytes.Buffer
	_ = pem.Encode(&data, &pem.Block{Type: blockKey, Bytes: keyDER}) // a buffer takes everything
	_ = pem.Encode(&data, &pem.Block{Type: blockCertificate, Bytes: der})

	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer func() { _ = pending.Cleanup() }()
	if _, err := pending.Write(data.Bytes()); err != nil {
		return err
	}
	// A link, unlike a rename, doesn't replace the authority of a process that was faster.
	if err := os.Link(pending.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// publish writes data to path, for everyone to read, unless it is there already.
func publish(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return renameio.WriteFile(path, data, 0o644, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(path)))
}
