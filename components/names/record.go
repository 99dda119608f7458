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

// RecordName is the host's name relative to its zone, or the zone's own. The
// provider creates a record under its full name, but wouldn't find it there to
// overwrite it.
func (h Host) RecordName() string {
	relative, below := strings.CutSuffix(h.Name, "."+h.Zone)
	if !below {
		return h.Name
	}
	return relative
}

// LogicalNames returns the names of the hosts' records in the stack of a component,
// by host. They are a contract: a record under another name would be created anew,
// and then deleted. state has the hosts of the records that are in the stack already,
// by logical name; those keep theirs. For all others it follows from the host alone,
// so that adding, removing or reordering names affects no other record.
func LogicalNames(component string, hosts []Host, state map[string]string) map[string]string {
	all, taken := map[string]string{}, map[string]bool{}
	for _, host := range hosts {
		for _, logical := range slices.Sorted(maps.Keys(state)) {
			if Equal(state[logical], host.Name) && (all[host.Name] == "" || logical == host.logicalName(component)) {
				all[host.Name] = logical
			}
		}
		taken[all[host.Name]] = true
	}
	for _, host := range hosts {
		if all[host.Name] != "" {
			continue
		}
		if taken[host.logicalName(component)] {
			host.Argument = "" // another domain's record has the name
		}
		all[host.Name] = host.logicalName(component)
	}
	return all
}

// logicalName is the name of a new record.
func (h Host) logicalName(component string) string {
	below, wildcard := strings.CutPrefix(h.Name, "*.")
	switch {
	case h.Argument == domainArgument && wildcard:
		return component + "-wildcard"
	case h.Argument == domainArgument:
		return component + "-apex"
	case wildcard:
		return component + "-wildcard-" + below
	}
	return component + "-record-" + h.Name
}
