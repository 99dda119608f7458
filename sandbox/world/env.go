package world

import (
	"cmp"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/toolchain"
)

// passphrase encrypts the secrets of stacks in the local world. It is THROW-AWAY: those
// secrets are the sandbox's own and worthless elsewhere.
const passphrase = "sandbox"

// Variable is one environment variable.
type Variable struct{ Name, Value string }

// Env returns the variables that point other clients (pulumi, cloudflared, kubectl,
// curl) at this world.
func (w *World) Env() []Variable {
	search := toolchain.BinDir(w.Root)
	variables := []Variable{
		{"PATH", search + string(os.PathListSeparator) + strings.TrimPrefix(os.Getenv("PATH"), search+string(os.PathListSeparator))},
		{"CLOUDFLARE_API_HOSTNAME", w.APIAddr()},
		{"CLOUDFLARE_API_TOKEN", state.SeedToken},
		{"CLOUDFLARE_ACCOUNT_ID", state.SeedAccountID},
		{"SSL_CERT_FILE", w.path("ca-bundle.pem")},
		{"TUNNEL_ORIGIN_CERT", w.path("cert.pem")},
		{"TUNNEL_API_URL", w.apiURL()},
		{"TUNNEL_EDGE", strings.Join(w.localEdge(), ",")},
		{"TUNNEL_CACERT", w.path("ca.pem")},
		{"PULUMI_HOME", w.PulumiHome()},
		// Attributes beside each file aren't needed, and a kill while they are written makes the state
		// unreadable.
		{"PULUMI_BACKEND_URL", (&url.URL{Scheme: "file", Path: w.path("pulumi"), RawQuery: "metadata=skip"}).String()},
		{"PULUMI_CONFIG_PASSPHRASE", passphrase},
		{"PULUMI_SKIP_UPDATE_CHECK", "true"},
		{"SANDBOX_PROGRAM", toolchain.ProgramPath(w.Root)},
		{"SANDBOX_FRONT", "http://" + w.FrontAddr()},
		// Programs differ in which spelling comes first.
		{"NO_PROXY", w.noProxy(cmp.Or(os.Getenv("NO_PROXY"), os.Getenv("no_proxy")))},
		{"no_proxy", w.noProxy(cmp.Or(os.Getenv("no_proxy"), os.Getenv("NO_PROXY")))},
	}
	if !w.NoCluster {
		variables = append(variables, Variable{"KUBECONFIG", w.Kubeconfig()},
			Variable{"KUBECACHEDIR", w.path("kubectl-cache")}) // otherwise below the user's home
	}
	for _, variable := range toolchain.HostEnvironment(w.Root) {
		name, value, _ := strings.Cut(variable, "=")
		variables = append(variables, Variable{name, value})
	}
	return variables
}

// noProxy adds to the user's exceptions from the use of proxies what no proxy can reach: this machine
// and the node.
func (w *World) noProxy(users string) string {
	if strings.TrimSpace(users) == "*" {
		return users // all hosts, which curl understands only when nothing else is listed
	}
	own := []string{"localhost", ".localhost", "127.0.0.1", w.loopback(1)}
	if !w.NoCluster {
		own = append(own, w.clusterConfig().NodeAddr().String())
	}
	var hosts []string
	for _, host := range append(strings.Split(users, ","), own...) {
		if host = strings.TrimSpace(host); host != "" && !slices.Contains(hosts, host) {
			hosts = append(hosts, host)
		}
	}
	return strings.Join(hosts, ",")
}

// Environ returns the current environment with Env in it, for programs started here.
func (w *World) Environ() []string {
	own := map[string]bool{}
	var environ []string
	for _, v := range w.Env() {
		own[v.Name] = true
		environ = append(environ, v.Name+"="+v.Value)
	}
	for _, entry := range os.Environ() {
		name, _, _ := strings.Cut(entry, "=")
		// The user's own PULUMI_ variables would mix up the two Pulumis.
		if !own[name] && !strings.HasPrefix(name, "PULUMI_") {
			environ = append(environ, entry)
		}
	}
	return environ
}

// systemRoots are the files in which distributions keep the trusted certificates.
var systemRoots = []string{
	"/etc/ssl/certs/ca-certificates.crt", // Debian, Arch, Alpine
	"/etc/pki/tls/certs/ca-bundle.crt",   // Fedora
	"/etc/ssl/ca-bundle.pem",             // openSUSE
	"/etc/ssl/cert.pem",                  // macOS
}

// writeTrust writes the CA, a bundle of the system's and the sandbox's CAs
// (SSL_CERT_FILE replaces the system's store), and cloudflared's origin
// certificate.
func (w *World) writeTrust(ca, originCert []byte) error {
	var roots []byte
	for _, file := range append([]string{cmp.Or(os.Getenv("SSL_CERT_FILE"), systemRoots[0])}, systemRoots...) {
		if raw, err := os.ReadFile(file); err == nil && filepath.Dir(file) != w.Dir() {
			roots = raw
			break
		}
	}
	for name, content := range map[string][]byte{
		"ca.pem":        ca,
		"ca-bundle.pem": append(append(roots, '\n'), ca...),
		"cert.pem":      originCert,
	} {
		if err := renameio.WriteFile(w.path(name), content, 0o600, renameio.WithTempDir(w.Dir())); err != nil {
			return fmt.Errorf("writing certificates: %w", err)
		}
	}
	return nil
}
