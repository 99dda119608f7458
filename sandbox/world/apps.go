package world

import (
	"context"
	"fmt"
)

// rollout is a Deployment in the node.
type rollout struct{ namespace, name string }

// What there is to expose.
var (
	ingress = rollout{"ingress-nginx", "ingress-nginx-controller"}
	sites   = []rollout{{"apps", "hello"}, {"apps", "photos"}}
)

// rolledOut waits until all pods of Deployments are ready.
func (w *World) rolledOut(ctx context.Context, rollouts ...rollout) error {
	for _, r := range rollouts {
		if err := w.quietly(ctx, "kubectl", "-n", r.namespace, "rollout", "status", "deployment/"+r.name, "--timeout=120s"); err != nil {
			return fmt.Errorf("waiting for %s/%s: %w", r.namespace, r.name, err)
		}
	}
	return nil
}
