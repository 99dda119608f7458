// Command pulumi-resource-cloudflare is Pulumi's Cloudflare plugin, version 5.49.1, for machines that
// can't download the official one. It has what a tunnel needs and nothing else: the resources Record
// and ZeroTrustTunnelCloudflared, and no functions.
//
// Like the official plugin it is a Terraform provider behind Pulumi's bridge. Tokens, names, checks,
// replace rules, secret marks, import IDs, calls to the API and the state are the same, so a stack
// can move between the two in either direction. The provider itself (package terraform) is written
// here on Cloudflare's own client library, because the original can't be had as a Go module. The
// schema, which the engine asks for in some commands, is made from the provider by
//
//	go test -run TestSchema -update
package main

import (
	"context"
	_ "embed"
	"fmt"
	"os"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"

	"k8s-tunnel/sandbox/plugins/cloudflare/bridge"
)

//go:embed schema.json
var schema []byte

func main() {
	if err := provider.Main(bridge.Name, bridge.Server(context.Background(), schema)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
