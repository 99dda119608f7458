package surroundings_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/surroundings"
)

// kubeconfig has two clusters.
func kubeconfig(home, lab string) string {
	return "apiVersion: v1\nkind: Config\ncurrent-context: home\n" +
		"contexts:\n- {name: home, context: {cluster: one, user: me}}\n- {name: lab, context: {cluster: two, user: me}}\n- {name: lost, context: {cluster: three}}\n" +
		"clusters:\n- {name: one, cluster: {" + home + "}}\n- {name: two, cluster: {" + lab + "}}\n"
}

func ca(text string) string {
	return "certificate-authority-data: " + base64.StdEncoding.EncodeToString([]byte(text))
}

func TestClusterIdentity(t *testing.T) {
	t.Parallel()
	identity := surroundings.ClusterIdentity
	home := identity(kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "server: https://192.0.2.2:6443, "+ca("B")), "")
	require.Len(t, home, 16)
	for name, c := range map[string]struct {
		kubeconfig, context string
		same                bool
	}{
		"another address":                 {kubeconfig("server: https://home.example.com:6443/, "+ca("A"), ""), "", true},
		"the same context by name":        {kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), ""), "home", true},
		"another context":                 {kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "server: https://192.0.2.2:6443, "+ca("B")), "lab", false},
		"another authority":               {kubeconfig("server: https://192.0.2.1:6443, "+ca("B"), ""), "", false},
		"another cluster behind the same": {kubeconfig("server: https://192.0.2.1:6443/k8s/clusters/c-2, "+ca("A"), ""), "", false},
		"a certificate nobody checks":     {kubeconfig("server: https://192.0.2.1:6443, insecure-skip-tls-verify: true", ""), "", false},
		"a public certificate":            {kubeconfig("server: https://192.0.2.1:6443", ""), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := identity(c.kubeconfig, c.context)
			require.Len(t, got, 16)
			require.Equal(t, c.same, got == home)
		})
	}
}

func TestClusterIdentity_Unknown(t *testing.T) {
	t.Parallel()
	whole := kubeconfig("server: https://192.0.2.1:6443, "+ca("A"), "")
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte(whole), 0o600))
	for name, c := range map[string]struct{ kubeconfig, context string }{
		"none":                              {"", ""},
		"a path":                            {path, ""},
		"no YAML":                           {"{", ""},
		"a context that isn't there":        {whole, "other"},
		"a cluster that isn't there":        {whole, "lost"},
		"no address":                        {whole, "lab"},
		"an authority that is no base64":    {kubeconfig("server: https://192.0.2.1:6443, certificate-authority-data: '*'", ""), ""},
		"an authority in a file":            {kubeconfig("server: https://192.0.2.1:6443, certificate-authority: /etc/ca.crt", ""), ""},
		"an address that can't be parsed":   {kubeconfig(`server: "https://[::1", `+ca("A"), ""), ""},
		"nothing but the name of a context": {"home", "home"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, surroundings.ClusterIdentity(c.kubeconfig, c.context))
		})
	}
}
