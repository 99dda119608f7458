package components

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// objectNames names the Kubernetes objects of a component.
//
// A name follows from what makes its object unique, so that an update that was
// interrupted finds the objects again that it had created, and adopts them. It
// begins with the tunnel's name and the object's role, and ends in a hash. The
// component's random identity is part of the hash: no other stack, and nothing
// made by hand, has an object of the same name.
type objectNames struct {
	component  string
	tunnelName string
	identity   pulumi.StringOutput
	// provider is the ID of the Kubernetes provider if it is explicit, or else empty: that of
	// a default provider isn't known.
	provider pulumi.StringOutput
	explicit bool
	last     map[string]lastObject
}

// identity declares the component's random identity, which never changes.
func (d *declaration) identity() (pulumi.StringOutput, error) {
	id, err := random.NewRandomId(d.ctx, logicalName(d.name, identityRole), &random.RandomIdArgs{ByteLength: pulumi.Int(4)}, pulumi.Parent(d.component), unprotected)
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("creating identity: %w", err)
	}
	return id.Hex, nil
}

// explicitProvider returns the ID of the component's Kubernetes provider, which may be
// that of a parent.
func (d *declaration) explicitProvider() (id pulumi.StringOutput, explicit bool) {
	if provider := d.component.GetProvider("kubernetes:core/v1:Namespace"); provider != nil {
		return provider.ID().ToStringOutput(), true
	}
	return pulumi.String("").ToStringOutput(), false
}

// Roles of a component's children. A child's logical name ends in its role, and so does
// what the state has of it. They are a contract: a child with another role would be
// another resource.
const (
	identityRole          = "identity"
	namespaceRole         = "namespace"
	existingNamespaceRole = "existing-namespace"
	suffixRole            = "suffix"
	secretRole            = "secret"
	tunnelRole            = "tunnel"
	existingTunnelRole    = "existing-tunnel"
	configRole            = "config"
	credentialsRole       = "credentials"
	policyRole            = "network-policy"
	budgetRole            = "disruption-budget"
	deploymentRole        = "cloudflared"
	autoscalerRole        = "autoscaler"
	podMonitorRole        = "pod-monitor"
	dashboardRole         = "dashboard"
)

// logicalName is the name in the stack of a component's child.
func logicalName(component, role string) string { return component + "-" + role }

// nameOf is the name of the object with a role, by its namespace and by what it depends on. An
// object that is replaced, new before old, needs another name each time.
func (n objectNames) nameOf(role string, namespace pulumi.StringInput, contents ...pulumi.StringInput) pulumi.StringPtrInput {
	return pulumi.All(namespace, n.provider, n.wanted(role, contents)).ApplyT(func(v []any) *string {
		return new(n.lastOf(role).nextName(nameScope{v[0].(string), v[1].(string)}, v[2].(string)))
	}).(pulumi.StringPtrOutput)
}

// wanted is the name that follows from an object's contents, and from the identity, alone.
func (n objectNames) wanted(role string, contents []pulumi.StringInput) pulumi.StringOutput {
	all := []any{n.identity}
	for _, content := range contents {
		all = append(all, content)
	}
	return pulumi.All(all...).ApplyT(func(values []any) string {
		return fmt.Sprintf("%s-%s-%s", n.tunnelName, role, hash(values))
	}).(pulumi.StringOutput)
}

// lastOf is the object with a role after the last update.
func (n objectNames) lastOf(role string) lastObject { return n.last[logicalName(n.component, role)] }

// nextName returns the name that follows the object's own: the same if this is still the
// object that is wanted, and a new one otherwise.
//
// The new one follows from the contents and from the old name. If the new name depended on
// the contents alone, undoing a failed change would produce the name of the old object,
// which still serves and is about to be deleted.
//
// Nor does a name come back in what may be another cluster, or the same one by another
// address: the engine creates all objects anew there, and deletes the old ones by the old
// provider, under their names.
func (o lastObject) nextName(in nameScope, wanted string) string {
	switch {
	case o.name == "":
		return wanted
	case o.elsewhere(in.provider):
		return wanted + "-" + hash([]any{o.scope, o.name, in.provider})[:4]
	case o.scope == in.scope && o.hasName(wanted):
		return o.name
	default:
		return o.otherName(wanted)
	}
}

// otherName returns a name that isn't the object's own.
func (o lastObject) otherName(wanted string) string {
	return wanted + "-" + hash([]any{o.scope, o.name})[:4]
}

// afterPrevious is an option of the objects whose names follow from those that they replace. It
// lets the engine create one after the other, after all reads. The namespace comes before these.
//
// To replace a ConfigMap named a by one named b, the engine creates b, marks a in the state as one
// to delete, and then adds b. If it wrote the state in between, for an object that it creates at
// the same time, and was killed, the state would have only the a that is to be deleted. The next
// update wouldn't know that b's name followed from a, choose another one, and leave b behind.
func (d *declaration) afterPrevious() pulumi.ResourceOption { return pulumi.DependsOn(d.previous) }

// elsewhere reports whether the object was made by another provider. Objects of older
// versions don't say by which one.
func (o lastObject) elsewhere(provider string) bool {
	return o.provider != "" && provider != "" && o.provider != provider
}

// hasName reports whether the object has the wanted name, or one that follows from it.
func (o lastObject) hasName(wanted string) bool {
	return o.name == wanted || strings.HasPrefix(o.name, wanted+"-")
}
