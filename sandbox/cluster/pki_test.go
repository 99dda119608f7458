package cluster

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func readCertificate(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	block, _ := pem.Decode(raw)
	require.NotNil(t, block)
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(t, err)
	return cert
}

func TestEnsurePKI_CertificatesAreWhatTheyAreFor(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	require.NoError(t, ensurePKI(c))
	roots := x509.NewCertPool()
	roots.AddCert(readCertificate(t, c.path(pkiDir, "ca.crt")))

	for _, want := range append(serverCertificates(c), kubeUsers(c)...) {
		t.Run(want.name, func(t *testing.T) {
			t.Parallel()
			_, err := tls.LoadX509KeyPair(c.path(pkiDir, want.name+".crt"), c.path(pkiDir, want.name+".key"))
			require.NoError(t, err, "the key must belong to the certificate")
			cert := readCertificate(t, c.path(pkiDir, want.name+".crt"))
			require.Equal(t, want.common, cert.Subject.CommonName)
			require.ElementsMatch(t, want.groups, cert.Subject.Organization)
			require.Greater(t, time.Until(cert.NotAfter), 9*365*24*time.Hour)
			verify := func(use x509.ExtKeyUsage, name string) error {
				_, err := cert.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{use}, DNSName: name})
				return err
			}
			if want.usage == x509.ExtKeyUsageClientAuth {
				require.NoError(t, verify(x509.ExtKeyUsageClientAuth, ""))
				require.Error(t, verify(x509.ExtKeyUsageServerAuth, ""), "a user must not pass for a server")
			}
			for _, name := range want.dns {
				require.NoError(t, verify(x509.ExtKeyUsageServerAuth, name))
			}
			for _, ip := range want.ips {
				require.NoError(t, verify(x509.ExtKeyUsageServerAuth, ip.String()))
			}
			info, err := os.Stat(c.path(pkiDir, want.name+".key"))
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
		})
	}
}

func TestEnsurePKI_KeepsWhatIsGoodAndReplacesWhatIsNot(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	require.NoError(t, ensurePKI(c))
	serial := func() string { return readCertificate(t, c.path(pkiDir, "ca.crt")).SerialNumber.String() }
	first := serial()

	require.NoError(t, ensurePKI(c))
	require.Equal(t, first, serial(), "tokens of running pods are signed with the old key")

	require.NoError(t, os.MkdirAll(c.path(pkiDir)+".new", 0o700)) // a start that was killed halfway
	require.NoError(t, ensurePKI(c))
	require.Equal(t, first, serial())

	moved := c
	moved.Slot = 4
	require.NoError(t, ensurePKI(moved))
	require.NotEqual(t, first, serial(), "certificates are for addresses")
	require.False(t, pkiUsable(c, c.path(pkiDir), time.Now()))
	require.True(t, pkiUsable(moved, c.path(pkiDir), time.Now()))
	require.False(t, pkiUsable(moved, c.path(pkiDir), time.Now().Add(certificateLife-renewBefore+time.Hour)), "about to run out")
}

func TestKubeconfig_HoldsAllThatIsNeeded(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	require.NoError(t, writeConfig(c))
	var got kubeconfig
	require.NoError(t, readJSON(c.Kubeconfig(), &got))
	require.Equal(t, "https://10.255.3.2:6443", got.Clusters[0].Cluster.Server)
	require.Equal(t, "k8st3", got.CurrentContext)
	require.Equal(t, got.CurrentContext, got.Contexts[0].Name)
	require.Equal(t, got.Clusters[0].Name, got.Contexts[0].Context.Cluster)
	require.Equal(t, got.Users[0].Name, got.Contexts[0].Context.User)
	ca, err := os.ReadFile(c.path(pkiDir, "ca.crt"))
	require.NoError(t, err)
	require.Equal(t, ca, got.Clusters[0].Cluster.CA)
	_, err = tls.X509KeyPair(got.Users[0].User.Certificate, got.Users[0].User.Key)
	require.NoError(t, err)
}
