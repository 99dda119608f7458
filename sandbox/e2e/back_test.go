//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/wait"
)

// TestGoingBack interrupts updates while new connectors start beside the old ones, and takes the change
// back instead of completing it: the old connectors, which still serve, mustn't go with the new ones.
func TestGoingBack(t *testing.T) {
	share(t)
	namespaceFor(t, "back")
	s := newSubject(t, "back", "")
	require.NoError(t, s.start(t, operations[0].args...).wait(t))
	require.NoError(t, s.converged(t, operations[0]))
	origin := operations[2]
	for _, change := range []struct {
		name       string
		make, undo func(t *testing.T)
	}{
		{"another origin", func(t *testing.T) { s.prepare(t, origin) }, func(t *testing.T) { s.prepare(t, origin) }},
		{"another namespace", func(t *testing.T) { s.set(t, "namespace", "back") }, func(t *testing.T) { s.unset(t, "namespace") }},
		{"another name of the tunnel", func(t *testing.T) { s.set(t, "tunnelName", "other") }, func(t *testing.T) { s.unset(t, "tunnelName") }},
		{"a rotation", func(t *testing.T) { s.set(t, "rotation", "new") }, func(t *testing.T) { s.unset(t, "rotation") }},
	} {
		t.Run(change.name, func(t *testing.T) {
			change.make(t)
			r := s.start(t, origin.args...)
			wait.Until(t, patience, "new connectors beside the old ones", func() bool {
				deployments := kubectl(t, "get", "deployments", "-A", "-l", connectors, "-o", "name")
				return r.ended() || strings.Count(deployments, "\n") == 2
			})
			require.False(t, r.ended(), "%s", &r.out)
			require.NoError(t, r.cmd.Process.Signal(os.Interrupt))
			require.Error(t, r.wait(t))
			change.undo(t)
			back := s.start(t, origin.args...)
			require.NoError(t, back.wait(t), "%s", &back.out)
			require.NoError(t, s.converged(t, origin))
		})
	}
}

// TestAnotherAddress reaches the same cluster by another address, for which the Kubernetes provider is
// replaced, and so are all objects. Nothing tells the engine that it is the same cluster: the new objects
// mustn't have the names by which the old provider then deletes the old ones.
func TestAnotherAddress(t *testing.T) {
	share(t)
	namespaceFor(t, "address")
	kubeconfig, err := os.ReadFile(testWorld.Kubeconfig())
	require.NoError(t, err)
	other := strings.Replace(string(kubeconfig), ":6443", ":6443/", 1)
	require.NotEqual(t, string(kubeconfig), other)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	require.NoError(t, os.WriteFile(path, []byte(other), 0o600))
	for namespace, addresses := range map[string][]string{"": {path}, "address": {path, testWorld.Kubeconfig()}} {
		t.Run("namespace "+namespace, func(t *testing.T) {
			s := newSubject(t, "address"+namespace, namespace)
			s.up(t)
			for _, address := range addresses {
				s.set(t, "kubernetes:kubeconfig", address)
				s.up(t)
				require.NoError(t, s.converged(t, operations[0]))
			}
			s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		})
	}
}
