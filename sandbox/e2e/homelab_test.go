//go:build e2e

package e2e

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// controlPlane is the taint of a control plane, which keeps away pods that don't tolerate it.
const controlPlane = "node-role.kubernetes.io/control-plane"

// TestHomeLab combines what owners of one small cluster ask for: the API server under a name of its
// own, some sites behind another ingress controller and the rest behind the usual one, a second
// domain, an internationalized one, a private registry, and a tainted node.
func TestHomeLab(t *testing.T) {
	share(t)
	namespaceFor(t, "tunnel")
	namespaceFor(t, "traefik")
	standInFor(t, "traefik", "traefik", 80, 8000)
	ingressFor(t, "second-zone", "shop."+state.LabZoneName, "photos")
	ingressFor(t, "second-apex", state.LabZoneName, "hello")
	_, err := testWorld.Control().AddZone(t.Context(), state.Zone{Name: "münchen.localhost", AccountID: state.SeedAccountID})
	require.NoError(t, err)
	ingressFor(t, "third-apex", "xn--mnchen-3ya.localhost", "hello")
	ingressFor(t, "third-zone", "xn--bcher-kva.xn--mnchen-3ya.localhost", "photos")
	kubectl(t, "-n", "tunnel", "create", "secret", "docker-registry", "registry",
		"--docker-server=registry.home.lan", "--docker-username=home", "--docker-password=lab")
	kubectl(t, "taint", "nodes", "--all", controlPlane+"=:NoSchedule")
	t.Cleanup(func() { kubectl(t, "taint", "nodes", "--all", controlPlane+"-") })

	s := newStack(t, "home-lab", nil)
	address, port := apiServerEndpoint(t)
	s.settings(t, strings.NewReplacer("HOME", state.HomeZoneName, "LAB", state.LabZoneName, "TAINT", controlPlane,
		"ADDRESS", address, "PORT", strconv.Itoa(port)).Replace(homeLab))
	s.up(t)
	require.Equal(t, "tunnel", s.output(t, "namespace"))
	requirePods(t, "tunnel", 6)
	requireConnectors(t, s.output(t, "tunnelId"), 6)

	t.Run("the API server answers", func(t *testing.T) { requireAPIServer(t, "api."+state.HomeZoneName) })
	t.Run("two hosts lead to one Service", func(t *testing.T) {
		requireAnswerFrom(t, "wiki."+state.HomeZoneName, "traefik")
		requireAnswerFrom(t, "cloud."+state.HomeZoneName, "traefik")
	})
	t.Run("everything else goes to the ingress controller", func(t *testing.T) {
		requireApps(t)
		status, _ := get(t, "unknown."+state.HomeZoneName, "/")
		require.Equal(t, 404, status, "the ingress controller doesn't know the host")
	})
	t.Run("names of the second zone answer", func(t *testing.T) {
		requireAnswerFrom(t, state.LabZoneName, "hello")
		requireAnswerFrom(t, "shop."+state.LabZoneName, "photos")
	})
	t.Run("internationalized names answer", func(t *testing.T) {
		requireAnswerFrom(t, "xn--mnchen-3ya.localhost", "hello")
		requireAnswerFrom(t, "xn--bcher-kva.xn--mnchen-3ya.localhost", "photos")
	})
	t.Run("the connectors have the registry's secret", func(t *testing.T) {
		secrets := kubectl(t, "-n", "tunnel", "get", "pods", "-l", connectors, "-o", "jsonpath={.items[*].spec.imagePullSecrets[*].name}")
		require.Equal(t, "registry registry registry registry registry registry", secrets)
	})
	t.Run("a second up changes nothing", func(t *testing.T) {
		s.up(t, "--expect-no-changes")
		s.mustPulumi(t, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
	})
	t.Run("destroy leaves only what the stack doesn't own", func(t *testing.T) {
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.Empty(t, live(t))
		require.Empty(t, currentState(t).Records)
		left := kubectl(t, "-n", "tunnel", "get", "all,configmaps,secrets,networkpolicies,poddisruptionbudgets", "-o", "name")
		require.Equal(t, "configmap/kube-root-ca.crt\nsecret/registry\n", left)
	})
}

// homeLab are the settings of TestHomeLab, as they are written in a stack's file.
const homeLab = `
config:
  k8s-tunnel:namespace: tunnel
  k8s-tunnel:replicas: 6
  k8s-tunnel:ingress:
    - hostname: api.HOME
      service: https://kubernetes.default.svc
      originRequest: { noTLSVerify: true }
    - { hostname: wiki.HOME, service: http://traefik.traefik }
    - { hostname: cloud.HOME, service: http://traefik.traefik }
  k8s-tunnel:networkPolicy:
    origins:
      - host: kubernetes.default.svc
        to: [{ cidr: ADDRESS/32, ports: [PORT] }]
  k8s-tunnel:hostnames: [LAB, "*.LAB", xn--mnchen-3ya.localhost, "*.xn--mnchen-3ya.localhost"]
  k8s-tunnel:pod:
    tolerations:
      - { key: TAINT, operator: Exists, effect: NoSchedule }
      - { key: node.kubernetes.io/unreachable, operator: Exists, effect: NoExecute, tolerationSeconds: 30 }
    imagePullSecrets: [registry]
`
