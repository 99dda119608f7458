//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/toolchain"
)

// connectors selects the connectors' pods.
const connectors = "app.kubernetes.io/name=cloudflared"

// podPID returns the PID of a pod's process on the host. It is found by the pod's name, which every
// container has in its environment and which no pod of another world shares.
func podPID(t *testing.T, pod string) int {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/environ")
	require.NoError(t, err)
	for _, file := range files {
		environ, err := os.ReadFile(file)
		if err != nil {
			continue // it has ended, or has none
		}
		for variable := range bytes.SplitSeq(environ, []byte{0}) {
			if string(variable) == "HOSTNAME="+pod {
				pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
				require.NoError(t, err)
				return pid
			}
		}
	}
	require.Failf(t, "no process", "pod %s", pod)
	return 0
}

// dialFrom sends packets from inside a pod's network namespace and returns the result: open,
// refused, unreachable or timeout.
func dialFrom(t *testing.T, pod string, args ...string) string {
	t.Helper()
	command := append([]string{"-t", strconv.Itoa(podPID(t, pod)), "-n", filepath.Join(toolchain.BinDir(testWorld.Root), "webapp"), "dial", "-timeout", "1s"}, args...)
	var out bytes.Buffer
	cmd := testWorld.Command(context.Background(), "nsenter", command...)
	cmd.Stdout = &out
	_ = cmd.Run() // its output says more than its exit code
	return strings.TrimSpace(out.String())
}

// podNames lists a namespace's pods, without those that are terminating.
func podNames(t *testing.T, namespace, selector string) []string {
	t.Helper()
	var pods struct {
		Items []struct {
			Metadata struct{ Name, DeletionTimestamp string }
		}
	}
	kubectlJSON(t, &pods, "-n", namespace, "get", "pods", "-l", selector)
	var names []string
	for _, pod := range pods.Items {
		if pod.Metadata.DeletionTimestamp == "" {
			names = append(names, pod.Metadata.Name)
		}
	}
	require.NotEmpty(t, names, "pods of %s in %s", selector, namespace)
	return names
}

func podIP(t *testing.T, namespace, pod string) string {
	t.Helper()
	return kubectl(t, "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.podIP}")
}

func serviceIP(t *testing.T, namespace, service string) string {
	t.Helper()
	return kubectl(t, "-n", namespace, "get", "service", service, "-o", "jsonpath={.spec.clusterIP}")
}

// restarts returns how often a pod's container was restarted.
func restarts(t *testing.T, namespace, pod string) int {
	t.Helper()
	n, err := strconv.Atoi(kubectl(t, "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].restartCount}"))
	require.NoError(t, err)
	return n
}

func ready(t *testing.T, namespace, pod string) bool {
	t.Helper()
	return kubectl(t, "-n", namespace, "get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].ready}") == "true"
}

// wedge stops a pod's process without ending it.
func wedge(t *testing.T, pod string) {
	t.Helper()
	require.NoError(t, syscall.Kill(podPID(t, pod), syscall.SIGSTOP))
}

// requirePods requires that a namespace has exactly that many pods, all of them ready and never
// restarted.
func requirePods(t *testing.T, namespace string, want int) {
	t.Helper()
	var pods struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct {
				ContainerStatuses []struct {
					Ready        bool
					RestartCount int
				}
			}
		}
	}
	kubectlJSON(t, &pods, "-n", namespace, "get", "pods")
	require.Len(t, pods.Items, want)
	for _, pod := range pods.Items {
		for _, c := range pod.Status.ContainerStatuses {
			require.True(t, c.Ready, pod.Metadata.Name)
			require.Zero(t, c.RestartCount, pod.Metadata.Name)
		}
	}
}
