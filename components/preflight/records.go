package preflight

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/cloudflare/cloudflare-go"

	"k8s-tunnel/components/names"
)

// records looks up what the names lead to so far. It reports every name that the
// component can't have, or may not take without being told to: names with an
// address record, which the provider can't overwrite (it would fail after half a
// minute, without saying why), names that are delegated, and names of other stacks.
// CNAME records made by hand are taken over, with a warning that keeps their target.
func (c *Client) records(ctx context.Context, r Request, found *Findings) error {
	var problems []error
	for zone, id := range found.ZoneIDs {
		delegations, _, err := c.api.ListDNSRecords(ctx, cloudflare.ZoneIdentifier(id), cloudflare.ListDNSRecordsParams{Type: "NS"})
		if err != nil {
			return errors.Join(append(problems, explain(err, "looking up the NS records of zone "+zone))...)
		}
		for _, host := range r.Names.Hosts() {
			if host.Zone == zone {
				problems = append(problems, delegated(host, delegations))
			}
		}
	}
	for _, host := range r.Names.Hosts() {
		records, _, err := c.api.ListDNSRecords(ctx, cloudflare.ZoneIdentifier(found.ZoneIDs[host.Zone]), cloudflare.ListDNSRecordsParams{Name: host.Name})
		if err != nil {
			return errors.Join(append(problems, explain(err, fmt.Sprintf("%s: looking up the records of %s", host.Argument, host.Name)))...)
		}
		for _, record := range records {
			warning, err := r.obstacle(host, record)
			problems = append(problems, err)
			if warning != "" {
				found.Warnings = append(found.Warnings, warning)
			}
		}
	}
	return errors.Join(problems...)
}

// delegated reports a host on or below a name with NS records.
func delegated(host names.Host, delegations []cloudflare.DNSRecord) error {
	for _, record := range delegations {
		name := strings.ToLower(record.Name)
		if name != host.Zone && (host.Name == name || strings.HasSuffix(host.Name, "."+name)) {
			return fmt.Errorf("%s: %s can't be exposed, because %s is delegated to the name server %q; delete that NS record at Cloudflare (DNS, Records), or use another name",
				host.Argument, host.Name, name, record.Content)
		}
	}
	return nil
}

// obstacle says why the component can't have a host with this record, or what it
// would take over.
func (r Request) obstacle(host names.Host, record cloudflare.DNSRecord) (warning string, err error) {
	switch record.Type {
	case "A", "AAAA":
		return "", fmt.Errorf("%s: %s has a record of type %s already, %q, and only a CNAME can be taken over; "+
			"to point the name at the tunnel, delete that record at Cloudflare (DNS, Records) and try again",
			host.Argument, host.Name, record.Type, record.Content)
	case "CNAME":
		owner := names.ParseComment(record.Comment)
		switch {
		case r.owns(owner, record.Content):
		case owner.Stack == "":
			warning = fmt.Sprintf("%s: this takes over %s, which leads to %q so far%s", host.Argument, host.Name, record.Content, commented(record.Comment))
		case !r.AllowTakeover:
			return "", fmt.Errorf("%s: %s belongs to stack %q%s, which points it at %q; "+
				"remove the name from that stack, or allow this one to take it: set allowTakeover to true",
				host.Argument, host.Name, owner.Stack, r.confusable(owner), record.Content)
		default:
			warning = fmt.Sprintf("%s: this takes %s from stack %q, which points it at %q", host.Argument, host.Name, owner.Stack, record.Content)
		}
	}
	return warning, nil
}

// owns reports whether a record belongs to the component. Records of older versions
// have no identity in their comments; theirs lead to the component's tunnel.
func (r Request) owns(owner names.Owner, content string) bool {
	if owner.Identity != "" {
		return owner.Identity == r.Identity
	}
	return r.LastTunnel != "" && strings.EqualFold(content, names.TunnelCNAME(r.LastTunnel))
}

// confusable tells a stack of the same name apart.
func (r Request) confusable(owner names.Owner) string {
	if owner.Stack == r.Stack {
		return " of another Pulumi backend or organization"
	}
	return ""
}

func commented(comment string) string {
	if comment == "" {
		return ""
	}
	return fmt.Sprintf(" (comment %q)", comment)
}
