//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/world"
)

// kubectl returns what a kubectl command prints.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return kubectlIn(t, testWorld, args...)
}

// kubectlIn is kubectl for a world other than testWorld.
func kubectlIn(t *testing.T, w *world.World, args ...string) string {
	t.Helper()
	out, err := w.Command(context.Background(), "kubectl", args...).CombinedOutput()
	require.NoError(t, err, "kubectl %s:\n%s", strings.Join(args, " "), out)
	return string(out)
}

// kubectlJSON decodes what a kubectl get command prints.
func kubectlJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, append(args, "-o", "json")...)), into))
}

// apply applies objects. They are deleted when the test ends, with the given args of kubectl
// delete.
func apply(t *testing.T, manifest string, deletion ...string) {
	t.Helper()
	run := func(args ...string) (string, error) {
		cmd := testWorld.Command(context.Background(), "kubectl", append(args, "-f", "-")...)
		cmd.Stdin = strings.NewReader(manifest)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	t.Cleanup(func() {
		if out, err := run(append([]string{"delete", "--ignore-not-found"}, deletion...)...); err != nil {
			t.Errorf("deleting a test's objects: %v\n%s", err, out)
		}
	})
	out, err := run("apply", "--server-side")
	require.NoError(t, err, "%s", out)
}

// namespaceFor creates a namespace. It is deleted when the test ends, in the background; the next
// call for the same name waits for that.
func namespaceFor(t *testing.T, name string) {
	t.Helper()
	kubectl(t, "wait", "--for=delete", "namespace/"+name, "--timeout=60s")
	apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}", "--wait=false")
}

// apiServerEndpoint returns where the API server really listens.
func apiServerEndpoint(t *testing.T) (address string, port int) {
	t.Helper()
	var slice struct {
		Endpoints []struct{ Addresses []string }
		Ports     []struct{ Port int }
	}
	kubectlJSON(t, &slice, "get", "endpointslices", "kubernetes")
	return slice.Endpoints[0].Addresses[0], slice.Ports[0].Port
}
