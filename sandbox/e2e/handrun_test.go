//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

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

// TestHandRunTunnel does with the stock cloudflared what people did before: the
// imitated Cloudflare has to carry that too, or it would only fit our program.
func TestHandRunTunnel(t *testing.T) {
	home := t.TempDir()
	cloudflared := func(args ...string) string {
		t.Helper()
		cmd := testWorld.Command(context.Background(), "cloudflared", append([]string{"tunnel"}, args...)...)
		cmd.Env = append(cmd.Env, "HOME="+home)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "cloudflared tunnel %s:\n%s", strings.Join(args, " "), out)
		return string(out)
	}
	credentials := filepath.Join(home, "credentials.json")
	cloudflared("create", "--credentials-file", credentials, "by-hand")
	require.Contains(t, cloudflared("list"), "by-hand")
	for _, name := range []string{state.HomeZoneName, "*." + state.HomeZoneName} {
		cloudflared("route", "dns", "--overwrite-dns", "by-hand", name)
	}
	manifest := filepath.Join(home, "manifest.yaml")
	require.NoError(t, os.WriteFile(manifest, []byte(handRun), 0o600))
	defer kubectl(t, "delete", "--ignore-not-found", "namespace", "by-hand")
	kubectl(t, "create", "namespace", "by-hand")
	kubectl(t, "-n", "by-hand", "create", "secret", "generic", "tunnel-credentials", "--from-file=credentials.json="+credentials)
	kubectl(t, "apply", "--server-side", "-f", manifest)
	kubectl(t, "-n", "by-hand", "rollout", "status", "deployment/cloudflared", "--timeout=60s")

	eventually(t, 30*time.Second, "the apps answer through the tunnel made by hand", func() bool {
		status, _ := get(t, testWorld.AppHosts()[1], "/")
		return status == http.StatusOK
	})
	answersApps(t)
	require.Contains(t, cloudflared("info", "by-hand"), "CONNECTOR ID")

	kubectl(t, "delete", "namespace", "by-hand")
	cloudflared("cleanup", "by-hand")
	cloudflared("delete", "by-hand")
	require.NotContains(t, cloudflared("list"), "by-hand")

	// What nobody tells people: the names stay, and lead nowhere.
	status, body := get(t, state.HomeZoneName, "/")
	require.Equal(t, 530, status)
	require.Contains(t, body, "error code: 10")

	// The program takes the names over.
	s := newStack(t, "after-hand", nil)
	s.up(t)
	answersApps(t)
}

// TestWorld_SurvivesItsProcessesDeath kills the world's processes without
// warning; the next up mends it, and nothing that was deployed is lost.
func TestWorld_SurvivesItsProcessesDeath(t *testing.T) {
	s := newStack(t, "survivor", nil)
	s.up(t)
	killWorld(t.Logf)
	require.Error(t, testWorld.Healthy(context.Background()))
	require.NoError(t, testWorld.Up(context.Background(), os.Stdout))
	require.NoError(t, testWorld.Healthy(context.Background()))
	eventually(t, 2*time.Minute, "the apps answer again", func() bool {
		status, _ := get(t, testWorld.Domain(), "/api/info")
		return status == http.StatusOK
	})
	s.mustPulumi(t, "preview", "--expect-no-changes")
}

// killWorld ends the Cloudflare process and the node with SIGKILL.
func killWorld(logf func(string, ...any)) {
	for _, pid := range testWorld.PIDs() {
		logf("kill -9 %d", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	time.Sleep(500 * time.Millisecond)
}
