//go:build e2e

package e2e

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/ca"
	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/wait"
)

// TestFiles reaches an HTTPS service whose certificate comes from an authority of its own, the API
// server, with that authority's certificate from a ConfigMap.
func TestFiles(t *testing.T) {
	share(t)
	const namespace, configMap = "tunnel-files", "origin-ca"
	namespaceFor(t, namespace)
	kubectl(t, "label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted")
	authority := kubectl(t, "-n", "default", "get", "configmap", "kube-root-ca.crt", "-o", `jsonpath={.data.ca\.crt}`)
	foreign, err := ca.Load(t.TempDir())
	require.NoError(t, err)
	set := func(certificate string) {
		t.Helper()
		kubectl(t, "-n", namespace, "delete", "configmap", configMap, "--ignore-not-found")
		kubectl(t, "-n", namespace, "create", "configmap", configMap, "--from-literal=ca.crt="+certificate)
	}

	s := newStack(t, "files", nil)
	address, port := apiServerEndpoint(t)
	s.settings(t, strings.NewReplacer("HOME", state.HomeZoneName, "ADDRESS", address, "PORT", strconv.Itoa(port)).Replace(filesSettings))
	host := "api." + state.HomeZoneName
	onlyNew := func() {
		t.Helper()
		wait.Until(t, 2*time.Minute, "the old connector has stopped", func() bool {
			return strings.Count(kubectl(t, "-n", namespace, "get", "pods", "-o", "name"), "/") == 1
		})
	}

	t.Run("without the ConfigMap, the preview says so", func(t *testing.T) {
		out, err := s.pulumi("preview")
		require.Error(t, err)
		require.Contains(t, out, "edge-file-"+configMap)
		require.Contains(t, out, "resource '"+namespace+"/"+configMap+"' does not exist")
		require.Empty(t, live(t))
	})
	t.Run("without its key, too", func(t *testing.T) {
		kubectl(t, "-n", namespace, "create", "configmap", configMap, "--from-literal=tls.crt=x")
		out, err := s.pulumi("preview")
		require.Error(t, err)
		require.Contains(t, out, "originRequest.caPool: ConfigMap "+configMap+" has no key ca.crt, for /etc/origin-ca; it has tls.crt")
	})
	t.Run("the service is verified", func(t *testing.T) {
		set(authority)
		s.up(t)
		requireAPIServer(t, host)
		requireApps(t)
		requirePods(t, namespace, 1)
	})
	t.Run("nothing changes by itself", func(t *testing.T) {
		s.up(t, "--expect-no-changes")
		s.mustPulumi(t, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
	})
	t.Run("another authority rolls the connectors", func(t *testing.T) {
		set(string(foreign.PEM()))
		s.up(t)
		onlyNew()
		status, _ := get(t, host, "/version")
		require.Equal(t, http.StatusBadGateway, status)
		requireApps(t)
		set(authority)
		s.up(t)
		onlyNew()
		requireAPIServer(t, host)
	})
	t.Run("a socket is refused", func(t *testing.T) {
		restore := s.settings(t, "config:\n  k8s-tunnel:ingress: [{hostname: web."+state.HomeZoneName+", service: \"unix:/run/web.sock\"}]\n")
		defer restore()
		out, err := s.pulumi("preview")
		require.Error(t, err)
		require.Contains(t, out, "ingress[0].service: nobody listens on a socket")
	})
	t.Run("the ConfigMap outlives the stack", func(t *testing.T) {
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.Contains(t, kubectl(t, "-n", namespace, "get", "configmaps", "-o", "name"), "configmap/"+configMap)
	})
}

// filesSettings are the settings of TestFiles, as they are written in a stack's file.
const filesSettings = `
config:
  k8s-tunnel:namespace: tunnel-files
  k8s-tunnel:replicas: 1
  k8s-tunnel:files:
    - { configMap: origin-ca, mountPath: /etc/origin-ca }
  k8s-tunnel:originRequest:
    caPool: /etc/origin-ca/ca.crt
  k8s-tunnel:ingress:
    - { hostname: api.HOME, service: https://kubernetes.default.svc }
  k8s-tunnel:networkPolicy:
    origins:
      - host: kubernetes.default.svc
        to: [{ cidr: ADDRESS/32, ports: [PORT] }]
`
