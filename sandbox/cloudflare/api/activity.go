package api

import (
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// haConnections is how many connections a healthy connector holds.
const haConnections = 4

// period is a tunnel's last time of activity: both ends are nil if it never had a
// connection, and until is nil while it has one.
type period struct{ since, until *time.Time }

// activity tells when a tunnel was active, from what the store has noted or, where that
// is behind, from the connections.
func activity(t state.Tunnel, live []state.Connection) period {
	switch {
	case len(live) == 0:
		return period{t.ActiveAt, t.InactiveAt}
	case t.ActiveAt == nil || t.InactiveAt != nil:
		return period{since: &live[0].OpenedAt}
	default:
		return period{since: t.ActiveAt}
	}
}

// tunnelStatus summarises a tunnel as the dashboard does.
func tunnelStatus(t state.Tunnel, live []state.Connection) string {
	switch {
	case t.DeletedAt != nil, len(live) == 0 && t.ActiveAt != nil:
		return "down"
	case len(live) == 0:
		return "inactive"
	}
	each := map[uuid.UUID]int{}
	for _, connection := range live {
		each[connection.ClientID]++
	}
	for _, n := range each {
		if n < haConnections {
			return "degraded"
		}
	}
	return "healthy"
}
