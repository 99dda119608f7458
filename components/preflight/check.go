package preflight

import (
	"context"
	"errors"
	"fmt"

	"k8s-tunnel/components/names"
)

// Request is what a component is about to expose.
type Request struct {
	// Names are the names that are to lead to the tunnel.
	Names names.Set
	// ZoneID and AccountID are the identifiers of the domain's zone and of the
	// account that owns the tunnel, if they are set. They have to fit the domain.
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
}

// Findings are what Cloudflare knows of a Request.
type Findings struct {
	// AccountID is the identifier of the tunnel's account.
	AccountID string
	// ZoneIDs are the identifiers of all zones by their names.
	ZoneIDs map[string]string
	// Deleted is the component's own tunnel if it was deleted by others.
	Deleted *Tunnel
	// Warnings are about what is allowed, but may surprise.
	Warnings []string
}

// Check looks everything up. It reports all obstacles at once, each with the
// argument that it is about.
func (c *Client) Check(ctx context.Context, r Request) (*Findings, error) {
	found, err := c.zones(ctx, r)
	if err != nil {
		return nil, err
	}
	return found, errors.Join(c.tunnel(ctx, r, found), c.records(ctx, r, found))
}

// zones finds the zones and the account.
func (c *Client) zones(ctx context.Context, r Request) (*Findings, error) {
	domain, err := c.domain(ctx, r)
	if err != nil {
		return nil, err
	}
	found := &Findings{AccountID: domain.accountID, ZoneIDs: map[string]string{}}
	found.add(domain)
	var problems []error
	for _, name := range r.Names.ZonesInUse() {
		further, err := c.zoneByName(ctx, "zones", name, found.AccountID)
		problems = append(problems, err)
		found.add(further)
	}
	return found, errors.Join(problems...)
}

func (f *Findings) add(z zone) {
	f.ZoneIDs[z.name] = z.id
	if z.warning != "" {
		f.Warnings = append(f.Warnings, z.warning)
	}
}

// domain finds the domain's zone, and checks the identifiers that are set.
func (c *Client) domain(ctx context.Context, r Request) (zone, error) {
	if r.ZoneID == "" {
		return c.zoneByName(ctx, "domain", r.Names.Domain, r.AccountID)
	}
	domain, err := c.zoneByID(ctx, "zoneId", r.ZoneID)
	switch {
	case err != nil:
		return zone{}, err
	case !names.Equal(domain.name, r.Names.Domain):
		return zone{}, fmt.Errorf("zoneId: %s is the zone %s, not domain %s; correct it, or remove it", domain.id, domain.name, r.Names.Domain)
	case r.AccountID != "" && r.AccountID != domain.accountID:
		return zone{}, fmt.Errorf("accountId: zone %s is in account %s, not %s; correct it, or remove it", domain.name, domain.accountID, r.AccountID)
	}
	domain.name = r.Names.Domain
	return domain, nil
}
