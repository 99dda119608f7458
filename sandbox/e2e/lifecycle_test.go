//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/project"
)

// TestLifecycle follows a stack from its first preview to its end.
func TestLifecycle(t *testing.T) {
	share(t)
	s := newStack(t, "lifecycle", nil)

	preview := s.mustPulumi(t, "preview")
	require.Contains(t, preview, "k8s-tunnel:index:CloudflareTunnel")
	require.NotContains(t, preview, "warning", "an ordinary stack has none")
	require.Empty(t, live(t), "a preview creates nothing")

	s.up(t)
	requireApps(t)
	began := time.Now()
	namespace := s.output(t, "namespace")
	require.Equal(t, s.output(t, "tunnelId")+state.TunnelSuffix, s.output(t, "tunnelCname"))
	requirePods(t, namespace, 2)
	requireConnectors(t, s.output(t, "tunnelId"), 2)

	t.Run("a second up changes nothing and only looks", func(t *testing.T) {
		forgetCalls(t)
		s.up(t, "--expect-no-changes")
		requireOnlyReads(t)
		require.Len(t, calls(t), 7, "the program asks for zone, tunnel and records, the refresh for tunnel, token and two records: at four calls a second, each costs a quarter of one")
	})
	t.Run("a preview and a refresh find nothing", func(t *testing.T) {
		s.mustPulumi(t, "preview", "--expect-no-changes")
		s.mustPulumi(t, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
	})
	t.Run("a warning reaches the terminal", func(t *testing.T) {
		defer s.settings(t, strayRule)()
		require.Regexp(t, `warning: ingress\[0\]\.hostname: .*shop\.example\.org.*hostnames`, s.mustPulumi(t, "preview"))
	})
	t.Run("nothing secret is printed or exported in plain text", func(t *testing.T) {
		out := s.mustPulumi(t, "stack", "output", "--json")
		require.NotContains(t, out, state.SeedToken)
		export := s.mustPulumi(t, "stack", "export")
		require.NotContains(t, export, state.SeedToken)
		require.NotContains(t, export, "TunnelSecret")
	})
	t.Run("a second stack beside it disturbs nothing", func(t *testing.T) {
		deploySecond(t)
		s.mustPulumi(t, "preview", "--expect-no-changes")
	})
	t.Run("the pods are ready and were never restarted", func(t *testing.T) {
		// The clock has been running during the sub-tests above. None is left to fill the rest:
		// what follows destroys the stack.
		time.Sleep(time.Until(began.Add(2 * time.Minute)))
		requirePods(t, namespace, 2)
	})
	t.Run("destroy leaves nothing", func(t *testing.T) {
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.Empty(t, live(t))
		require.Empty(t, currentState(t).Records)
		require.NotContains(t, kubectl(t, "get", "namespaces", "-o", "name"), namespace)
		status, body := get(t, state.HomeZoneName, "/")
		require.Equal(t, 530, status)
		require.Contains(t, body, "1016")
	})
}

// strayRule is a rule for a host without a record in the stack. The component accepts it with a
// warning.
const strayRule = `
config:
  k8s-tunnel:ingress: [{ hostname: shop.example.org, service: "http_status:404" }]
`

// deploySecond deploys a stack for another zone, whose names all lead to one app, and destroys it.
func deploySecond(t *testing.T) {
	t.Helper()
	second := newStack(t, "second", map[string]string{"domain": state.LabZoneName, "origin": project.OtherOrigin, "replicas": "1"})
	second.up(t)
	status, _ := get(t, state.LabZoneName, "/")
	require.Equal(t, 200, status)
	status, _ = get(t, "any."+state.LabZoneName, "/")
	require.Equal(t, 200, status)
	requireApps(t)
	second.mustPulumi(t, "destroy", "--yes", "--skip-preview")
	requireApps(t)
}
