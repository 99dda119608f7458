package components

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"

	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Labels of the Kubernetes objects: the set that Kubernetes recommends, and
// two of this project.
const (
	// labelName is the application, the same in every stack.
	labelName = "app.kubernetes.io/name"
	// labelInstance tells the tunnels of a cluster apart.
	labelInstance = "app.kubernetes.io/instance"
	// labelComponent is the object's role.
	labelComponent = "app.kubernetes.io/component"
	// labelManagedBy says that manual changes don't last.
	labelManagedBy = "app.kubernetes.io/managed-by"
	// labelTunnelID ties a pod to the tunnel that it serves. It is part of the
	// Deployment's selector: selectors are immutable, so replacing the tunnel
	// replaces the Deployment, new beside old, and the two never count each
	// other's pods.
	labelTunnelID = "k8s-tunnel/tunnel-id"
	// labelNetwork ties a pod to what it may reach, as a checksum of its network
	// policy's egress rules. It is part of the selectors as well. A connector that
	// is stopping still gets requests, and still needs its old origins. If it were
	// rolled, its policy would be deleted as soon as it begins to stop: Pulumi
	// doesn't wait for the end of pods that are rolled, but it does wait for the end
	// of a Deployment that is replaced.
	labelNetwork = "k8s-tunnel/network"

	applicationName = "cloudflared"
)

// ownLabels are the labels that the component sets on pods, and that nothing else
// may set.
var ownLabels = []string{labelName, labelInstance, labelComponent, labelManagedBy, labelTunnelID, labelNetwork}

// objectLabels are the labels of every object of a tunnel.
func objectLabels(tunnelName string) map[string]string {
	return map[string]string{
		labelName:      applicationName,
		labelInstance:  tunnelName,
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

// connectorLabels are the labels that identify those connectors of a tunnel that
// have the same network policy.
func connectorLabels(tunnelID, network pulumi.StringInput) pulumi.StringMap {
	labels := selectorLabels(tunnelID)
	labels[labelNetwork] = network
	return labels
}

// forceAnnotation lets an update take back fields that were changed by others, and
// adopt objects of an interrupted one: without it, server-side apply conflicts.
const forceAnnotation = "pulumi.com/patchForce"

// providerAnnotation is the ID of the Kubernetes provider that made an object. It changes
// when the engine replaces the provider, because that leads to another cluster or may do so.
const providerAnnotation = "k8s-tunnel/provider"

// skipAwaitAnnotation lets an update go on before an object is ready.
const skipAwaitAnnotation = "pulumi.com/skipAwait"

// objectMeta is the metadata of the object with a role in the namespace. The contents are
// what its name follows from, see objectNames. Further labels may be added, but don't
// replace those of every object.
func (n *namespaceRef) objectMeta(role string, further map[string]string, contents ...pulumi.StringInput) *metav1.ObjectMetaArgs {
	labels := pulumi.ToStringMap(further)
	maps.Copy(labels, pulumi.ToStringMap(objectLabels(n.objects.tunnelName)))
	return &metav1.ObjectMetaArgs{
		Namespace: n.name, Name: n.objects.nameOf(role, n.name, contents...), Labels: labels,
		Annotations: n.objects.annotations(),
	}
}

// annotations are those of every object.
func (n objectNames) annotations() pulumi.StringMap {
	annotations := pulumi.StringMap{forceAnnotation: pulumi.String("true")}
	if n.explicit {
		annotations[providerAnnotation] = n.provider
	}
	return annotations
}

// hash is a checksum of several values.
func hash(values []any) string {
	var text []byte
	for _, value := range values {
		text = fmt.Appendf(text, "%q", value)
	}
	return checksum(text)
}

// checksum is the beginning of a SHA-256, in eight hexadecimal digits, so that it fits into
// names. Four bytes are enough: only contents that one object of one component has in turn
// have to be told apart, and two of them get the same checksum once in four billion cases.
// A change of it renames every object, and so replaces it.
func checksum(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:4])
}
