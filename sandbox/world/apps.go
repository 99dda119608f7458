package world

import (
	"context"
	"fmt"
)

// rollouts are the Deployments that must be ready before there is anything to expose.
var rollouts = []struct{ namespace, name string }{
	{"kube-system", "coredns"},
	{"ingress-nginx", "ingress-nginx-controller"},
	{"apps", "hello"},
	{"apps", "photos"},
}

func (w *World) waitForApps(ctx context.Context) error {
	for _, r := range rollouts {
		if err := w.quietly(ctx, "kubectl", "-n", r.namespace, "rollout", "status", "deployment/"+r.name, "--timeout=120s"); err != nil {
			return fmt.Errorf("waiting for %s/%s: %w", r.namespace, r.name, err)
		}
	}
	return nil
}
