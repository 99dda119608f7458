// Command sandbox runs the local world: a Kubernetes node, Cloudflare, and a
// Pulumi that is pointed at both.
package main

import (
	"os"

	"k8s-tunnel/sandbox/cli"
)

func main() {
	os.Exit(cli.Main(os.Args[1:]))
}
