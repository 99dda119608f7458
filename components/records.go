package components

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/names"
	"k8s-tunnel/components/preflight"
)

// automaticTTL is the only TTL, in seconds, that Cloudflare accepts for a proxied
// record.
const automaticTTL = 1

// records points all names at the tunnel, taking over CNAME records of these
// names, and returns the names. The records depend on the connectors: a name
// leads to the tunnel only when connectors are ready, and is removed before them.
func (d *declaration) records(comment pulumi.StringOutput) (pulumi.StringArrayOutput, error) {
	found := d.args.found
	last, logicalNames := d.args.lastRecords(d.name)
	taken := map[string]preflight.TakenRecord{}
	for host, record := range found.Taken {
		taken[logicalNames[host]] = record
	}
	hooks, err := d.recordHooks(taken)
	if err != nil {
		return pulumi.StringArrayOutput{}, err
	}
	if err := d.release(); err != nil {
		return pulumi.StringArrayOutput{}, err
	}
	// A replacement keeps the record's ID, by which the old one would be deleted.
	opts := append(recordTimeout(d.args), pulumi.Parent(d.component), pulumi.DependsOn(d.recordDependencies), hooks, pulumi.DeleteBeforeReplace(true))
	var hostnames []string
	for _, host := range d.args.hosts {
		content := d.tunnel.cname
		own := last[host.Name]
		if d.component.Deleted != nil && own.Content != "" {
			content = pulumi.String(own.Content).ToStringOutput() // which may be a tunnel that still serves
		}
		recordName, overwrite := host.RecordName(), true
		if own.ZoneID == found.ZoneIDs[host.Zone] {
			recordName = own.Name // another spelling would replace the record
			// A record that others have changed is as it should be in the state, so nothing would
			// update it. Of a record that exists, this argument can be turned over without an effect
			// of its own; the update then writes all of the record.
			overwrite = own.AllowOverwrite != found.Changed[host.Name] || found.Replaced[host.Name]
		}
		_, err := cloudflare.NewRecord(d.ctx, logicalNames[host.Name], &cloudflare.RecordArgs{
			ZoneId:         pulumi.String(found.ZoneIDs[host.Zone]),
			Name:           pulumi.String(recordName),
			Type:           pulumi.String("CNAME"),
			Content:        content,
			Proxied:        pulumi.Bool(true),
			Ttl:            pulumi.Int(automaticTTL),
			AllowOverwrite: pulumi.Bool(overwrite),
			Comment:        comment,
		}, opts...)
		if err != nil {
			return pulumi.StringArrayOutput{}, fmt.Errorf("creating record %s: %w", host.Name, err)
		}
		hostnames = append(hostnames, host.Name)
	}
	return pulumi.ToStringArray(hostnames).ToStringArrayOutput(), nil
}

// release removes records from the state that aren't the stack's any more, without
// deleting them. The engine forgets a resource that a program only reads.
func (d *declaration) release() error {
	for logicalName, record := range d.args.found.Released {
		_, err := cloudflare.GetRecord(d.ctx, logicalName, pulumi.ID(record.ID),
			// Without a name, which the provider doesn't look up, the state shows that it was read.
			&cloudflare.RecordState{ZoneId: pulumi.String(record.ZoneID)}, pulumi.Parent(d.component))
		if err != nil {
			return fmt.Errorf("forgetting record %s: %w", record.ID, err)
		}
	}
	return nil
}

// lastRecords are the records that the hosts have so far, and the logical names of
// their records, both by host.
func (a *CloudflareTunnelArgs) lastRecords(component string) (last map[string]names.LastRecord, logicalNames map[string]string) {
	last, hosts := map[string]names.LastRecord{}, map[string]string{}
	for logicalName, record := range a.found.last.records {
		hosts[logicalName] = record.Host(a.found.ZoneIDs)
	}
	logicalNames = names.LogicalNames(component, a.hosts, hosts, func(logicalName string) bool {
		_, released := a.found.Released[logicalName]
		return released
	})
	for host, logicalName := range logicalNames {
		if hosts[logicalName] == host {
			last[host] = a.found.last.records[logicalName]
		}
	}
	return last, logicalNames
}

// recordTimeout gives the records of many names the time that their calls wait for each
// other. The provider's own limit is half a minute, waiting included.
func recordTimeout(args *CloudflareTunnelArgs) []pulumi.ResourceOption {
	const (
		providerSeconds = 30
		atOnce          = 256 // more than the engine creates at once on most machines
	)
	queue := min(len(args.hosts), atOnce) * preflight.CallsPerName / args.CallsPerSecond()
	if queue < providerSeconds/2 {
		return nil
	}
	seconds := fmt.Sprintf("%ds", providerSeconds+queue)
	return []pulumi.ResourceOption{pulumi.Timeouts(&pulumi.CustomTimeouts{Create: seconds, Update: seconds})}
}

// comment says who owns the component's records.
func (d *declaration) comment(identity pulumi.StringOutput) pulumi.StringOutput {
	stack := d.ctx.Project() + "/" + d.ctx.Stack()
	return identity.ApplyT(func(identity string) string {
		return names.Owner{Stack: stack, Identity: identity}.Comment()
	}).(pulumi.StringOutput)
}
