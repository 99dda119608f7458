package preflight

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloudflare/cloudflare-go"
)

// neverConnected is the status of a tunnel that no connector has served yet.
const neverConnected = "inactive"

// RemoveLeftover deletes the tunnel that an interrupted update has left behind: a
// live one of exactly this name in this account, which is about to be created again,
// and which was never connected. It returns the ID of what it deleted, if anything.
// Any other tunnel of that name is an error, which says what it found. own is the ID of
// the one in the state, which isn't left over, or empty.
func (c *Client) RemoveLeftover(ctx context.Context, accountID, name, own string) (string, error) {
	account := cloudflare.AccountIdentifier(accountID)
	live := false
	found, _, err := c.api.ListTunnels(ctx, account, cloudflare.TunnelListParams{Name: name, IsDeleted: &live})
	if err != nil {
		return "", explain(err, "looking for tunnels named "+name)
	}
	for _, tunnel := range found {
		if tunnel.Name != name {
			continue // the name is a filter only
		}
		if tunnel.ID == own {
			return "", fmt.Errorf("tunnel %q (%s) is the stack's own, and can't be replaced by another one of its name; "+
				"to replace it, set rotation to another label; to take a taint back, run pulumi state untaint", tunnel.Name, own)
		}
		connectors, err := c.api.ListTunnelConnections(ctx, account, tunnel.ID)
		switch {
		case err != nil:
			return "", explain(err, "looking up the connections of tunnel "+tunnel.ID)
		case tunnel.Status != neverConnected || tunnel.ConnsActiveAt != nil || len(connectors) > 0:
			return "", fmt.Errorf("a tunnel named %q exists already (%s, %s, %d connectors), and it has been in use, so it isn't left over from an interrupted update; "+
				"delete or rename it at Cloudflare, or set another tunnelName", tunnel.Name, printable(tunnel.ID), printable(tunnel.Status), len(connectors))
		}
		err = c.api.DeleteTunnel(ctx, account, tunnel.ID)
		var missing *cloudflare.NotFoundError
		if err != nil && !errors.As(err, &missing) { // it is gone if an answer was lost, and the call repeated
			return "", explain(err, "deleting tunnel "+tunnel.ID)
		}
		return printable(tunnel.ID), nil
	}
	return "", nil
}
