package preflight

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloudflare/cloudflare-go"
)

// Tunnel is a deleted tunnel, which Cloudflare still knows.
type Tunnel struct {
	ID, Name string
	Deleted  time.Time
}

func (t *Tunnel) String() string {
	return fmt.Sprintf("%s (%s, until %s UTC)", t.Name, t.ID, t.Deleted.UTC().Format(time.DateTime))
}

// deletedTunnel returns the stack's own tunnel if it was deleted outside of the
// stack. If the existing tunnel was deleted, that is an error.
func (c *Client) deletedTunnel(ctx context.Context, r Request, accountID string) (*Tunnel, error) {
	id := cmp.Or(r.ExistingTunnel, r.LastTunnel)
	if id == "" {
		return nil, nil
	}
	const remedy = "set another tunnel, or get one managed by this stack: pulumi config rm existingTunnel"
	found, err := c.api.GetTunnel(ctx, cloudflare.AccountIdentifier(accountID), id)
	var missing *cloudflare.NotFoundError
	switch {
	case errors.As(err, &missing) && r.ExistingTunnel == "":
		return nil, nil // in another account: accountId has changed
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
