package ca

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

const (
	// keyFile holds the key and the certificate together, so that the two always match: the file
	// appears complete or not at all.
	keyFile = "ca-key.pem"
	// CertificateFile is the certificate alone, in the directory given to Load. It is derived from
	// the key file and may be shown to anyone.
	CertificateFile = "ca.pem"

	blockCertificate = "CERTIFICATE"
	blockKey         = "PRIVATE KEY"
)

// Load opens the authority kept in dir, and makes one there if there is none. Processes that do so
// at the same time end up with the same one, and a process that is killed halfway leaves nothing
// that stops the next.
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
	return newAuthority(pair.Leaf, key), nil
}

// create puts a new authority at path, unless another process was faster.
func create(path string) error {
	a, err := New("k8s-tunnel sandbox CA")
	if err != nil {
		return err
	}
	key, err := EncodeKey(a.key)
	if err != nil {
		return err
	}
	pending, err := renameio.NewPendingFile(path, renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return err
	}
	defer func() { _ = pending.Cleanup() }()
	if _, err := pending.Write(append(key, a.PEM()...)); err != nil {
		return err
	}
	// A link, unlike a rename, doesn't replace the authority of a process that was faster.
	if err := os.Link(pending.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}

// publish writes data to path, readable by all, unless it is there already.
func publish(path string, data []byte) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, data) {
		return nil
	}
	return renameio.WriteFile(path, data, 0o644, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(path)))
}
