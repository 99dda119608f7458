package components

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

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
	tunnelName string
	identity   pulumi.StringOutput
}

// identity declares the component's random identity, which never changes.
func (t *CloudflareTunnel) identity(ctx *pulumi.Context, name string) (pulumi.StringOutput, error) {
	id, err := random.NewRandomId(ctx, name+identitySuffix, &random.RandomIdArgs{ByteLength: pulumi.Int(4)}, pulumi.Parent(t), unprotected)
	if err != nil {
		return pulumi.StringOutput{}, fmt.Errorf("creating identity: %w", err)
	}
	return id.Hex, nil
}

// identitySuffix ends the logical name of the identity.
const identitySuffix = "-identity"

// of names an object by its role and by what it depends on. An object that is
// replaced, new before old, needs another name each time.
func (n objectNames) of(role string, contents ...pulumi.StringInput) pulumi.StringPtrInput {
	all := []any{n.identity}
	for _, content := range contents {
		all = append(all, content)
	}
	return pulumi.All(all...).ApplyT(func(values []any) *string {
		hash := sha256.New()
		for _, value := range values {
			fmt.Fprintf(hash, "%q", value)
		}
		return new(fmt.Sprintf("%s-%s-%s", n.tunnelName, role, hex.EncodeToString(hash.Sum(nil)[:4])))
	}).(pulumi.StringPtrOutput)
}
