// Command k8s-tunnel is the Pulumi program of this project, for Pulumi's CLI.
package main

import (
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/program"
)

func main() {
	pulumi.Run(program.Run)
}
