//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// podMonitorDefinition has those fields of the Prometheus operator's own definition (0.91) that the
// component sets, with their validation. The server refuses any other field, because it validates
// strictly against a schema when Pulumi applies an object.
const podMonitorDefinition = `
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: podmonitors.monitoring.coreos.com}
spec:
  group: monitoring.coreos.com
  scope: Namespaced
  names: {kind: PodMonitor, listKind: PodMonitorList, plural: podmonitors, singular: podmonitor, shortNames: [pmon]}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        required: [spec]
        properties:
          spec:
            type: object
            required: [selector]
            properties:
              selector:
                type: object
                x-kubernetes-map-type: atomic
                properties:
                  matchLabels: {type: object, additionalProperties: {type: string}}
              podMetricsEndpoints:
                type: array
                items:
                  type: object
                  properties:
                    port: {type: string}
                    path: {type: string}
                    interval:
                      type: string
                      pattern: ^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$
`

// requireScrapes does what Prometheus does with the namespace's PodMonitor: it finds the connectors
// by the selector, and their metrics by the port and the path.
func requireScrapes(t *testing.T, namespace, interval string) {
	t.Helper()
	var monitors struct {
		Items []struct {
			Spec struct {
				Selector            struct{ MatchLabels map[string]string }
				PodMetricsEndpoints []struct{ Port, Path, Interval string }
			}
		}
	}
	kubectlJSON(t, &monitors, "-n", namespace, "get", "podmonitors")
	require.Len(t, monitors.Items, 1)
	spec := monitors.Items[0].Spec
	var selector []string
	for key, value := range spec.Selector.MatchLabels {
		selector = append(selector, key+"="+value)
	}
	require.NotEmpty(t, selector)
	slices.Sort(selector)
	pods := podNames(t, namespace, strings.Join(selector, ","))
	require.ElementsMatch(t, podNames(t, namespace, connectors), pods)

	require.Len(t, spec.PodMetricsEndpoints, 1)
	endpoint := spec.PodMetricsEndpoints[0]
	require.Equal(t, interval, endpoint.Interval)
	for _, pod := range pods {
		port := kubectl(t, "-n", namespace, "get", "pod", pod, "-o",
			fmt.Sprintf("jsonpath={.spec.containers[*].ports[?(@.name==%q)].containerPort}", endpoint.Port))
		require.NotEmpty(t, port, "%s has no port %s", pod, endpoint.Port)
		metrics := kubectl(t, "get", "--raw", fmt.Sprintf("/api/v1/namespaces/%s/pods/%s:%s/proxy%s", namespace, pod, port, endpoint.Path))
		require.Contains(t, metrics, "cloudflared_tunnel_")
	}
}
