package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
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
	lists := map[string]listing{}
	var problems []error
	for _, zone := range slices.Sorted(maps.Keys(found.ZoneIDs)) {
		all, err := c.zoneRecords(ctx, found.ZoneIDs[zone])
		if err != nil {
			problems = append(problems, explain(err, "looking up the records of zone "+zone))
			if !isRefusal(err) {
				break // waiting for other zones would take as long, and tell nothing else
			}
			continue
		}
		lists[found.ZoneIDs[zone]] = newListing(all, zone)
		for name, records := range lists[found.ZoneIDs[zone]].byName {
			found.Kinds[name] = records[0].Type
		}
		found.Others = append(found.Others, r.others(all, found, zone)...)
	}
	for _, z := range found.limited {
		if list, listed := lists[z.id]; listed {
			found.warnOfQuota(z, list)
		}
	}
	last := r.lastByHost(found)
	for _, host := range found.Hosts {
		list, listed := lists[found.ZoneIDs[host.Zone]]
		if !listed {
			continue
		}
		result, err := r.checkHost(host, found, list, last)
		problems = append(problems, r.delegated(host, list.delegations, found.inactive), err)
		found.Warnings = append(found.Warnings, result.warnings...)
		if result.changed {
			found.Changed[host.Name] = true
		}
		if result.taken != (TakenRecord{}) {
			found.Taken[host.Name] = result.taken
		}
		if result.replaced {
			found.Replaced[host.Name] = true
		}
	}
	if len(lists) == len(found.ZoneIDs) { // else there are problems
		problems = append(problems, c.released(ctx, r, found, lists))
	}
	return distinct(problems)
}

// others are the names in a zone, of these records, that lead to the component's tunnel by
// records that aren't the component's. One that belongs to no stack leads nowhere once the
// component replaces its own tunnel, so it doesn't count.
func (r Request) others(all []cloudflare.DNSRecord, found *Findings, zone string) []names.Host {
	tunnel := cmp.Or(r.ExistingTunnel, r.OwnTunnel)
	partial := slices.ContainsFunc(found.Hosts, func(h names.Host) bool { return h.Zone == zone && h.Partial })
	var hosts []names.Host
	for _, record := range all {
		leads := record.Type == "CNAME" && record.Proxied != nil && *record.Proxied && strings.EqualFold(record.Content, names.TunnelCNAME(tunnel))
		if leads && !r.has(record.ID) && (r.ExistingTunnel != "" || names.ParseComment(record.Comment).Stack != "") {
			hosts = append(hosts, names.Host{Name: names.ASCII(record.Name), Zone: zone, Partial: partial})
		}
	}
	return hosts
}

// has reports whether a record is the component's according to the state.
func (r Request) has(recordID string) bool {
	for _, last := range r.LastRecords {
		if last.ID == recordID {
			return true
		}
	}
	return false
}

// lastByHost are the component's records by the names that they are for.
func (r Request) lastByHost(found *Findings) map[string]names.LastRecord {
	last := map[string]names.LastRecord{}
	for _, logicalName := range slices.Sorted(maps.Keys(r.LastRecords)) {
		record := r.LastRecords[logicalName]
		last[record.Host(found.ZoneIDs)] = record
	}
	return last
}

// delegated reports that a host lies below a name that was delegated.
// inactive are zones that aren't active yet.
func (r Request) delegated(host names.Host, delegations []cloudflare.DNSRecord, inactive []zone) error {
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
		if i := slices.IndexFunc(inactive, func(z zone) bool { return names.Equal(z.name, name) }); i >= 0 {
			remedy := "try again when that is active"
			if r.Names.Domain == "" || (names.Host{Name: names.ASCII(r.Names.Domain)}).Within(name) {
				remedy += ", or set zoneId to " + inactive[i].id
			}
			problems = append(problems, fmt.Errorf("%s: %s can't be exposed yet, because %s is delegated to %s, and its own zone is %s at Cloudflare; %s",
				host.Argument, what, name, strings.Join(servers[name], ", "), inactive[i].inactive, remedy))
			continue
		}
		problems = append(problems, fmt.Errorf("%s: %s can't be exposed, because %s is delegated to %s; delete its NS records at Cloudflare (DNS, Records), or use another name",
			host.Argument, what, name, strings.Join(servers[name], ", ")))
	}
	return errors.Join(problems...)
}

// hostResult is what is to be said of a host.
type hostResult struct {
	warnings []string
	// changed says that the component's own record was changed by others, and replaced
	// that it was deleted and there is another CNAME of its name.
	changed, replaced bool
	// taken is the record of others that the component is to take over.
	taken TakenRecord
}

func (h *hostResult) warn(format string, args ...any) {
	h.warnings = append(h.warnings, fmt.Sprintf(format, args...))
}

// checkHost says why the component can't have a host beside the records of its name, or
// what it would take over, or how its own record was changed by others. last are the
// component's records by their hosts.
func (r Request) checkHost(host names.Host, found *Findings, zone listing, last map[string]names.LastRecord) (result hostResult, err error) {
	var problems []error
	own, owned := last[host.Name]
	for _, record := range zone.byName[host.Name] {
		warning, err := r.conflict(host, record, found)
		if warning != "" {
			result.warnings, result.taken = append(result.warnings, warning), TakenRecord{record.ID, host.Name, record.Content}
		}
		problems = append(problems, err, r.renamed(host, record, last))
	}
	now, there := zone.byID[own.ID]
	switch name := names.ASCII(now.Name); {
	case !owned || own.ZoneID != found.ZoneIDs[host.Zone] || errors.Join(problems...) != nil:
	case !there:
		result.replaced = has(zone.byName[host.Name], "CNAME")
		result.warn("%s: the record of %s was deleted at Cloudflare; pulumi up --refresh creates it again", host.Argument, host.Name)
	case name != host.Name && has(zone.byName[host.Name], "CNAME"):
		problems = append(problems, fmt.Errorf("%s: the record of %s was renamed to %q at Cloudflare, and there is another one of its name; "+
			"delete one of the two at Cloudflare (DNS, Records)", host.Argument, host.Name, now.Name))
	case name != host.Name:
		result.changed = true
		result.warn("%s: the record of %s was renamed to %q at Cloudflare; this renames it back", host.Argument, host.Name, now.Name)
	case !strings.EqualFold(now.Content, own.Content):
		result.changed = true
		if !r.served(now.Content) || !r.owns(now, found) { // else an update that was interrupted has changed it
			result.warn("%s: the record of %s was changed at Cloudflare, and leads to %q; this changes it back", host.Argument, host.Name, now.Content)
		}
	case now.Proxied != nil && *now.Proxied != own.Proxied:
		result.changed = true
		result.warn("%s: the record of %s was switched to another proxy status at Cloudflare; this switches it back", host.Argument, host.Name)
	case now.Comment != own.Comment:
		result.changed = true // which is of no interest to visitors
	}
	return result, errors.Join(problems...)
}

// TakenRecord is a record that the component takes over, as it was when it was found.
type TakenRecord struct{ id, name, content string }

// TakeOver points a record at the tunnel. One that is gone by now, or has another name, is
// left alone, since another one is to be created.
func (c *Client) TakeOver(ctx context.Context, zoneID string, record TakenRecord, content, comment string) error {
	now, err := c.besideProvider.GetDNSRecord(ctx, cloudflare.ZoneIdentifier(zoneID), record.id)
	var missing *cloudflare.NotFoundError
	switch {
	case errors.As(err, &missing), err == nil && !names.Equal(now.Name, record.name):
		return nil
	case err != nil:
		return explain(err, "looking up the record of "+record.name)
	case now.Content != record.content && now.Content != content:
		return fmt.Errorf("the record of %s was changed at Cloudflare in the meantime, and leads to %q; run the same command again to take it over", record.name, printable(now.Content))
	}
	change := map[string]any{"content": content, "comment": comment, "proxied": true}
	_, err = c.besideProvider.Raw(ctx, http.MethodPatch, "/zones/"+zoneID+"/dns_records/"+record.id, change, nil)
	if err == nil || errors.As(err, &missing) {
		return nil
	}
	outcome := "which may have been changed already; run the same command again, also before pulumi destroy"
	if isRefusal(err) {
		outcome = "which stays as it was"
	}
	return explain(err, "taking over the record of "+record.name+", "+outcome)
}

// renamed reports that the record of a host's name is the component's own for another
// name that it still has. If both had it, one of the two would be deleted in the end.
func (r Request) renamed(host names.Host, record cloudflare.DNSRecord, last map[string]names.LastRecord) error {
	for name, own := range last {
		if own.ID == record.ID && name != host.Name && slices.ContainsFunc(r.Names.Hosts(), func(h names.Host) bool { return h.Name == name }) {
			return fmt.Errorf("%s: the record of %s is that of %s, which was renamed at Cloudflare; rename it back or delete it there (DNS, Records)",
				host.Argument, host.Name, name)
		}
	}
	return nil
}

// conflict says why the component can't have a host beside this record of its name,
// or what it would take over.
func (r Request) conflict(host names.Host, record cloudflare.DNSRecord, found *Findings) (warning string, err error) {
	if meta, _ := record.Meta.(map[string]any); meta["read_only"] == true && slices.Contains([]string{"A", "AAAA", "CNAME"}, record.Type) {
		return "", fmt.Errorf("%s: %s has a record of type %s, %q, which Cloudflare manages itself and lets nobody change; "+
			"remove the name where it was set up, such as from the custom domains of a Worker or an R2 bucket, and try again",
			host.Argument, host.Name, record.Type, record.Content)
	}
	switch record.Type {
	case "A", "AAAA":
		return "", fmt.Errorf("%s: %s has a record of type %s already, %q, and only a CNAME can be taken over; "+
			"to point the name at the tunnel, delete that record at Cloudflare (DNS, Records) and try again; for a name in use, see \"Move a name that has an address\" in docs/operations.md",
			host.Argument, host.Name, record.Type, record.Content)
	case "CNAME":
		owner := names.ParseComment(record.Comment)
		if urn := r.OtherRecords[record.ID]; urn != "" {
			return "", fmt.Errorf("%s: the record of %s is another resource of this stack, %s, and would be deleted with it; "+
				"if the component, or its parent, was renamed or moved, give the component an alias of what it was; to leave the name to the component, run: pulumi state delete '%[3]s'",
				host.Argument, host.Name, urn)
		}
		switch {
		case r.owns(record, found) && (owner.Stack != "" || r.has(record.ID)): // else it was made by hand, for the component's tunnel
		case r.OtherIdentities[owner.Identity]:
			warning = fmt.Sprintf("%s: this takes %s from another component of this stack, which points it at %q", host.Argument, host.Name, record.Content)
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
// have no identity in their comments; theirs lead to the component's tunnel. If an update
// that was interrupted has made another tunnel, they are still as the state has them, and
// were last changed before it was made.
func (r Request) owns(record cloudflare.DNSRecord, found *Findings) bool {
	owner := names.ParseComment(record.Comment)
	switch {
	case owner.Identity != "":
		return owner.Identity == r.Identity
	case r.LastTunnel != "" && strings.EqualFold(record.Content, names.TunnelCNAME(r.LastTunnel)):
		return true
	}
	return owner.Stack == r.Stack && record.ModifiedOn.Before(found.ownTunnelMade) && r.recorded(record)
}

// served reports whether a content leads to a tunnel that the component serves or has served.
func (r Request) served(content string) bool {
	return slices.ContainsFunc([]string{r.ExistingTunnel, r.OwnTunnel, r.ReadTunnel}, func(id string) bool {
		return strings.EqualFold(content, names.TunnelCNAME(id))
	})
}

// recorded reports whether the state has a record as it is.
func (r Request) recorded(record cloudflare.DNSRecord) bool {
	for _, last := range r.LastRecords {
		if last.ID == record.ID && strings.EqualFold(last.Content, record.Content) {
			return true
		}
	}
	return false
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
