// Command pulumi-resource-kubernetes is Pulumi's plugin for Kubernetes 4.25.0, for machines that
// can't download the official one. It is that plugin's own provider package: only its main package
// is replaced, because that one embeds files which its module doesn't carry.
//
// The schema comes from the module as well: when the toolchain builds this, an overlay puts it in the
// place of the empty file that lies here, so that 10 MB of upstream's JSON need not be kept.
package main

import (
	_ "embed"
	"log"

	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

//go:embed schema.json
var schema []byte

func main() {
	if len(schema) == 0 {
		log.Fatal("built without its schema, which the toolchain puts in")
	}
	// The last argument maps Terraform's names for conversions, which are of no use here.
	provider.Serve("kubernetes", "4.25.0", schema, []byte("{}"))
}
