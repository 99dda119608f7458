package preflight

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/cloudflare/cloudflare-go"

	"k8s-tunnel/components/names"
)

// recordsPerPage is the length of a page of records, so that most zones are one call.
const recordsPerPage = 1000

// records looks up what the names lead to so far. It reports every name that the
// component can't have, or may not take without being told to: names with an
// address record, which the provider can't overwrite (it would fail after half a
// minute, without saying why), names that are delegated, and names of other stacks.
// CNAME records made by hand are taken over, with a warning that keeps their target.
func (c *Client) records(ctx context.Context, r Request, found *Findings) error {
	var problems []error
	for _, zone := range slices.Sorted(maps.Keys(found.ZoneIDs)) {
		all, err := c.zoneRecords(ctx, found.ZoneIDs[zone])
		if err != nil {
			problems = append(problems, explain(err, "looking up the records of zone "+zone))
			continue
		}
		byName, delegations := index(all, zone)
		for _, host := range found.Hosts {
			if host.Zone != zone {
				continue
			}
			warnings, err := r.judge(host, byName[host.Name])
			problems = append(problems, r.delegated(host, delegations), err)
			found.Warnings = append(found.Warnings, warnings...)
		}
	}
	return distinct(problems)
}

// index sorts a zone's records by their names, and lists those that delegate a name
// below the zone.
func index(all []cloudflare.DNSRecord, zone string) (byName map[string][]cloudflare.DNSRecord, delegations []cloudflare.DNSRecord) {
	byName = map[string][]cloudflare.DNSRecord{}
	for _, record := range all {
		name := names.ASCII(record.Name)
		byName[name] = append(byName[name], record)
		if record.Type == "NS" && name != zone {
			delegations = append(delegations, record)
		}
	}
	return byName, delegations
}

// delegated reports that a host lies below a name that was delegated.
func (r Request) delegated(host names.Host, delegations []cloudflare.DNSRecord) error {
	servers := map[string][]string{}
	for _, record := range delegations {
		if host.Within(record.Name) {
			servers[record.Name] = append(servers[record.Name], strconv.Quote(record.Content))
		}
	}
	what := host.Name
	if host.Name == "*."+r.Names.Domain {
		what = r.Names.Domain // the two names of the domain share their problems
	}
	var problems []error
	for _, name := range slices.Sorted(maps.Keys(servers)) {
		problems = append(problems, fmt.Errorf("%s: %s can't be exposed, because %s is delegated to %s; delete its NS records at Cloudflare (DNS, Records), or use another name",
			host.Argument, what, name, strings.Join(servers[name], ", ")))
	}
	return errors.Join(problems...)
}

// judge says why the component can't have a host beside the records of its name, or
// what it would take over, or how its own record was changed by others.
func (r Request) judge(host names.Host, records []cloudflare.DNSRecord) (warnings []string, err error) {
	last, owned := r.LastRecords[host.Name]
	there := false
	var problems []error
	for _, record := range records {
		there = there || record.Type == "CNAME"
		warning, err := r.obstacle(host, record)
		changed := record.Type == "CNAME" && owned && !strings.EqualFold(record.Content, last)
		if changed && err == nil {
			warning = fmt.Sprintf("%s: the record of %s was changed at Cloudflare, and leads to %q; pulumi up --refresh changes it back",
				host.Argument, host.Name, record.Content)
		}
		problems = append(problems, err)
		if warning != "" {
			warnings = append(warnings, warning)
		}
	}
	if err := errors.Join(problems...); err != nil || there || !owned {
		return warnings, err
	}
	return append(warnings, fmt.Sprintf("%s: the record of %s was deleted at Cloudflare; pulumi up --refresh creates it again",
		host.Argument, host.Name)), nil
}

// zoneRecords lists all records of a zone.
func (c *Client) zoneRecords(ctx context.Context, zoneID string) ([]cloudflare.DNSRecord, error) {
	var all []cloudflare.DNSRecord
	for page := 1; ; page++ {
		records, _, err := c.api.ListDNSRecords(ctx, cloudflare.ZoneIdentifier(zoneID), cloudflare.ListDNSRecordsParams{
			ResultInfo: cloudflare.ResultInfo{Page: page, PerPage: recordsPerPage},
		})
		all = append(all, records...)
		if err != nil || len(records) < recordsPerPage {
			return all, err
		}
	}
}

// obstacle says why the component can't have a host beside this record of its name,
// or what it would take over.
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
