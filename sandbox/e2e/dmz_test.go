//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/wait"
)

// controller selects the pods of the ingress controller.
const controller = "app.kubernetes.io/component=controller"

// onNode exposes one of the apps at the node's own address as well.
const onNode = `
apiVersion: v1
kind: Service
metadata: {name: photos-on-node, namespace: apps}
spec:
  type: NodePort
  selector: {app.kubernetes.io/name: photos}
  ports: [{port: 80, targetPort: http}]
`

// TestDMZ sends packets from inside a connector's pod, where an intruder would be.
func TestDMZ(t *testing.T) {
	share(t)
	s := newStack(t, "dmz", nil)
	s.up(t)
	namespace := s.output(t, "namespace")
	pod := podNames(t, namespace, connectors)[0]
	hello := podNames(t, "apps", "app.kubernetes.io/name=hello")[0]
	ingress := podIP(t, "ingress-nginx", podNames(t, "ingress-nginx", controller)[0])
	dns := podIP(t, "kube-system", podNames(t, "kube-system", "k8s-app=kube-dns")[0])
	link := fmt.Sprintf("10.255.%d.", testWorld.Slot)

	for _, test := range []struct {
		name string
		dial []string
		open bool
	}{
		{"DNS over UDP", []string{"-udp", serviceIP(t, "kube-system", "kube-dns") + ":53"}, true},
		{"DNS over TCP", []string{serviceIP(t, "kube-system", "kube-dns") + ":53"}, true},
		{"the edge over QUIC", []string{"-udp", link + "11:7844"}, true},
		{"the edge over HTTP/2", []string{link + "14:7844"}, true},
		{"the ingress controller's service", []string{serviceIP(t, "ingress-nginx", "ingress-nginx-controller") + ":80"}, true},
		{"the ingress controller's pod", []string{ingress + ":80"}, true},
		{"another port of the ingress controller", []string{ingress + ":9911"}, false},
		{"another port of the DNS", []string{dns + ":8181"}, false},
		{"another pod", []string{podIP(t, "apps", hello) + ":8080"}, false},
		{"another service", []string{serviceIP(t, "apps", "hello") + ":80"}, false},
		{"the API server's service", []string{serviceIP(t, "default", "kubernetes") + ":443"}, false},
		{"the API server", []string{link + "2:6443"}, false},
		{"the kubelet", []string{link + "2:10250"}, false},
		{"another port at the edge", []string{link + "11:22"}, false},
		{"the outside", []string{link + "1:7844"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := dialFrom(t, pod, test.dial...)
			if test.open {
				require.Equal(t, "open", got)
			} else {
				require.Equal(t, "timeout", got)
				// Something listens there: a pod without a policy gets an answer.
				require.NotEqual(t, "timeout", dialFrom(t, hello, test.dial...))
			}
		})
	}
	t.Run("a service's port on the node", func(t *testing.T) {
		apply(t, onNode)
		port := kubectl(t, "-n", "apps", "get", "service", "photos-on-node", "-o", "jsonpath={.spec.ports[0].nodePort}")
		address := link + "2:" + port
		wait.Until(t, 10*time.Second, "another pod reaches it", func() bool { return dialFrom(t, hello, address) == "open" })
		require.Equal(t, "timeout", dialFrom(t, pod, address))
	})
	t.Run("only the namespaces that are named may scrape", func(t *testing.T) {
		require.Equal(t, "timeout", dialFrom(t, hello, podIP(t, namespace, pod)+":2000"))
		s.set(t, "networkPolicy.metricsFrom[0]", "apps")
		s.up(t)
		pod := podNames(t, namespace, connectors)[0]
		require.Equal(t, "open", dialFrom(t, hello, podIP(t, namespace, pod)+":2000"))
	})
	t.Run("the tunnel works throughout", func(t *testing.T) {
		requireApps(t)
		s.mustPulumi(t, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
	})
	t.Run("the namespace admits restricted pods only", func(t *testing.T) {
		out, err := testWorld.Command(context.Background(), "kubectl", "-n", namespace, "run", "intruder", "--image=localhost/webapp:1").CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), `violates PodSecurity "restricted:latest"`)
	})
	t.Run("kube-score finds nothing", func(t *testing.T) { scoresWell(t, namespace) })
	t.Run("a running connector has the metrics that are recorded", func(t *testing.T) {
		raw, err := os.ReadFile(filepath.Join(testWorld.Root, "components", "testdata", "metrics.txt"))
		require.NoError(t, err)
		scraped := kubectl(t, "get", "--raw", "/api/v1/namespaces/"+namespace+"/pods/"+podNames(t, namespace, connectors)[0]+":2000/proxy/metrics")
		names := regexp.MustCompile(`(?m)^# TYPE (\S+)`).FindAllStringSubmatch(scraped, -1)
		require.NotEmpty(t, names)
		for _, name := range names {
			require.Contains(t, strings.Fields(string(raw)), name[1])
		}
	})
}

// scoresWell requires that kube-score finds nothing wrong with the stack's objects, apart from what
// is intended.
func scoresWell(t *testing.T, namespace string) {
	t.Helper()
	require.NoError(t, testWorld.Tools(context.Background(), os.Stdout, true))
	cmd := testWorld.Command(context.Background(), "kube-score", "score", "--output-format", "ci",
		// The image is pinned, and a pod must be able to start while the registry is out of reach.
		"--ignore-test", "container-image-pull-policy",
		// Only /ready knows about the connections. The probes differ in their thresholds.
		"--ignore-test", "pod-probes-identical",
		// Spread constraints do the same, and count each generation by itself.
		"--ignore-test", "deployment-has-host-podantiaffinity",
		"-")
	cmd.Stdin = strings.NewReader(kubectl(t, "-n", namespace, "get", "deployments,networkpolicies,poddisruptionbudgets,configmaps", "-o", "yaml"))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.NotContains(t, string(out), "[CRITICAL]")
	require.NotContains(t, string(out), "[WARNING]")
	require.Contains(t, string(out), "[OK]")
}
