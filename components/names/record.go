package names

import (
	"regexp"
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
func Equal(a, b string) bool {
	ascii := func(name string) string {
		if converted, err := idna.Lookup.ToASCII(strings.TrimSuffix(name, ".")); err == nil {
			return converted
		}
		return name
	}
	return strings.EqualFold(ascii(a), ascii(b))
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

// LogicalName is the record's name in the stack of a component, which is a
// contract. It follows from the host alone, so that adding, removing or
// reordering names affects no other record.
func (h Host) LogicalName(component string) string {
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
