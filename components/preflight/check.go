package preflight

import (
	"context"
	"time"

	"k8s-tunnel/components/names"
)

// Request is what a component is about to expose.
type Request struct {
	// Names are the names that are to lead to the tunnel.
	Names names.Set
	// ZoneID is the identifier of the zone of all names that lie in it, if it is
	// set, and AccountID that of the account that owns the tunnel. They have to fit
	// the names.
	ZoneID, AccountID string

	// Identity is the component's own, which is in the comments of its records, if
	// it has one already. Stack is its stack, as project/stack.
	Identity, Stack string
	// AllowTakeover allows names that lead to another stack's tunnel.
	AllowTakeover bool
	// ExistingTunnel is the ID of the tunnel that the component serves, if that
	// isn't its own.
	ExistingTunnel string
	// LastTunnel is the ID of the tunnel that the component had after its last
	// update, if there was one.
	LastTunnel string
	// OwnTunnel is the ID of the tunnel in the state that the component has made.
	OwnTunnel string
	// ReadTunnel is the ID of the existing tunnel, which others made, in the state.
	ReadTunnel string
	// OtherRecords are the records that other resources of the stack have, by their IDs:
	// the resources' URNs. OtherIdentities are those of other components in the stack.
	OtherRecords    map[string]string
	OtherIdentities map[string]bool
	// LastRecords are the component's records after that update, by their logical names.
	LastRecords map[string]names.LastRecord
}

// Findings are what Cloudflare knows of a Request.
type Findings struct {
	// AccountID is the identifier of the tunnel's account.
	AccountID string
	// Hosts are the names with their zones.
	Hosts []names.Host
	// ZoneIDs are the identifiers of these zones by their names.
	ZoneIDs map[string]string
	// inactive are the zones that aren't active yet.
	inactive []zone
	// limited are the zones of the names that have a quota of records.
	limited []zone
	// ownTunnelMade is when the component's own tunnel was made, unless it serves an existing one.
	ownTunnelMade time.Time
	// Kinds are types of the records that exist in these zones, by their names.
	Kinds map[string]string
	// Others are names in these zones that lead to the component's tunnel by records that
	// aren't the component's.
	Others []names.Host
	// Changed are the hosts whose records were changed by others since the state was
	// last refreshed, so that they have to be written once more.
	Changed map[string]bool
	// Replaced are the hosts whose records were deleted since then, and that have another
	// CNAME by now.
	Replaced map[string]bool
	// Taken are the hosts whose records aren't the component's so far, with these records.
	Taken map[string]TakenRecord
	// Released are the component's records, by their logical names, that lead elsewhere
	// by now and whose names aren't asked for any more. They aren't to be deleted.
	Released map[string]names.LastRecord
	// Forgotten is the ID of the component's own tunnel if it was deleted by others, and
	// an existing one takes its place.
	Forgotten string
	// Deleted is the component's own tunnel if it was deleted by others.
	Deleted *DeletedTunnel
	// Remote says that the component's own tunnel was switched to a configuration at
	// Cloudflare, which can't be undone, so that it has to be replaced.
	Remote bool
	// Warnings are about what is allowed, but may surprise.
	Warnings []string
}

// Check looks everything up. It reports all obstacles at once, each with the
// argument that it is about, but for a refused token, [ErrTokenRefused], which comes first.
func (c *Client) Check(ctx context.Context, r Request) (*Findings, error) {
	found, err := c.zones(ctx, r)
	if found == nil || len(found.ZoneIDs) == 0 {
		return found, err
	}
	return found, distinct([]error{err, c.tunnel(ctx, r, found), c.records(ctx, r, found)})
}
