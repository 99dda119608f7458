//go:build e2e

package e2e

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/world"
)

// handMade is a tunnel as people make it without the program: with cloudflared's
// own commands, and with manifests that they apply.
type handMade struct {
	t     *testing.T
	world *world.World
	home  string
}

// handRun is what people apply by hand, with kustomize or without.
const handRun = `
apiVersion: v1
kind: Namespace
metadata: {name: by-hand}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: cloudflared, namespace: by-hand}
data:
  config.yaml: |
    tunnel: by-hand
    credentials-file: /etc/cloudflared/creds/credentials.json
    metrics: 0.0.0.0:2000
    no-autoupdate: true
    ingress:
    - service: http://ingress-nginx-controller.ingress-nginx
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: cloudflared, namespace: by-hand}
spec:
  selector: {matchLabels: {app: cloudflared}}
  template:
    metadata: {labels: {app: cloudflared}}
    spec:
      containers:
      - name: cloudflared
        image: cloudflare/cloudflared:2026.3.0
        args: [tunnel, --config, /etc/cloudflared/config/config.yaml, run]
        livenessProbe: {httpGet: {path: /ready, port: 2000}, failureThreshold: 6}
        volumeMounts:
        - {name: config, mountPath: /etc/cloudflared/config}
        - {name: creds, mountPath: /etc/cloudflared/creds}
      volumes:
      - {name: config, configMap: {name: cloudflared}}
      - {name: creds, secret: {secretName: tunnel-credentials}}
`

// cloudflared runs one command of `cloudflared tunnel`.
func (h *handMade) cloudflared(args ...string) string {
	h.t.Helper()
	cmd := h.world.Command(context.Background(), "cloudflared", append([]string{"tunnel"}, args...)...)
	cmd.Env = append(cmd.Env, "HOME="+h.home)
	out, err := cmd.CombinedOutput()
	require.NoError(h.t, err, "cloudflared tunnel %s:\n%s", strings.Join(args, " "), out)
	return string(out)
}

// makeByHand creates a tunnel, points the home zone's names at it, and starts its
// connector.
func makeByHand(t *testing.T, w *world.World) *handMade {
	t.Helper()
	h := &handMade{t: t, world: w, home: t.TempDir()}
	credentials := filepath.Join(h.home, "credentials.json")
	h.cloudflared("create", "--credentials-file", credentials, "by-hand")
	require.Contains(t, h.cloudflared("list"), "by-hand")
	h.routeNames()
	manifest := filepath.Join(h.home, "manifest.yaml")
	require.NoError(t, os.WriteFile(manifest, []byte(handRun), 0o600))
	t.Cleanup(func() { kubectlIn(t, w, "delete", "--ignore-not-found", "namespace", "by-hand") })
	kubectlIn(t, w, "create", "namespace", "by-hand")
	kubectlIn(t, w, "-n", "by-hand", "create", "secret", "generic", "tunnel-credentials", "--from-file=credentials.json="+credentials)
	kubectlIn(t, w, "apply", "--server-side", "-f", manifest)
	kubectlIn(t, w, "-n", "by-hand", "rollout", "status", "deployment/cloudflared", "--timeout=60s")
	return h
}

// routeNames points the home zone's names at the tunnel.
func (h *handMade) routeNames() {
	h.t.Helper()
	for _, name := range []string{state.HomeZoneName, "*." + state.HomeZoneName} {
		h.cloudflared("route", "dns", "--overwrite-dns", "by-hand", name)
	}
}

// stop ends the connector, and nothing else.
func (h *handMade) stop() {
	h.t.Helper()
	kubectlIn(h.t, h.world, "delete", "--ignore-not-found", "namespace", "by-hand")
}

// remove deletes what makeByHand made, in the order that the README gives.
func (h *handMade) remove() {
	h.t.Helper()
	h.stop()
	h.cloudflared("cleanup", "by-hand")
	h.cloudflared("delete", "by-hand")
	require.NotContains(h.t, h.cloudflared("list"), "by-hand")
}
