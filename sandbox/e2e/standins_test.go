//go:build e2e

package e2e

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// standIn is a site with a Service, in place of what people have in their
// clusters. Its pods' names begin with its own, and they say so in each answer.
const standIn = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: NAME}}
  template:
    metadata: {labels: {app.kubernetes.io/name: NAME}}
    spec:
      terminationGracePeriodSeconds: 5
      securityContext:
        runAsNonRoot: true
        runAsUser: 65532
        seccompProfile: {type: RuntimeDefault}
      containers:
      - name: site
        image: localhost/webapp:1
        imagePullPolicy: IfNotPresent
        args: [serve, "-listen=:TARGET", -drain=1s]
        readinessProbe: {httpGet: {path: /healthz, port: TARGET}, periodSeconds: 1}
---
apiVersion: v1
kind: Service
metadata: {name: NAME, namespace: NAMESPACE}
spec:
  selector: {app.kubernetes.io/name: NAME}
  ports: [{port: PORT, targetPort: TARGET}]
`

// standInFor starts a site whose Service listens on a port and whose pods listen
// on another. It goes when the test ends.
func standInFor(t *testing.T, namespace, name string, port, target int) {
	t.Helper()
	apply(t, strings.NewReplacer("NAMESPACE", namespace, "NAME", name, "PORT", strconv.Itoa(port), "TARGET", strconv.Itoa(target)).Replace(standIn))
	kubectl(t, "-n", namespace, "rollout", "status", "deployment/"+name, "--timeout=60s")
}

// ingressFor lets the ingress controller hand a host to one of the world's apps.
func ingressFor(t *testing.T, name, host, app string) {
	t.Helper()
	apply(t, strings.NewReplacer("NAME", name, "HOST", host, "APP", app).Replace(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: NAME, namespace: apps}
spec:
  ingressClassName: skipper
  rules:
  - host: HOST
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: APP, port: {name: http}}}}]}
`))
}

// namespaceFor makes a namespace, which goes when the test ends. Nobody waits for
// that but whoever wants the same one again.
func namespaceFor(t *testing.T, name string) {
	t.Helper()
	kubectl(t, "wait", "--for=delete", "namespace/"+name, "--timeout=60s")
	apply(t, "{apiVersion: v1, kind: Namespace, metadata: {name: "+name+"}}", "--wait=false")
}

// apply applies objects, which are deleted when the test ends, as kubectl's
// arguments say.
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

// requireAnswerFrom demands that a URL is answered by a pod whose name begins
// so, which may take the moment in which controllers learn of each other.
func requireAnswerFrom(t *testing.T, url, pod string) {
	t.Helper()
	var got string
	require.Eventually(t, func() bool {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+url, nil)
		require.NoError(t, err)
		resp, err := testWorld.Client().Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		got = resp.Header.Get("X-Pod")
		return strings.HasPrefix(got, pod+"-")
	}, 10*time.Second, 200*time.Millisecond, "%s: want an answer from %s", url, pod)
	t.Logf("%s: answered by %s", url, got)
}

// apiServerEndpoint is where the API server really listens.
func apiServerEndpoint(t *testing.T) (address string, port int) {
	t.Helper()
	var slice struct {
		Endpoints []struct{ Addresses []string }
		Ports     []struct{ Port int }
	}
	kubectlJSON(t, &slice, "get", "endpointslices", "kubernetes")
	return slice.Endpoints[0].Addresses[0], slice.Ports[0].Port
}

// requireAPIServer demands the API server's own answer under a host.
func requireAPIServer(t *testing.T, host string) {
	t.Helper()
	var want, got struct{ GitVersion, Platform string }
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, "get", "--raw", "/version")), &want))
	status, body := get(t, host, "/version")
	require.Equal(t, http.StatusOK, status, body)
	require.NoError(t, json.Unmarshal([]byte(body), &got), body)
	require.NotEmpty(t, want.GitVersion)
	require.Equal(t, want, got)
	// And it knows that nobody in particular asks.
	status, body = get(t, host, "/api/v1/secrets")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, "system:anonymous")
}
