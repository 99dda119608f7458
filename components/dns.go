package components

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// wildcardName is a zone's wildcard, relative to the zone. The provider
	// finds a record that exists, to overwrite it, only under this form; the
	// full name would create, but never overwrite.
	wildcardName = "*"
	// automaticTTL is the only TTL, in seconds, that Cloudflare takes for a
	// proxied record.
	automaticTTL = 1
)

// records points the zone's apex and its wildcard at the tunnel, taking CNAMEs
// of these names over, and returns the full names. They depend on the
// connectors: a name leads to the tunnel only when connectors are ready, and
// is gone before they are.
func (t *CloudflareTunnel) records(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, tunnel *tunnelRef, connector pulumi.Resource,
) (pulumi.StringArrayOutput, error) {
	for _, record := range []struct{ suffix, name string }{
		{"-apex", args.Domain},
		{"-wildcard", wildcardName},
	} {
		_, err := cloudflare.NewRecord(ctx, name+record.suffix, &cloudflare.RecordArgs{
			ZoneId:         args.ZoneID,
			Name:           pulumi.String(record.name),
			Type:           pulumi.String("CNAME"),
			Content:        tunnel.cname,
			Proxied:        pulumi.Bool(true),
			Ttl:            pulumi.Int(automaticTTL),
			AllowOverwrite: pulumi.Bool(true),
			Comment:        pulumi.Sprintf("Managed by Pulumi: %s", args.TunnelName),
		}, pulumi.Parent(t), pulumi.DependsOn([]pulumi.Resource{connector}))
		if err != nil {
			return pulumi.StringArrayOutput{}, fmt.Errorf("creating record %s: %w", record.name, err)
		}
	}
	return pulumi.ToStringArray([]string{args.Domain, wildcardName + "." + args.Domain}).ToStringArrayOutput(), nil
}
