package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// handRun is what people apply by hand: the least that works.
const handRun = `
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
        volumeMounts:
        - {name: config, mountPath: /etc/cloudflared/config}
        - {name: creds, mountPath: /etc/cloudflared/creds}
      volumes:
      - {name: config, configMap: {name: cloudflared}}
      - {name: creds, secret: {secretName: tunnel-credentials}}
`

// stack is a stack of the clone's project whose settings lie in the world, so that
// the clone stays as it is.
type stack struct {
	*bench
	config string
}

func (b *bench) newStack(ctx context.Context) (*stack, error) {
	s := &stack{b, filepath.Join(b.Dir(), "Pulumi.bench.yaml")}
	if _, err := b.text(ctx, "pulumi", "stack", "init", "bench", "--config-file", s.config, "--non-interactive"); err != nil {
		return nil, err
	}
	for key, value := range map[string]string{
		"domain":                 state.HomeZoneName,
		"cloudflare:apiHostname": b.APIAddr(),
		"kubernetes:kubeconfig":  b.Kubeconfig(),
	} {
		if err := s.set(ctx, key, value); err != nil {
			return nil, err
		}
	}
	return s, s.set(ctx, "cloudflare:apiToken", state.SeedToken, "--secret")
}

func (s *stack) set(ctx context.Context, key, value string, flags ...string) error {
	args := append([]string{"config", "set", key, "--stack", "bench", "--config-file", s.config}, flags...)
	cmd := s.Command(ctx, "pulumi", args...)
	cmd.Stdin = strings.NewReader(value)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("setting %s: %w: %s", key, err, out)
	}
	return nil
}

func (s *stack) pulumi(ctx context.Context, args ...string) error {
	_, err := s.text(ctx, "pulumi", append(args, "--stack", "bench", "--config-file", s.config, "--non-interactive")...)
	return err
}

func (s *stack) up(ctx context.Context) error { return s.pulumi(ctx, "up", "--yes", "--skip-preview") }

func (s *stack) rotate(ctx context.Context) error {
	if err := s.set(ctx, "rotation", "bench"); err != nil {
		return err
	}
	return s.up(ctx)
}

// remove destroys the stack if a failed measurement left something in it.
func (s *stack) remove(ctx context.Context) {
	_ = s.pulumi(ctx, "destroy", "--yes", "--skip-preview")
}
