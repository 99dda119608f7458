package names

import "strings"

const (
	// commentPrefix begins the comment of every record that a stack owns.
	commentPrefix = "Managed by Pulumi: "
	// maxComment is the longest comment that Cloudflare accepts for a record on
	// the free plan, in characters.
	maxComment = 100
)

// RecordComment is the comment of a stack's records. It says in Cloudflare's
// dashboard where a record comes from, and tells other stacks who owns it.
func RecordComment(project, stack string) string {
	comment := commentPrefix + project + "/" + stack
	return comment[:min(len(comment), maxComment)]
}

// RecordOwner returns the stack that owns a record with this comment, as
// project/stack. Records without an owner were made by hand.
func RecordOwner(comment string) (stack string, managed bool) {
	return strings.CutPrefix(comment, commentPrefix)
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
