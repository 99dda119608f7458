// Command pulumi-resource-kubernetes is Pulumi's plugin for Kubernetes 4.25.0, for machines that
// can't download the official one. It is that plugin's own provider package: only its main package
// is replaced, because that one embeds files which its module doesn't carry.
//
// The schema comes from the module as well: the toolchain puts it beside this file at build time
// with a build overlay, so that 10 MB of somebody else's JSON need not be kept here.
package main

import (
	_ "embed"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

func main() {
	// The last argument maps Terraform's names for conversions, which nobody does here.
	provider.Serve("kubernetes", "4.25.0", schema, []byte("{}"))
}
