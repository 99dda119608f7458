package components

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/names"
)

// automaticTTL is the only TTL, in seconds, that Cloudflare accepts for a proxied
// record.
const automaticTTL = 1

// records points all names at the tunnel, taking over CNAME records of these
// names, and returns the names. The records depend on the connectors: a name
// leads to the tunnel only when connectors are ready, and is removed before them.
func (t *CloudflareTunnel) records(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, tunnel *tunnelRef, comment pulumi.StringOutput,
) (pulumi.StringArrayOutput, error) {
	retried, err := t.retried(ctx, name)
	if err != nil {
		return pulumi.StringArrayOutput{}, err
	}
	logicalNames := names.LogicalNames(name, args.hosts, args.found.last.records)
	var hostnames []string
	for _, host := range args.hosts {
		content := tunnel.cname
		if target := args.found.last.targets[names.ASCII(host.Name)]; t.Deleted != nil && target != "" {
			content = pulumi.String(target).ToStringOutput() // which may be a tunnel that still serves
		}
		_, err := cloudflare.NewRecord(ctx, logicalNames[host.Name], &cloudflare.RecordArgs{
			ZoneId:         pulumi.String(args.found.ZoneIDs[host.Zone]),
			Name:           pulumi.String(host.RecordName()),
			Type:           pulumi.String("CNAME"),
			Content:        content,
			Proxied:        pulumi.Bool(true),
			Ttl:            pulumi.Int(automaticTTL),
			AllowOverwrite: pulumi.Bool(true),
			Comment:        comment,
		}, pulumi.Parent(t), pulumi.DependsOn(t.underRecords), retried)
		if err != nil {
			return pulumi.StringArrayOutput{}, fmt.Errorf("creating record %s: %w", host.Name, err)
		}
		hostnames = append(hostnames, host.Name)
	}
	return pulumi.ToStringArray(hostnames).ToStringArrayOutput(), nil
}

// comment says who owns the component's records.
func (t *CloudflareTunnel) comment(ctx *pulumi.Context, identity pulumi.StringOutput) pulumi.StringOutput {
	stack := ctx.Project() + "/" + ctx.Stack()
	return identity.ApplyT(func(identity string) string {
		return names.Owner{Stack: stack, Identity: identity}.Comment()
	}).(pulumi.StringOutput)
}
