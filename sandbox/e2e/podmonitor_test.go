//go:build e2e

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPodMonitor asks for a PodMonitor in a cluster without the Prometheus operator's definition,
// and then in one that has it.
func TestPodMonitor(t *testing.T) {
	share(t)
	t.Run("without its definition nothing is created", func(t *testing.T) {
		s := newStack(t, "no-operator", nil)
		s.settings(t, podMonitorSettings)
		for _, command := range [][]string{{"preview"}, {"up", "--yes"}} {
			out, err := s.pulumi(command...)
			require.Error(t, err, out)
			t.Log(out)
			require.Contains(t, out, "podmonitors.monitoring.coreos.com")
		}
		require.Empty(t, live(t))
		require.Empty(t, currentState(t).Records)
		require.NotContains(t, kubectl(t, "get", "namespaces", "-o", "name"), "k8s-tunnel-no-operator")
	})
	t.Run("with its definition", func(t *testing.T) {
		apply(t, podMonitorDefinition)
		kubectl(t, "wait", "--for=condition=Established", "crd/podmonitors.monitoring.coreos.com", "--timeout=30s")
		s := newStack(t, "operator", nil)
		s.settings(t, podMonitorSettings)
		s.up(t)
		namespace := s.output(t, "namespace")
		requireScrapes(t, namespace, "15s")
		require.NotEmpty(t, kubectl(t, "-n", namespace, "get", "podmonitors", "-l", "release=prometheus", "-o", "name"))
		s.up(t, "--expect-no-changes")
		s.mustPulumi(t, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.NotContains(t, kubectl(t, "get", "podmonitors", "-A", "-o", "name"), "podmonitor")
		require.Empty(t, live(t))
		kubectl(t, "get", "crd", "podmonitors.monitoring.coreos.com")
	})
}

const podMonitorSettings = `
config:
  k8s-tunnel:replicas: 1
  k8s-tunnel:networkPolicy: { metricsFrom: [apps] }
  k8s-tunnel:monitoring: { podMonitor: { interval: 15s, labels: { release: prometheus } } }
`
