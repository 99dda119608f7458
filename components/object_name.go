package components

import (
	"crypto/sha256"
	"encoding/hex"
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
	last       map[string]lastObject
}

// identity declares the component's random identity, which never changes.
func (t *CloudflareTunnel) identity(ctx *pulumi.Context, name string) (pulumi.StringOutput, error) {
	id, err := random.NewRandomId(ctx, name+identitySuffix, &random.RandomIdArgs{ByteLength: pulumi.Int(4)}, pulumi.Parent(t), unprotected)
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("creating identity: %w", err)
	}
	return id.Hex, nil
}

// Suffixes of the children's logical names, by which the state is read.
const (
	identitySuffix   = "-identity"
	namespaceSuffix  = "-namespace"
	tunnelSuffix     = "-tunnel"
	deploymentSuffix = "-cloudflared"
	autoscalerSuffix = "-autoscaler"
)

// of names the object with a role by its namespace and by what it depends on. An
// object that is replaced, new before old, needs another name each time. The role is
// the rest of the object's logical name.
func (n objectNames) of(role string, namespace pulumi.StringInput, contents ...pulumi.StringInput) pulumi.StringPtrInput {
	all := []any{namespace, n.identity}
	for _, content := range contents {
		all = append(all, content)
	}
	return pulumi.All(all...).ApplyT(func(values []any) *string {
		return new(n.lastOf(role).next(values[0].(string), n.wanted(role, values[1:])))
	}).(pulumi.StringPtrOutput)
}

// wanted is the name that follows from an object's contents alone. The first of these is
// the identity.
func (n objectNames) wanted(role string, contents []any) string {
	return fmt.Sprintf("%s-%s-%s", n.tunnelName, role, hash(contents))
}

func (n objectNames) lastOf(role string) lastObject { return n.last[n.component+"-"+role] }

// next returns the name that follows the object's own: the same if this is still the
// object that is wanted, and a new one otherwise.
//
// The new one follows from both. If it was that of the wanted object alone, a change
// that failed and is taken back would lead to the name of an object that serves, and
// that the engine is about to delete: it would be adopted, and then be gone.
func (o lastObject) next(scope, wanted string) string {
	switch {
	case o.name == "":
		return wanted
	case o.scope == scope && o.is(wanted):
		return o.name
	default:
		return wanted + "-" + hash([]any{o.scope, o.name})[:4]
	}
}

// is reports whether this is the wanted object.
func (o lastObject) is(wanted string) bool {
	return o.name == wanted || strings.HasPrefix(o.name, wanted+"-")
}

// hash is short, but long enough to tell one component's objects apart.
func hash(values []any) string {
	sum := sha256.New()
	for _, value := range values {
		fmt.Fprintf(sum, "%q", value)
	}
	return hex.EncodeToString(sum.Sum(nil)[:4])
}
