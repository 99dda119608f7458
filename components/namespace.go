package components

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// namespaceRef is the namespace of the connectors, and the names of the objects in it.
// Its resource comes before all others: when the cluster can't be reached, nothing
// exists at Cloudflare yet.
type namespaceRef struct {
	name     pulumi.StringOutput
	resource pulumi.Resource
	objects  objectNames
}

// first is an option of what the namespace comes before, see afterPrevious.
func (n *namespaceRef) first() pulumi.ResourceOption {
	return pulumi.DependsOn([]pulumi.Resource{n.resource})
}

// declareNamespace declares a new namespace, or reads the one in the arguments. An existing
// namespace is never adopted: destroying the stack would delete it, with everything
// else in it.
func (d *declaration) declareNamespace(objects objectNames) (*namespaceRef, error) {
	if d.args.Namespace != "" {
		return d.existingNamespace(objects)
	}
	labels := objectLabels(d.args.TunnelName)
	// The strictest Pod Security Standard. The connectors meet it.
	labels["pod-security.kubernetes.io/enforce"] = "restricted"
	ns, err := corev1.NewNamespace(d.ctx, logicalName(d.name, namespaceRole), &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{
			Name: pulumi.All(objects.identity, objects.provider).ApplyT(func(v []any) *string {
				return new(objects.lastOf(namespaceRole).nextName(nameScope{provider: v[1].(string)}, d.args.TunnelName+"-"+v[0].(string)))
			}).(pulumi.StringPtrOutput),
			Labels:      pulumi.ToStringMap(labels),
			Annotations: objects.annotations(),
		},
	}, pulumi.Parent(d.component), unprotected)
	if err != nil {
		return nil, fmt.Errorf("creating namespace: %w", err)
	}
	return &namespaceRef{name: ns.Metadata.Name().Elem(), resource: ns, objects: objects}, nil
}

// existingNamespace reads the namespace in the arguments.
//
// It isn't read under the logical name of the component's own one, because the engine
// would lose that from the state if it was interrupted before it could delete it. The
// exception is the own namespace itself: only under the same name does the engine let go
// of it instead of deleting it.
func (d *declaration) existingNamespace(objects objectNames) (*namespaceRef, error) {
	role := existingNamespaceRole
	if objects.lastOf(namespaceRole).name == d.args.Namespace {
		role = namespaceRole
	}
	ns := &corev1.Namespace{}
	object := clusterObject{group: "core/v1", kind: "Namespace", name: d.args.Namespace}
	if err := object.read(d.ctx, logicalName(d.name, role), ns, pulumi.Parent(d.component)); err != nil {
		return nil, fmt.Errorf("reading namespace %s: %w", d.args.Namespace, err)
	}
	return &namespaceRef{name: ns.Metadata.Name().Elem(), resource: ns, objects: objects}, nil
}
