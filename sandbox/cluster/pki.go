package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"k8s-tunnel/sandbox/ca"
)

// Nothing renews certificates while the node runs, so they last long. A set that expires within
// renewBefore is made anew at the next start.
const (
	certificateLife = 10 * 365 * 24 * time.Hour
	renewBefore     = 30 * 24 * time.Hour
)

// certificate describes one certificate of the node and the files <name>.crt and <name>.key that
// hold it.
type certificate struct {
	name   string
	common string   // the user, to Kubernetes
	groups []string // the user's groups
	dns    []string
	ips    []netip.Addr
	usage  x509.ExtKeyUsage
}

// request is what the authority is asked to sign.
func (c certificate) request() *x509.Certificate {
	request := &x509.Certificate{
		Subject:     pkix.Name{CommonName: c.common, Organization: c.groups},
		DNSNames:    c.dns,
		ExtKeyUsage: []x509.ExtKeyUsage{c.usage},
	}
	for _, ip := range c.ips {
		request.IPAddresses = append(request.IPAddresses, ip.AsSlice())
	}
	return request
}

// kubeUsers are the certificates with which the node's programs call the API server; each gets a
// kubeconfig too.
func kubeUsers(c Config) []certificate {
	return []certificate{
		{name: "admin", common: "admin", groups: []string{"system:masters"}, usage: x509.ExtKeyUsageClientAuth},
		{name: "controller-manager", common: "system:kube-controller-manager", usage: x509.ExtKeyUsageClientAuth},
		{name: "scheduler", common: "system:kube-scheduler", usage: x509.ExtKeyUsageClientAuth},
		{name: "kubelet", common: "system:node:" + c.Name(), groups: []string{"system:nodes"}, usage: x509.ExtKeyUsageClientAuth},
		{name: "kube-proxy", common: "system:kube-proxy", usage: x509.ExtKeyUsageClientAuth},
		// Upstream has no role for an agent that reads pods, namespaces and policies. It runs as
		// root beside the administrator's key, so a role of its own would protect nothing.
		{name: "netpol", common: "netpol", groups: []string{"system:masters"}, usage: x509.ExtKeyUsageClientAuth},
	}
}

// serverCertificates are those without a kubeconfig.
func serverCertificates(c Config) []certificate {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return []certificate{
		{
			name: "apiserver", common: "kube-apiserver", usage: x509.ExtKeyUsageServerAuth,
			dns: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + clusterDomain},
			ips: []netip.Addr{loopback, c.NodeAddr(), c.APIServiceAddr()},
		},
		{name: "kubelet-server", common: c.Name(), usage: x509.ExtKeyUsageServerAuth, dns: []string{c.Name()}, ips: []netip.Addr{loopback, c.NodeAddr()}},
		{name: "apiserver-kubelet", common: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}, usage: x509.ExtKeyUsageClientAuth},
		{name: "front-proxy", common: "front-proxy-client", usage: x509.ExtKeyUsageClientAuth},
	}
}

// ensurePKI makes the authority, all certificates and the key that signs service accounts' tokens,
// unless a complete set for the same addresses is there already.
func ensurePKI(c Config) error {
	final := c.path(pkiDir)
	if pkiUsable(c, final, time.Now()) {
		return nil
	}
	// Made beside its place and moved there as a whole, so that an incomplete set is never used.
	tmp := final + ".new"
	if err := errors.Join(os.RemoveAll(tmp), os.MkdirAll(tmp, 0o700)); err != nil {
		return fmt.Errorf("making keys: %w", err)
	}
	if err := generatePKI(c, tmp); err != nil {
		return fmt.Errorf("making keys: %w", err)
	}
	if err := errors.Join(os.RemoveAll(final), os.Rename(tmp, final)); err != nil {
		return fmt.Errorf("making keys: %w", err)
	}
	return nil
}

// pkiUsable reports whether the API server's certificate is for this node's addresses and lasts for
// a while. All others are made and moved there together with it.
func pkiUsable(c Config, dir string, now time.Time) bool {
	raw, err := os.ReadFile(filepath.Join(dir, "apiserver.crt"))
	if err != nil {
		return false
	}
	block, _ := pem.Decode(raw)
	if block == nil {
		return false
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return false
	}
	return cert.VerifyHostname(c.NodeAddr().String()) == nil &&
		cert.VerifyHostname(c.APIServiceAddr().String()) == nil &&
		now.Add(renewBefore).Before(cert.NotAfter)
}

// generatePKI makes the whole set in a directory. The authority's key isn't kept, because it has
// nothing more to sign.
func generatePKI(c Config, dir string) error {
	authority, err := ca.New("k8s-tunnel sandbox cluster CA")
	if err != nil {
		return err
	}
	if err := writeFile(filepath.Join(dir, "ca.crt"), authority.PEM(), 0o600); err != nil {
		return err
	}
	for _, cert := range append(serverCertificates(c), kubeUsers(c)...) {
		issued, err := authority.Issue(cert.request(), certificateLife)
		if err != nil {
			return fmt.Errorf("certificate %s: %w", cert.name, err)
		}
		if err := writeFile(filepath.Join(dir, cert.name+".crt"), ca.EncodeCertificate(issued.Leaf), 0o600); err != nil {
			return err
		}
		if err := writeKey(dir, cert.name, issued.PrivateKey); err != nil {
			return err
		}
	}
	tokens, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	if err := writeKey(dir, "service-accounts", tokens); err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(tokens.Public())
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, "service-accounts.pub"), pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600)
}

func writeKey(dir, name string, key crypto.PrivateKey) error {
	data, err := ca.EncodeKey(key)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(dir, name+".key"), data, 0o600)
}
