//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/wait"
)

// TestProbes shows that the probes restart a connector that hangs, and no other.
func TestProbes(t *testing.T) {
	s := newStack(t, "probes", nil)
	s.up(t)
	ctx, namespace := context.Background(), s.output(t, "namespace")
	pods := podNames(t, namespace, connectors)
	healthy := func(within time.Duration, what string, pods ...string) {
		t.Helper()
		wait.Until(t, within, what, func() bool {
			for _, pod := range pods {
				if !ready(t, namespace, pod) {
					return false
				}
			}
			status, _ := get(t, testWorld.Domain(), "/api/info")
			return status == 200
		})
		for _, pod := range pods {
			require.Zero(t, restarts(t, namespace, pod), what)
		}
	}
	t.Run("every connection is cut", func(t *testing.T) {
		require.NoError(t, testWorld.Control().CutEdge(ctx))
		healthy(30*time.Second, "back after the cut", pods...)
	})
	t.Run("the origin fails", func(t *testing.T) {
		kubectl(t, "-n", "ingress-nginx", "scale", "deployment", "ingress-nginx-controller", "--replicas=0")
		wait.Until(t, 2*time.Minute, "the origin is gone", func() bool {
			status, _ := get(t, testWorld.Domain(), "/api/info")
			return status == 502
		})
		time.Sleep(30 * time.Second)
		for _, pod := range pods {
			require.True(t, ready(t, namespace, pod))
		}
		kubectl(t, "-n", "ingress-nginx", "scale", "deployment", "ingress-nginx-controller", "--replicas=1")
		healthy(time.Minute, "back with the origin", pods...)
	})
	t.Run("the edge is down for eight minutes", func(t *testing.T) {
		require.NoError(t, testWorld.Control().SetEdge(ctx, false))
		t.Cleanup(func() { _ = testWorld.Control().SetEdge(ctx, true) })
		time.Sleep(8 * time.Minute)
		for _, pod := range pods {
			require.False(t, ready(t, namespace, pod))
		}
		require.NoError(t, testWorld.Control().SetEdge(ctx, true))
		healthy(90*time.Second, "back after the outage", pods...)
	})
	t.Run("one connector hangs", func(t *testing.T) {
		// The hour that it has is too long for a test.
		deployment := strings.TrimSpace(kubectl(t, "-n", namespace, "get", "deployments", "-o", "name"))
		kubectl(t, "-n", namespace, "patch", deployment, "--type=json",
			`--patch=[{"op": "replace", "path": "/spec/template/spec/containers/0/livenessProbe/failureThreshold", "value": 4}]`)
		kubectl(t, "-n", namespace, "rollout", "status", deployment, "--timeout=5m")
		pods := podNames(t, namespace, connectors)
		wedged, other := pods[0], pods[1]
		wedge(t, wedged)
		began := time.Now()
		wait.Until(t, 5*time.Minute, "the wedged connector is restarted", func() bool {
			return restarts(t, namespace, wedged) > 0 && ready(t, namespace, wedged)
		})
		t.Logf("the wedged connector was back after %s", time.Since(began).Round(time.Second))
		require.Zero(t, restarts(t, namespace, other))
	})
}
