package components

import (
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// clusterObject is an object in the cluster that the stack reads but doesn't own.
type clusterObject struct {
	group     string // as in Pulumi's type tokens, such as core/v1
	kind      string
	namespace string // empty for objects without one
	name      string
}

// read reads the object into a resource with this logical name.
//
// The SDK's getters do the same without saying what is known of the object
// before it is read. The provider then takes the read for an import and keeps
// all that it finds as inputs, so that every refresh finds a change.
func (o clusterObject) read(ctx *pulumi.Context, logicalName string, into pulumi.CustomResource, opts ...pulumi.ResourceOption) error {
	metadata := pulumi.Map{"name": pulumi.String(o.name)}
	id := o.name
	if o.namespace != "" {
		metadata["namespace"] = pulumi.String(o.namespace)
		id = o.namespace + "/" + o.name
	}
	return ctx.ReadResource("kubernetes:"+o.group+":"+o.kind, logicalName, pulumi.ID(id), pulumi.Map{
		"apiVersion": pulumi.String(strings.TrimPrefix(o.group, "core/")),
		"kind":       pulumi.String(o.kind),
		"metadata":   metadata,
	}, into, opts...)
}
