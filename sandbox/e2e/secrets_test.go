//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// TestSecrets searches for the tunnel's secret, the API token and a kubeconfig that is stored as a
// secret wherever Pulumi or the cluster show or keep something, temporary files included, in each of
// the usual encodings.
func TestSecrets(t *testing.T) {
	share(t)
	temporary := t.TempDir()
	t.Setenv("TMPDIR", temporary)
	s := newStack(t, "secrets", map[string]string{"replicas": "1"})
	kubeconfig, err := os.ReadFile(testWorld.Kubeconfig())
	require.NoError(t, err)
	set := s.command("config", "set", "--secret", "kubernetes:kubeconfig", "--stack", s.Name)
	set.Stdin = bytes.NewReader(kubeconfig)
	printed, err := set.CombinedOutput()
	require.NoError(t, err, "%s", printed)

	outputs := map[string]string{"up": s.mustPulumi(t, "up", "--yes", "--diff")}
	namespace, selector := s.output(t, "namespace"), "app.kubernetes.io/instance=k8s-tunnel-"+s.Name
	const clientsKey = "the client's key"
	secrets := map[string]string{
		"the API token":     state.SeedToken,
		"the tunnel secret": tunnelSecret(t, selector),
		clientsKey:          clientKey(t, string(kubeconfig)),
	}
	s.set(t, "rotation", "2026-12")
	outputs["preview of a rotation"] = s.mustPulumi(t, "preview", "--diff")
	printed, variables, arguments := observed(t, s.command("up", "--stack", s.Name, "--yes", "--skip-preview", "--non-interactive", "--diff"))
	outputs["rotation"] = string(printed)
	secrets["the next tunnel secret"] = tunnelSecret(t, selector)
	outputs["preview of a destroy"] = s.mustPulumi(t, "destroy", "--preview-only", "--diff")
	outputs["IDs"] = s.mustPulumi(t, "stack", "--show-ids", "--show-urns")
	outputs["outputs"] = s.mustPulumi(t, "stack", "output", "--json")
	outputs["export"] = s.mustPulumi(t, "stack", "export")
	outputs["history"] = s.mustPulumi(t, "stack", "history", "--json")
	outputs["events"] = kubectl(t, "get", "events", "-A", "-o", "yaml")
	outputs["ConfigMaps"] = kubectl(t, "-n", namespace, "get", "configmaps", "-o", "yaml")
	outputs["pods, Deployments"] = kubectl(t, "-n", namespace, "get", "pods,deployments,replicasets", "-o", "yaml")
	outputs["connectors' logs"] = kubectl(t, "-n", namespace, "logs", "-l", "app.kubernetes.io/name=cloudflared", "--tail=-1")
	s.set(t, "zoneId", strings.Repeat("0", 32))
	outputs["an error"] = s.failingPulumi(t, "preview")
	require.Contains(t, outputs["an error"], "zoneId: the token sees no zone 0")
	s.unset(t, "zoneId")
	s.set(t, "rotation", "2027-01")
	require.NoError(t, testWorld.Control().SetFaults(t.Context(), api.Fault{Method: "POST", Path: "/accounts/*/cfd_tunnel", Status: 500}))
	outputs["an error of Cloudflare's"] = s.failingPulumi(t, "up", "--yes", "--skip-preview", "--diff")
	require.NoError(t, testWorld.Control().SetFaults(t.Context()))

	for place, text := range outputs {
		requireNoSecrets(t, place, []byte(text), secrets)
	}
	requireNoSecretsKept(t, secrets)
	requireKubeconfigsOnly(t, temporary, secrets, clientsKey)
	requireNoSecrets(t, "the arguments of processes", arguments, secrets)
	requireNoSecrets(t, "the environment of processes", variables, secrets)
}

func (s *stack) failingPulumi(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.pulumi(args...)
	require.Error(t, err)
	return out
}
