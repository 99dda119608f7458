// Package program is the Pulumi program: it reads the stack's settings, creates the
// providers, and declares a CloudflareTunnel. Programs of one's own import package
// components instead, which reads no settings.
package program

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components"
)

// componentName begins the name of every resource in the state, so it never
// changes.
const componentName = "edge"

// Run declares everything that the stack's settings ask for. Pulumi's CLI runs it by
// main.go, and the Automation API can run it as an inline program. Only the CLI tells a
// program which settings there are, and in which shell and directory the providers run.
// With an inline program, a setting that doesn't exist goes unnoticed, and so does another
// cluster, unless kubernetes:kubeconfig is an absolute path or a kubeconfig's contents.
func Run(ctx *pulumi.Context) error {
	stack, err := readSettings(ctx)
	if err != nil {
		return fmt.Errorf("the settings of stack %s are invalid:\n%w", ctx.Stack(), err)
	}
	if err := stack.checkCluster(ctx); err != nil {
		return err
	}
	args := stack.arguments(ctx)
	if err := args.Check(ctx, componentName); errors.Is(err, components.ErrTokenRefused) {
		return fmt.Errorf("cloudflare:apiToken: %w", err)
	} else if err != nil {
		return err
	}
	for _, warning := range stack.warnings {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return fmt.Errorf("logging a warning: %w", err)
		}
	}
	providers, err := stack.providers(ctx, args.CallsPerSecond())
	if err != nil {
		return err
	}
	tunnel, err := components.NewCloudflareTunnel(ctx, componentName, args, providers, pulumi.Protect(stack.Protect))
	if err != nil {
		return err
	}
	ctx.Export("tunnelId", tunnel.TunnelID)
	ctx.Export("tunnelCname", tunnel.TunnelCNAME)
	ctx.Export("hostnames", tunnel.Hostnames)
	ctx.Export("namespace", tunnel.Namespace)
	ctx.Export("deployment", tunnel.Deployment)
	if mark := stack.clusterMark(ctx); mark != "" {
		ctx.Export(clusterOutput, pulumi.String(mark))
	}
	if tunnel.Deleted != nil && !ctx.DryRun() { // a preview that fails would keep the update from running
		return fmt.Errorf("the stack has now forgotten tunnel %s; run pulumi up again to create a new one", tunnel.Deleted)
	}
	return nil
}
