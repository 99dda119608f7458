package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
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

// stack is a stack of a copy of the project, so that the clone stays as it is.
type stack struct {
	*bench
	dir string
}

func (b *bench) newStack(ctx context.Context) (*stack, error) {
	s := &stack{b, filepath.Join(b.Dir(), "project")}
	for _, pattern := range []string{"Pulumi.yaml", "go.mod", "go.sum", "*.go", "components/*.go"} {
		if err := s.copy(pattern); err != nil {
			return nil, fmt.Errorf("copying the project: %w", err)
		}
	}
	if err := s.pulumi(ctx, "stack", "init"); err != nil {
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

// copy copies the clone's files that match a pattern.
func (s *stack) copy(pattern string) error {
	files, err := filepath.Glob(filepath.Join(s.Root, pattern))
	if err != nil {
		return err
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		target := filepath.Join(s.dir, filepath.Dir(pattern), filepath.Base(file))
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, raw, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// command prepares a command of the Pulumi CLI on the stack.
func (s *stack) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := s.Command(ctx, "pulumi", append(args, "--stack", "bench", "--non-interactive")...)
	cmd.Dir = s.dir
	cmd.Env = append(cmd.Env, "SANDBOX_PROGRAM="+filepath.Join(s.dir, ".program", "k8s-tunnel"))
	return cmd
}

func (s *stack) set(ctx context.Context, key, value string, flags ...string) error {
	cmd := s.command(ctx, append([]string{"config", "set", "--path", key}, flags...)...)
	cmd.Stdin = strings.NewReader(value)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("setting %s: %w: %s", key, err, out)
	}
	return nil
}

func (s *stack) pulumi(ctx context.Context, args ...string) error {
	if out, err := s.command(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("pulumi %s: %w: %s", args[0], err, out)
	}
	return nil
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
