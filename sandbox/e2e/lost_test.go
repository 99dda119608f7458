//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// TestLostCluster loses the cluster for good, and follows the documents: to another cluster, and to the end.
func TestLostCluster(t *testing.T) {
	share(t)
	alive, err := os.ReadFile(testWorld.Kubeconfig())
	require.NoError(t, err)
	dead := strings.Replace(string(alive), ":6443", ":1", 1)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	write := func(contents string) { require.NoError(t, os.WriteFile(path, []byte(contents), 0o600)) }
	s := newSubject(t, "lost", "")
	lose := func() {
		write(dead)
		kubectl(t, "delete", "namespaces", "-l", s.selector())
	}
	const message = "failed to read resource state due to unreachable cluster"
	require.Contains(t, documentText(t, troubleshootingFile), "PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy --refresh")
	shell := map[string]string{"PULUMI_K8S_DELETE_UNREACHABLE": "true"}

	write(string(alive))
	s.set(t, "kubernetes:kubeconfig", path)
	s.up(t)

	lose()
	s.set(t, "kubernetes:kubeconfig", testWorld.Kubeconfig())
	out, err := s.pulumi("up", "--yes", "--skip-preview")
	require.Error(t, err)
	require.Contains(t, out, message)
	out, err = s.pulumiIn(shell, "up", "--yes", "--skip-preview")
	require.NoError(t, err, out)
	require.NoError(t, s.converged(t, operations[0]))

	s.set(t, "kubernetes:kubeconfig", path)
	write(string(alive))
	s.up(t)
	lose()
	out, err = s.pulumi("destroy", "--yes", "--skip-preview")
	require.Error(t, err)
	require.Contains(t, out, message)
	out, err = s.pulumiIn(shell, "destroy", "--yes", "--skip-preview")
	require.NoError(t, err, out)
	require.Empty(t, s.tunnels(t))
	require.Empty(t, s.records(t))
	require.NoError(t, s.stateIsEmpty(t))
}

// TestExpiredToken replaces an API token only after it has expired.
func TestExpiredToken(t *testing.T) {
	share(t)
	const value = "sandbox-only-token-of-a-test-not-secret1"
	token, err := testWorld.Control().AddToken(t.Context(), state.Token{Value: value, Name: "expired", Grants: []state.Grant{{
		Resource: "*", Permissions: []state.Permission{state.AccountRead, state.TunnelEdit, state.ZoneRead, state.DNSEdit},
	}}})
	require.NoError(t, err)
	s := newStack(t, "expired", map[string]string{"replicas": "1"})
	s.set(t, "cloudflare:apiToken", value)
	s.up(t)
	require.NoError(t, testWorld.Control().SetToken(t.Context(), token.ID, true))
	_, err = s.pulumi("up", "--yes", "--skip-preview")
	require.Error(t, err)
	s.set(t, "cloudflare:apiToken", state.SeedToken)
	_, err = s.pulumi("up", "--yes", "--skip-preview")
	require.Error(t, err, "the refresh uses the old token")
	s.up(t, "--refresh=false")
	s.up(t, "--expect-no-changes")
	requireApps(t)
}
