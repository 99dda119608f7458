package components

import (
	"fmt"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// namespaceRef is the namespace of the connectors. Its resource comes first of
// all: when the cluster can't be reached, nothing has been created at
// Cloudflare yet.
type namespaceRef struct {
	name     pulumi.StringOutput
	resource pulumi.Resource
}

// namespace creates the namespace, under a name of Pulumi's choice, or reads the
// one that the arguments name. A namespace that exists is never adopted:
// destroying the stack would delete it with all that others keep in it.
func (t *CloudflareTunnel) namespace(ctx *pulumi.Context, name string, args *CloudflareTunnelArgs) (*namespaceRef, error) {
	name += "-namespace"
	if args.Namespace != "" {
		ns := &corev1.Namespace{}
		if err := (existing{"core/v1", "v1", "Namespace", "", args.Namespace}).read(ctx, name, ns, pulumi.Parent(t)); err != nil {
			return nil, fmt.Errorf("reading namespace %s: %w", args.Namespace, err)
		}
		return &namespaceRef{name: ns.Metadata.Name().Elem(), resource: ns}, nil
	}
	labels := objectLabels(args.TunnelName)
	// The strictest Pod Security Standard: the connectors meet it, and
	// whatever else someone starts here has to.
	labels["pod-security.kubernetes.io/enforce"] = "restricted"
	ns, err := corev1.NewNamespace(ctx, name, &corev1.NamespaceArgs{
		Metadata: &metav1.ObjectMetaArgs{Labels: pulumi.ToStringMap(labels)},
	}, pulumi.Parent(t))
	if err != nil {
		return nil, fmt.Errorf("creating namespace %s: %w", name, err)
	}
	return &namespaceRef{name: ns.Metadata.Name().Elem(), resource: ns}, nil
}
