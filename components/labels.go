package components

import (
	"maps"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

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
	// labelNetwork ties a pod to what it may reach, as a checksum of its network
	// policy's egress rules. It is part of the selectors as well. A connector on its
	// way out still gets requests, and still needs its old origins. If it were
	// rolled, its policy would go at the moment in which it begins to leave: nothing
	// waits for the end of a pod that was rolled, but the end of a Deployment that is
	// replaced is waited for.
	labelNetwork = "k8s-tunnel/network"

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

// selectorLabels are the labels that identify all connectors of a tunnel, and
// nothing else.
func selectorLabels(tunnelID pulumi.StringInput) pulumi.StringMap {
	return pulumi.StringMap{
		labelName:     pulumi.String(applicationName),
		labelTunnelID: tunnelID,
	}
}

// generationLabels are the labels that identify those connectors of a tunnel that
// may reach the same.
func generationLabels(tunnelID, network pulumi.StringInput) pulumi.StringMap {
	labels := selectorLabels(tunnelID)
	labels[labelNetwork] = network
	return labels
}

// podLabels are objectLabels and generationLabels together.
func podLabels(instance string, generation pulumi.StringMap) pulumi.StringMap {
	labels := pulumi.ToStringMap(objectLabels(instance))
	maps.Copy(labels, generation)
	return labels
}
