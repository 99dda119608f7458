package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cloudflare/cloudflare-go"

	"k8s-tunnel/components"
)

// names reports every name that the stack can't have, or must not take unasked:
// those with an address record, which the provider can't overwrite (it would fail
// after half a minute, with a message that doesn't say why), and those of other
// stacks. CNAMEs made by hand are taken over without a word.
func (c *Client) names(ctx context.Context, r Request, zoneIDs map[string]string) error {
	var problems error
	for _, host := range r.Hosts {
		records, _, err := c.api.ListDNSRecords(ctx, cloudflare.ZoneIdentifier(zoneIDs[host.Zone]), cloudflare.ListDNSRecordsParams{Name: host.Name})
		if err != nil {
			return errors.Join(problems, explain(err, fmt.Sprintf("%s: looking up the records of %s", host.Setting, host.Name)))
		}
		for _, record := range records {
			problems = errors.Join(problems, r.obstacle(host, record))
		}
	}
	return problems
}

// obstacle says why a host with this record can't be the stack's.
func (r Request) obstacle(host components.Host, record cloudflare.DNSRecord) error {
	switch record.Type {
	case "A", "AAAA":
		return fmt.Errorf("%s: %s has a record of type %s already, %s, and only a CNAME can be taken over; "+
			"if the name is to lead to the tunnel, delete that record at Cloudflare (DNS, Records) and try again",
			host.Setting, host.Name, record.Type, record.Content)
	case "CNAME":
		owner, managed := components.RecordOwner(record.Comment)
		if managed && record.Comment != r.Comment && !r.isLastTunnel(record.Content) && !r.AllowTakeover {
			return fmt.Errorf("%s: %s belongs to stack %s, which points it at %s; "+
				"take the name away from that stack, or let this one have it: pulumi config set allowTakeover true",
				host.Setting, host.Name, owner, record.Content)
		}
	}
	return nil
}

// isLastTunnel says whether a record leads to the stack's own tunnel.
func (r Request) isLastTunnel(content string) bool {
	return r.LastTunnel != "" && strings.EqualFold(content, components.TunnelCNAME(r.LastTunnel))
}
