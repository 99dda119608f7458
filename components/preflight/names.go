package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cloudflare/cloudflare-go"

	"k8s-tunnel/components/names"
)

// names reports every name that the stack can't have, or may not take without
// being told to: names with an address record, which the provider can't overwrite
// (it would fail after half a minute, without saying why), and names of other
// stacks. CNAME records made by hand are taken over.
func (c *Client) names(ctx context.Context, r Request, zoneIDs map[string]string) error {
	var problems []error
	for _, host := range r.Hosts {
		records, _, err := c.api.ListDNSRecords(ctx, cloudflare.ZoneIdentifier(zoneIDs[host.Zone]), cloudflare.ListDNSRecordsParams{Name: host.Name})
		if err != nil {
			return errors.Join(append(problems, explain(err, fmt.Sprintf("%s: looking up the records of %s", host.Argument, host.Name)))...)
		}
		for _, record := range records {
			problems = append(problems, r.obstacle(host, record))
		}
	}
	return errors.Join(problems...)
}

// obstacle says why the stack can't have a host with this record.
func (r Request) obstacle(host names.Host, record cloudflare.DNSRecord) error {
	switch record.Type {
	case "A", "AAAA":
		return fmt.Errorf("%s: %s has a record of type %s already, %s, and only a CNAME can be taken over; "+
			"to point the name at the tunnel, delete that record at Cloudflare (DNS, Records) and try again",
			host.Argument, host.Name, record.Type, record.Content)
	case "CNAME":
		owner, managed := names.RecordOwner(record.Comment)
		if managed && record.Comment != r.Comment && !r.isLastTunnel(record.Content) && !r.AllowTakeover {
			return fmt.Errorf("%s: %s belongs to stack %s, which points it at %s; "+
				"remove the name from that stack, or allow this one to take it: pulumi config set allowTakeover true",
				host.Argument, host.Name, owner, record.Content)
		}
	}
	return nil
}

// isLastTunnel reports whether a record leads to the stack's own tunnel.
func (r Request) isLastTunnel(content string) bool {
	return r.LastTunnel != "" && strings.EqualFold(content, names.TunnelCNAME(r.LastTunnel))
}
