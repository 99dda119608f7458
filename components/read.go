package components

import "github.com/pulumi/pulumi/sdk/v3/go/pulumi"

// existing is an object that the stack reads and doesn't own.
type existing struct {
	group                               string // as in Pulumi's type tokens
	apiVersion, kind, namespace, object string
}

// read fills in a resource from the cluster, under a name of the stack's.
//
// It is what the SDK's own getters do, but says what is known of the object
// before it is read. Without that, the provider takes the reading for an import
// and keeps all that it read as inputs, and every refresh finds a change.
func (e existing) read(ctx *pulumi.Context, name string, into pulumi.CustomResource, opts ...pulumi.ResourceOption) error {
	metadata := pulumi.Map{"name": pulumi.String(e.object)}
	id := e.object
	if e.namespace != "" {
		metadata["namespace"] = pulumi.String(e.namespace)
		id = e.namespace + "/" + e.object
	}
	return ctx.ReadResource("kubernetes:"+e.group+":"+e.kind, name, pulumi.ID(id), pulumi.Map{
		"apiVersion": pulumi.String(e.apiVersion),
		"kind":       pulumi.String(e.kind),
		"metadata":   metadata,
	}, into, opts...)
}
