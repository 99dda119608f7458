package names

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/idna"
)

const (
	// commentPrefix begins the comment of every record that a stack owns.
	commentPrefix = "Managed by Pulumi: "
	// maxComment is the longest comment that Cloudflare accepts for a record on
	// the free plan, in characters.
	maxComment = 100
)

// Owner says who owns a record, by its comment.
type Owner struct {
	// Stack is the owner's stack, as project/stack; empty for records made by hand.
	Stack string
	// Identity tells stacks of the same name apart. Records of older versions have
	// none.
	Identity string
}

// identityPattern is the identity at the end of a comment.
var identityPattern = regexp.MustCompile(` \[([0-9a-f]{8})\]$`)

// Comment is the comment of the owner's records. It says in Cloudflare's dashboard
// where a record comes from, and tells other stacks who owns it. A long name of the
// stack is cut; the identity never is.
func (o Owner) Comment() string {
	end := " [" + o.Identity + "]"
	text := commentPrefix + o.Stack
	return text[:min(len(text), maxComment-len(end))] + end
}

// ParseComment returns the owner of a record with this comment.
func ParseComment(comment string) Owner {
	stack, managed := strings.CutPrefix(comment, commentPrefix)
	if !managed {
		return Owner{}
	}
	if match := identityPattern.FindStringSubmatch(stack); match != nil {
		return Owner{Stack: strings.TrimSuffix(stack, match[0]), Identity: match[1]}
	}
	return Owner{Stack: stack}
}

// Equal reports whether two names are the same, in whichever spelling: the API may
// answer an internationalized name in Unicode.
func Equal(a, b string) bool { return ASCII(a) == ASCII(b) }

// ASCII is a name in lower case, with its internationalized parts in the xn-- form.
func ASCII(name string) string {
	labels := strings.Split(strings.ToLower(strings.TrimSuffix(name, ".")), ".")
	for i, label := range labels {
		if converted, err := idna.Lookup.ToASCII(label); err == nil { // or it is a wildcard, for example
			labels[i] = converted
		}
	}
	return strings.Join(labels, ".")
}

// TunnelCNAME is the name that leads to a tunnel.
func TunnelCNAME(tunnelID string) string { return tunnelID + ".cfargotunnel.com" }

// apex stands for the zone's own name.
const apex = "@"

// RecordName is the host's name relative to its zone, or the zone's own. The
// provider creates a record under its full name, but wouldn't find it there to
// overwrite it. Nor would it find an internationalized zone's, which the API spells in
// Unicode.
func (h Host) RecordName() string {
	relative, below := strings.CutSuffix(h.Name, "."+h.Zone)
	switch {
	case below:
		return relative
	case strings.Contains(h.Name, "xn--"):
		return apex
	}
	return h.Name
}

// LastRecord is a record of a component as its state has it.
type LastRecord struct {
	// ID and ZoneID are its identifiers at Cloudflare.
	ID, ZoneID string
	// Name is the name that was asked for: relative to the zone, or in full.
	Name string
	// Hostname is the full name that it had at Cloudflare when the state was last
	// refreshed. It differs from Name if the record was renamed.
	Hostname string
	// Content is what it leads to.
	Content string
	// Comment says whose it is.
	Comment string
	// Proxied says whether Cloudflare answers for it, so that it can lead to a tunnel.
	Proxied bool
	// AllowOverwrite is the provider's argument of that name. A change of it makes the
	// engine update the record.
	AllowOverwrite bool
}

// Host is the full name that the record is for. zoneIDs are the identifiers of the
// zones in use, by name; in another zone, it is the name that the record has.
func (r LastRecord) Host(zoneIDs map[string]string) string {
	for zone, id := range zoneIDs {
		switch {
		case id != r.ZoneID:
		case r.Name == apex:
			return ASCII(zone)
		case Host{Name: ASCII(r.Name)}.Within(zone):
			return ASCII(r.Name)
		default:
			return ASCII(r.Name + "." + zone)
		}
	}
	return ASCII(r.Hostname)
}

// LogicalNames returns the names of the hosts' records in the stack of a component,
// by host. They are a contract: a record under another name would be created anew,
// and then deleted. last has the hosts of the records that are in the stack already,
// by logical name; those keep theirs. For all others it follows from the host alone,
// so that adding, removing or reordering names affects no other record. Names that are
// reserved aren't given to a host.
func LogicalNames(component string, hosts []Host, last map[string]string, reserved func(logicalName string) bool) map[string]string {
	byHost := map[string][]string{}
	for _, logical := range slices.Sorted(maps.Keys(last)) {
		if !reserved(logical) {
			byHost[ASCII(last[logical])] = append(byHost[ASCII(last[logical])], logical)
		}
	}
	all, taken := map[string]string{}, map[string]bool{}
	for _, host := range hosts {
		candidates := byHost[ASCII(host.Name)]
		switch own := host.logicalName(component); {
		case slices.Contains(candidates, own):
			all[host.Name] = own
		case len(candidates) > 0:
			all[host.Name] = candidates[0]
		}
		taken[all[host.Name]] = true
	}
	for _, host := range hosts {
		if all[host.Name] != "" {
			continue
		}
		if own := host.logicalName(component); taken[own] || reserved(own) {
			// With component edge: the domain so far, a.example, is in hostnames now and keeps edge-apex.
			// The new one, b.example, gets edge-record-b.example, as if it was in hostnames itself.
			host.Argument = ""
		}
		all[host.Name] = host.logicalName(component)
	}
	return all
}

// Roles of records. A record's logical name ends in one, and in a host's name, unless it is the domain's.
const (
	apexRole     = "apex"
	wildcardRole = "wildcard"
	recordRole   = "record"
)

// logicalName is the name of a new record.
func (h Host) logicalName(component string) string {
	below, wildcard := strings.CutPrefix(h.Name, "*.")
	switch {
	case h.Argument == domainArgument && wildcard:
		return component + "-" + wildcardRole
	case h.Argument == domainArgument:
		return component + "-" + apexRole
	case wildcard:
		return component + "-" + wildcardRole + "-" + below
	}
	return component + "-" + recordRole + "-" + h.Name
}

// IsLogicalName reports whether a component gives such a name to its records. A program may
// have put records of its own below the component.
func IsLogicalName(component, name string) bool {
	role, child := strings.CutPrefix(name, component+"-")
	role, _, ofHost := strings.Cut(role, "-")
	switch role {
	case apexRole:
		return child && !ofHost
	case wildcardRole:
		return child
	}
	return child && role == recordRole && ofHost
}
