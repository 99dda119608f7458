package components

import (
	"fmt"
	"strings"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// automaticTTL is the only TTL, in seconds, that Cloudflare takes for a proxied
	// record.
	automaticTTL = 1
	// commentPrefix begins the comment of every record that a stack has.
	commentPrefix = "Managed by Pulumi: "
	// maxComment is the length of a record's comment that Cloudflare takes on the
	// free plan.
	maxComment = 100
)

// RecordComment is the comment of a stack's records. It says in Cloudflare's
// dashboard where a record comes from, and tells other stacks whose it is.
func RecordComment(project, stack string) string {
	comment := commentPrefix + project + "/" + stack
	return comment[:min(len(comment), maxComment)]
}

// RecordOwner returns the stack that a record belongs to by its comment, as
// project/stack. Without such a comment, the record was made by hand.
func RecordOwner(comment string) (stack string, managed bool) {
	return strings.CutPrefix(comment, commentPrefix)
}

// records points all names at the tunnel, taking CNAMEs of these names over,
// and returns them in full. They depend on the connectors: a name leads to the
// tunnel only when connectors are ready, and is gone before they are.
func (t *CloudflareTunnel) records(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, tunnel *tunnelRef, connector pulumi.Resource,
) (pulumi.StringArrayOutput, error) {
	var hosts []string
	for _, record := range hostRecords(args) {
		zoneID := args.ZoneID
		if record.Zone != args.Domain {
			zoneID = args.Zones[record.Zone]
		}
		_, err := cloudflare.NewRecord(ctx, name+record.suffix, &cloudflare.RecordArgs{
			ZoneId:         zoneID,
			Name:           pulumi.String(record.relative),
			Type:           pulumi.String("CNAME"),
			Content:        tunnel.cname,
			Proxied:        pulumi.Bool(true),
			Ttl:            pulumi.Int(automaticTTL),
			AllowOverwrite: pulumi.Bool(true),
			Comment:        pulumi.String(RecordComment(ctx.Project(), ctx.Stack())),
		}, pulumi.Parent(t), pulumi.DependsOn([]pulumi.Resource{connector}))
		if err != nil {
			return pulumi.StringArrayOutput{}, fmt.Errorf("creating record %s: %w", record.Name, err)
		}
		hosts = append(hosts, record.Name)
	}
	return pulumi.ToStringArray(hosts).ToStringArrayOutput(), nil
}
