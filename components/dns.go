package components

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// automaticTTL is the only TTL, in seconds, that Cloudflare takes for a proxied
// record.
const automaticTTL = 1

// records points all names at the tunnel, taking CNAMEs of these names over,
// and returns them in full. They depend on the connectors: a name leads to the
// tunnel only when connectors are ready, and is gone before they are.
func (t *CloudflareTunnel) records(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, tunnel *tunnelRef, connector pulumi.Resource,
) (pulumi.StringArrayOutput, error) {
	var hosts []string
	for _, record := range hostRecords(args) {
		zoneID := args.ZoneID
		if record.zone != args.Domain {
			zoneID = args.Zones[record.zone]
		}
		_, err := cloudflare.NewRecord(ctx, name+record.suffix, &cloudflare.RecordArgs{
			ZoneId:         zoneID,
			Name:           pulumi.String(record.name),
			Type:           pulumi.String("CNAME"),
			Content:        tunnel.cname,
			Proxied:        pulumi.Bool(true),
			Ttl:            pulumi.Int(automaticTTL),
			AllowOverwrite: pulumi.Bool(true),
			Comment:        pulumi.Sprintf("Managed by Pulumi: %s", args.TunnelName),
		}, pulumi.Parent(t), pulumi.DependsOn([]pulumi.Resource{connector}))
		if err != nil {
			return pulumi.StringArrayOutput{}, fmt.Errorf("creating record %s: %w", record.host, err)
		}
		hosts = append(hosts, record.host)
	}
	return pulumi.ToStringArray(hosts).ToStringArrayOutput(), nil
}
