package world

import (
	"context"
	"fmt"
)

// exposed are the Deployments that must be ready before there is anything to expose.
var exposed = []struct{ namespace, name string }{
	{"ingress-nginx", "ingress-nginx-controller"},
	{"apps", "hello"},
	{"apps", "photos"},
}

// awaitApps waits until all pods of what there is to expose are ready.
func (w *World) awaitApps(ctx context.Context) error {
	for _, d := range exposed {
		if err := w.quietly(ctx, "kubectl", "-n", d.namespace, "rollout", "status", "deployment/"+d.name, "--timeout=120s"); err != nil {
			return fmt.Errorf("waiting for %s/%s: %w", d.namespace, d.name, err)
		}
	}
	return nil
}
