// Package handmade makes a tunnel as people make it without the program: with
// cloudflared's own commands, and with a manifest that they apply. The program takes
// over from such tunnels, and is compared with them.
package handmade

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/toolchain"
	"k8s-tunnel/sandbox/world"
)

const (
	// Name is the tunnel's name, and that of its connector's namespace.
	Name = "by-hand"
	// Origin is where the tunnel leads.
	Origin = "http://ingress-nginx-controller.ingress-nginx"
)

// manifest is what people apply by hand, with kustomize or without; %s is the origin.
const manifest = `
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
    - service: %s
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
        image: cloudflare/cloudflared:` + toolchain.CloudflaredVersion + `
        args: [tunnel, --config, /etc/cloudflared/config/config.yaml, run]
        livenessProbe: {httpGet: {path: /ready, port: 2000}, failureThreshold: 6}
        volumeMounts:
        - {name: config, mountPath: /etc/cloudflared/config}
        - {name: creds, mountPath: /etc/cloudflared/creds}
      volumes:
      - {name: config, configMap: {name: cloudflared}}
      - {name: creds, secret: {secretName: tunnel-credentials}}
`

// Tunnel is a tunnel made by hand. A world can hold one.
type Tunnel struct {
	world *world.World
	home  string
}

// New prepares a tunnel whose files are kept in a directory. It creates nothing.
func New(w *world.World, home string) *Tunnel { return &Tunnel{w, home} }

func (t *Tunnel) credentials() string { return filepath.Join(t.home, "credentials.json") }

// Cloudflared runs one command of `cloudflared tunnel` and returns what it printed.
func (t *Tunnel) Cloudflared(ctx context.Context, args ...string) (string, error) {
	cmd := t.world.Command(ctx, "cloudflared", append([]string{"tunnel"}, args...)...)
	cmd.Env = append(cmd.Env, "HOME="+t.home) // the user may have tunnels of their own
	out, err := cmd.CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("cloudflared tunnel %s: %w:\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (t *Tunnel) kubectl(ctx context.Context, args ...string) error {
	if out, err := t.world.Command(ctx, "kubectl", args...).CombinedOutput(); err != nil {
		return fmt.Errorf("kubectl %s: %w:\n%s", strings.Join(args, " "), err, out)
	}
	return nil
}

// Create creates the tunnel at Cloudflare, and its credentials file.
func (t *Tunnel) Create(ctx context.Context) error {
	_, err := t.Cloudflared(ctx, "create", "--credentials-file", t.credentials(), Name)
	return err
}

// RouteNames points the home zone's names at the tunnel.
func (t *Tunnel) RouteNames(ctx context.Context) error {
	for _, name := range []string{state.HomeZoneName, "*." + state.HomeZoneName} {
		if _, err := t.Cloudflared(ctx, "route", "dns", "--overwrite-dns", Name, name); err != nil {
			return err
		}
	}
	return nil
}

// Start starts the connector and waits until Kubernetes considers it ready, which says
// little: there is no probe that checks whether it is connected.
func (t *Tunnel) Start(ctx context.Context) error {
	if err := t.kubectl(ctx, "create", "namespace", Name); err != nil {
		return err
	}
	if err := t.kubectl(ctx, "-n", Name, "create", "secret", "generic", "tunnel-credentials",
		"--from-file=credentials.json="+t.credentials()); err != nil {
		return err
	}
	if err := t.Apply(ctx, Origin); err != nil {
		return err
	}
	return t.wait(ctx)
}

// Apply applies the manifest with an origin. A running connector doesn't notice,
// because it reads its configuration only once.
func (t *Tunnel) Apply(ctx context.Context, origin string) error {
	file := filepath.Join(t.home, "manifest.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, manifest, origin), 0o600); err != nil {
		return fmt.Errorf("writing the manifest: %w", err)
	}
	return t.kubectl(ctx, "apply", "--server-side", "-f", file)
}

// Restart replaces the connector with one that reads the current configuration and
// credentials.
func (t *Tunnel) Restart(ctx context.Context) error {
	if err := t.kubectl(ctx, "-n", Name, "rollout", "restart", "deployment/cloudflared"); err != nil {
		return err
	}
	return t.wait(ctx)
}

func (t *Tunnel) wait(ctx context.Context) error {
	return t.kubectl(ctx, "-n", Name, "rollout", "status", "deployment/cloudflared", "--timeout=60s")
}

// Stop ends the connector, and nothing else.
func (t *Tunnel) Stop(ctx context.Context) error {
	return t.kubectl(ctx, "delete", "--ignore-not-found", "namespace", Name)
}

// Remove deletes the connector, the tunnel and its credentials file, in the order that
// the README gives. The names stay, because cloudflared has no command that deletes
// them.
func (t *Tunnel) Remove(ctx context.Context) error {
	if err := t.Stop(ctx); err != nil {
		return err
	}
	for _, command := range []string{"cleanup", "delete"} {
		if _, err := t.Cloudflared(ctx, command, Name); err != nil {
			return err
		}
	}
	return os.Remove(t.credentials())
}
