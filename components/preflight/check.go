package preflight

import (
	"context"
	"errors"
	"fmt"

	"k8s-tunnel/components/names"
)

// Request is what a stack is about to expose.
type Request struct {
	// Domain is the name of the zone that the stack exposes. Required.
	Domain string
	// ZoneID and AccountID are the identifiers of that zone and of the account that
	// owns the tunnel. They are looked up when empty.
	ZoneID, AccountID string
	// Zones are the names of further zones. They have to be in the tunnel's
	// account: a record of another account's zone can't point at it.
	Zones []string
	// Hosts are the names that are to lead to the tunnel.
	Hosts []names.Host

	// Comment is the comment of the stack's records, see names.RecordComment.
	Comment string
	// AllowTakeover allows names that lead to another stack's tunnel.
	AllowTakeover bool
	// ExistingTunnel is the ID of the tunnel that the stack serves, if that isn't
	// its own.
	ExistingTunnel string
	// LastTunnel is the ID of the tunnel that the stack had after its last update,
	// if there was one.
	LastTunnel string
}

// Findings are what Cloudflare knows of a Request.
type Findings struct {
	// AccountID is the identifier of the tunnel's account.
	AccountID string
	// ZoneIDs are the identifiers of all zones by their names.
	ZoneIDs map[string]string
	// Deleted is the stack's own tunnel if it was deleted outside of the stack.
	Deleted *Tunnel
}

// Check looks everything up. It reports all obstacles at once, each with the
// setting that it is about.
func (c *Client) Check(ctx context.Context, r Request) (*Findings, error) {
	found, err := c.zones(ctx, r)
	if err != nil {
		return nil, err
	}
	found.Deleted, err = c.deletedTunnel(ctx, r, found.AccountID)
	return found, errors.Join(err, c.names(ctx, r, found.ZoneIDs))
}

// zones finds the zones and the account.
func (c *Client) zones(ctx context.Context, r Request) (*Findings, error) {
	domain := zone{name: r.Domain, id: r.ZoneID, accountID: r.AccountID}
	var err error
	switch {
	case r.ZoneID == "":
		domain, err = c.zoneByName(ctx, "domain", r.Domain, r.AccountID)
	case r.AccountID == "":
		domain, err = c.zoneByID(ctx, "zoneId", r.ZoneID)
	}
	if err != nil {
		return nil, err
	}
	if domain.name != r.Domain {
		return nil, fmt.Errorf("zoneId: %s is the zone %s, not domain %s; correct it, or remove it", domain.id, domain.name, r.Domain)
	}
	found := &Findings{AccountID: domain.accountID, ZoneIDs: map[string]string{domain.name: domain.id}}
	var problems []error
	for _, name := range r.Zones {
		further, err := c.zoneByName(ctx, "zones", name, found.AccountID)
		problems = append(problems, err)
		found.ZoneIDs[name] = further.id
	}
	return found, errors.Join(problems...)
}
