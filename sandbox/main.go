// Command sandbox runs the local world: a Kubernetes node, Cloudflare, and a
// Pulumi that is pointed at both. See the package comments below for each part.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s-tunnel/sandbox/cli"
	"k8s-tunnel/sandbox/cluster"
)

func main() {
	// The node's process 1 is this program again.
	if len(os.Args) > 1 && os.Args[1] == cluster.InitCommand {
		os.Exit(cluster.InitMain(os.Args[2:]))
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := cli.New().ExecuteContext(ctx); err != nil {
		fmt.Fprintf(os.Stderr, "\nerror: %v\n", err)
		os.Exit(1)
	}
}
