package components

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// Labels of the Kubernetes objects: the set that Kubernetes recommends, and
// one of our own.
const (
	// labelName is the application, the same in every stack.
	labelName = "app.kubernetes.io/name"
	// labelInstance tells the tunnels of a cluster apart for people.
	labelInstance = "app.kubernetes.io/instance"
	// labelComponent is the part that the object plays.
	labelComponent = "app.kubernetes.io/component"
	// labelManagedBy tells that changes by hand won't last.
	labelManagedBy = "app.kubernetes.io/managed-by"
	// labelTunnelID ties a pod to the tunnel it serves. It is part of the
	// Deployment's selector: selectors are immutable, so replacing the tunnel
	// replaces the Deployment, new beside old, and the two never count each
	// other's pods.
	labelTunnelID = "k8s-tunnel/tunnel-id"

	applicationName = "cloudflared"
)

// objectLabels are the labels of every object of a tunnel.
func objectLabels(instance string) map[string]string {
	return map[string]string{
		labelName:      applicationName,
		labelInstance:  instance,
		labelComponent: "tunnel",
		labelManagedBy: "pulumi",
	}
}

// selectorLabels are the labels that identify a tunnel's connectors, and
// nothing else.
func selectorLabels(tunnelID pulumi.StringInput) pulumi.StringMap {
	return pulumi.StringMap{
		labelName:     pulumi.String(applicationName),
		labelTunnelID: tunnelID,
	}
}

// podLabels are objectLabels and selectorLabels together.
func podLabels(instance string, tunnelID pulumi.StringInput) pulumi.StringMap {
	labels := pulumi.ToStringMap(objectLabels(instance))
	for k, v := range selectorLabels(tunnelID) {
		labels[k] = v
	}
	return labels
}
