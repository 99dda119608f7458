package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Nothing renews certificates here, so they outlive the machine's interest in them. A set that runs out within
// renewBefore is made anew at the next start.
const (
	certificateLife = 10 * 365 * 24 * time.Hour
	renewBefore     = 30 * 24 * time.Hour
)

// certificate describes one certificate of the node and the files <name>.crt and <name>.key that hold it.
type certificate struct {
	name   string
	common string   // the user, to Kubernetes
	groups []string // the user's groups
	dns    []string
	ips    []netip.Addr
	server bool
	client bool
}

// kubeUsers are the certificates with which the node's programs call the API server; each gets a kubeconfig too.
func kubeUsers(c Config) []certificate {
	return []certificate{
		{name: "admin", common: "admin", groups: []string{"system:masters"}, client: true},
		{name: "controller-manager", common: "system:kube-controller-manager", client: true},
		{name: "scheduler", common: "system:kube-scheduler", client: true},
		{name: "kubelet", common: "system:node:" + c.Name(), groups: []string{"system:nodes"}, client: true},
		{name: "kube-proxy", common: "system:kube-proxy", client: true},
		// Upstream has no role for an agent that reads pods, namespaces and policies. It runs as root beside the
		// administrator's key, so a role of its own would protect nothing.
		{name: "netpol", common: "netpol", groups: []string{"system:masters"}, client: true},
	}
}

// serverCertificates are those that no kubeconfig is made of.
func serverCertificates(c Config) []certificate {
	loopback := netip.AddrFrom4([4]byte{127, 0, 0, 1})
	return []certificate{
		{
			name: "apiserver", common: "kube-apiserver", server: true,
			dns: []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + clusterDomain},
			ips: []netip.Addr{loopback, c.NodeAddr(), c.APIServiceAddr()},
		},
		{name: "kubelet-server", common: c.Name(), server: true, dns: []string{c.Name()}, ips: []netip.Addr{loopback, c.NodeAddr()}},
		{name: "apiserver-kubelet", common: "kube-apiserver-kubelet-client", groups: []string{"system:masters"}, client: true},
		{name: "front-proxy", common: "front-proxy-client", client: true},
	}
}

// ensurePKI makes the authority, all certificates and the key that signs service accounts' tokens, unless a
// complete set for the same addresses is there already.
func ensurePKI(c Config) error {
	final := c.path(pkiDir)
	if pkiUsable(c, final, time.Now()) {
		return nil
	}
	// Made beside its place and moved there as a whole, so that a half-made set is never taken for one.
	tmp := final + ".new"
	if err := errors.Join(os.RemoveAll(tmp), os.MkdirAll(tmp, 0o700)); err != nil {
		return fmt.Errorf("making keys: %w", err)
	}
	if err := generatePKI(c, tmp, time.Now()); err != nil {
		return fmt.Errorf("making keys: %w", err)
	}
	if err := errors.Join(os.RemoveAll(final), os.Rename(tmp, final)); err != nil {
		return fmt.Errorf("making keys: %w", err)
	}
	return nil
}

// pkiUsable says whether the API server's certificate is for this node's addresses and lasts for a while. All
// others are made in the same moment, and moved there together with it.
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

func generatePKI(c Config, dir string, now time.Time) error {
	ca, err := newAuthority(dir, now)
	if err != nil {
		return err
	}
	for _, cert := range append(serverCertificates(c), kubeUsers(c)...) {
		if err := ca.issue(cert); err != nil {
			return fmt.Errorf("certificate %s: %w", cert.name, err)
		}
	}
	tokens, err := newKey(dir, "service-accounts")
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(tokens.Public())
	if err != nil {
		return err
	}
	return writePEM(dir, "service-accounts.pub", "PUBLIC KEY", public)
}

// authority signs the certificates of one node.
type authority struct {
	dir  string
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	now  time.Time
}

func newAuthority(dir string, now time.Time) (*authority, error) {
	a := &authority{dir: dir, now: now}
	var err error
	if a.key, err = newKey(dir, "ca"); err != nil {
		return nil, err
	}
	template, err := a.template("k8s-tunnel sandbox cluster CA", nil)
	if err != nil {
		return nil, err
	}
	template.IsCA, template.BasicConstraintsValid = true, true
	template.KeyUsage |= x509.KeyUsageCertSign
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		return nil, err
	}
	return a, writePEM(dir, "ca.crt", "CERTIFICATE", der)
}

func (a *authority) template(common string, groups []string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: common, Organization: groups},
		NotBefore:    a.now.Add(-24 * time.Hour), // a clock that is set back by a little does no harm
		NotAfter:     a.now.Add(certificateLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}

func (a *authority) issue(c certificate) error {
	key, err := newKey(a.dir, c.name)
	if err != nil {
		return err
	}
	template, err := a.template(c.common, c.groups)
	if err != nil {
		return err
	}
	template.DNSNames = c.dns
	for _, ip := range c.ips {
		template.IPAddresses = append(template.IPAddresses, net.IP(ip.AsSlice()))
	}
	if c.server {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if c.client {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageClientAuth)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return err
	}
	return writePEM(a.dir, c.name+".crt", "CERTIFICATE", der)
}

func newKey(dir, name string) (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return key, writePEM(dir, name+".key", "EC PRIVATE KEY", der)
}

func writePEM(dir, name, kind string, der []byte) error {
	return writeFile(filepath.Join(dir, name), pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
