package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudflare/cloudflare-go"
)

// Tunnel is a tunnel that was deleted. Cloudflare goes on answering for it.
type Tunnel struct {
	ID, Name string
	Deleted  time.Time
}

func (t *Tunnel) String() string {
	return fmt.Sprintf("%s (%s, until %s UTC)", t.Name, t.ID, t.Deleted.UTC().Format(time.DateTime))
}

// lostTunnel returns the stack's own tunnel if somebody else has deleted it. An
// existing tunnel that is gone is an error.
func (c *Client) lostTunnel(ctx context.Context, r Request, accountID string) (*Tunnel, error) {
	id := cmp.Or(r.ExistingTunnel, r.LastTunnel)
	if id == "" {
		return nil, nil
	}
	const remedy = "name another tunnel, or let the stack make its own: pulumi config rm existingTunnel"
	found, err := c.api.GetTunnel(ctx, cloudflare.AccountIdentifier(accountID), id)
	var missing *cloudflare.NotFoundError
	switch {
	case errors.As(err, &missing) && r.ExistingTunnel == "":
		return nil, nil // it was another account's: the setting has changed
	case errors.As(err, &missing):
		return nil, fmt.Errorf("existingTunnel: account %s has no tunnel %s; %s", accountID, id, remedy)
	case err != nil:
		return nil, explain(err, "looking up tunnel "+id)
	case found.DeletedAt == nil || found.DeletedAt.IsZero():
		return nil, nil
	}
	gone := &Tunnel{ID: id, Name: found.Name, Deleted: *found.DeletedAt}
	if r.ExistingTunnel != "" {
		return nil, fmt.Errorf("existingTunnel: tunnel %s was deleted at Cloudflare; %s", gone, remedy)
	}
	return gone, nil
}
