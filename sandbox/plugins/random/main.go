// Command pulumi-resource-random is Pulumi's plugin for random values, for machines that can't
// download the official one. Like the official plugin it is the upstream Terraform provider behind
// Pulumi's bridge, so the values, the replace rules, the secret marks and the state are the same
// and a stack can move between the two in either direction.
//
// It differs in that only the resources which programs here use are mapped, and in that its schema
// is written by hand for those. Upstream keeps the provider in an internal package, which is why
// this module's path lies below upstream's.
package main

import (
	"context"
	_ "embed"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
)

//go:embed schema.json
var schema []byte

func main() {
	ctx := context.Background()
	pf.Main(ctx, pkg, provider(ctx), pf.ProviderMetadata{PackageSchema: schema})
}
