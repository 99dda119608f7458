package ca

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

func pool(t *testing.T, a *Authority) *x509.CertPool {
	t.Helper()
	p := x509.NewCertPool()
	require.True(t, p.AppendCertsFromPEM(a.PEM()))
	return p
}

func TestLoad_KeepsTheAuthority(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "on", "demand")
	first, err := Load(dir)
	require.NoError(t, err)
	second, err := Load(dir)
	require.NoError(t, err)
	require.Equal(t, first.PEM(), second.PEM())

	leaf, err := first.Certificate("h2.cftunnel.com")
	require.NoError(t, err)
	_, err = leaf.Leaf.Verify(x509.VerifyOptions{DNSName: "h2.cftunnel.com", Roots: pool(t, second)})
	require.NoError(t, err)

	info, err := os.Stat(filepath.Join(dir, keyFile))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
	published, err := os.ReadFile(filepath.Join(dir, CertificateFile))
	require.NoError(t, err)
	require.Equal(t, first.PEM(), published)
	require.NotContains(t, string(published), blockKey)

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "temporary files are left behind")
}

func TestLoad_ConcurrentCallersShareOneAuthority(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var wg sync.WaitGroup
	pems := make([]string, 8)
	for i := range pems {
		wg.Go(func() {
			if a, err := Load(dir); err == nil {
				pems[i] = string(a.PEM())
			}
		})
	}
	wg.Wait()
	for _, p := range pems {
		require.NotEmpty(t, p)
		require.Equal(t, pems[0], p)
	}
}

func TestLoad_RestoresTheCertificateFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	a, err := Load(dir)
	require.NoError(t, err)
	path := filepath.Join(dir, CertificateFile)
	require.NoError(t, os.WriteFile(path, []byte("half"), 0o644))
	_, err = Load(dir)
	require.NoError(t, err)
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, a.PEM(), data)
}

func TestLoad_RefusesAForeignFile(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, keyFile), []byte("junk"), 0o600))
	_, err := Load(dir)
	require.ErrorContains(t, err, keyFile)
}

func TestCertificate_Names(t *testing.T) {
	t.Parallel()
	a, err := Load(t.TempDir())
	require.NoError(t, err)
	c, err := a.Certificate("*.home.localhost", "home.localhost", "127.0.0.1", "::1")
	require.NoError(t, err)

	for name, valid := range map[string]bool{
		"home.localhost": true, "photos.home.localhost": true, "127.0.0.1": true, "::1": true,
		"a.photos.home.localhost": false, "lab.localhost": false, "127.0.0.2": false,
	} {
		_, err := c.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: pool(t, a)})
		require.Equal(t, valid, err == nil, "%s: %v", name, err)
	}

	_, err = a.Certificate()
	require.Error(t, err)
}

func TestGetCertificate_IssuesForTheNameAskedFor(t *testing.T) {
	t.Parallel()
	a, err := Load(t.TempDir())
	require.NoError(t, err)
	get := a.GetCertificate("127.0.0.1")

	named, err := get(&tls.ClientHelloInfo{ServerName: "Photos.Home.Localhost"})
	require.NoError(t, err)
	require.NoError(t, named.Leaf.VerifyHostname("photos.home.localhost"))
	again, err := get(&tls.ClientHelloInfo{ServerName: "photos.home.localhost"})
	require.NoError(t, err)
	require.Same(t, named, again)

	unnamed, err := get(&tls.ClientHelloInfo{})
	require.NoError(t, err)
	require.NoError(t, unnamed.Leaf.VerifyHostname("127.0.0.1"))
}
