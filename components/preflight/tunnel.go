package preflight

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cloudflare/cloudflare-go"

	"k8s-tunnel/components/names"
)

// DeletedTunnel is a deleted tunnel, which Cloudflare still knows.
type DeletedTunnel struct {
	ID, Name string
	Deleted  time.Time
}

func (t *DeletedTunnel) String() string {
	return fmt.Sprintf("%q (%s, until %s UTC)", t.Name, t.ID, t.Deleted.UTC().Format(time.DateTime))
}

// tunnelAnswer is a tunnel with what Cloudflare's client leaves out.
type tunnelAnswer struct {
	cloudflare.Tunnel

	ConfigSrc string `json:"config_src"`
}

// remote reports whether the tunnel's configuration is kept at Cloudflare, which says so in
// two fields, of which it is about to remove one.
func (t tunnelAnswer) remote() bool { return t.RemoteConfig || t.ConfigSrc == "cloudflare" }

func (t tunnelAnswer) deleted() bool { return t.DeletedAt != nil && !t.DeletedAt.IsZero() }

func (c *Client) getTunnel(ctx context.Context, accountID, id string) (found tunnelAnswer, err error) {
	answer, err := c.api.Raw(ctx, http.MethodGet, "/accounts/"+accountID+"/cfd_tunnel/"+id, nil, nil)
	if err != nil {
		return found, err
	}
	return found, json.Unmarshal(answer.Result, &found)
}

// tunnel looks up the component's tunnel. If it was deleted or switched over by others,
// that is among the findings; an existing tunnel that was is an error.
func (c *Client) tunnel(ctx context.Context, r Request, found *Findings) error {
	id := cmp.Or(r.ExistingTunnel, r.OwnTunnel)
	if id == "" && r.ReadTunnel == "" {
		id = r.LastTunnel
	}
	if id == "" {
		return c.mayReadTunnels(ctx, found.AccountID)
	}
	if r.ExistingTunnel != "" && r.ExistingTunnel == r.OwnTunnel {
		return fmt.Errorf("existingTunnel: tunnel %s is the one that this stack has made, and would be deleted as soon as it isn't managed any more; remove existingTunnel", id)
	}
	if r.ExistingTunnel != "" && r.OwnTunnel != "" && r.ReadTunnel != r.ExistingTunnel && r.leadsTo(r.ExistingTunnel) {
		// It may be the one that an update which failed was to replace. If it was read
		// already, that was before any name led to it.
		return fmt.Errorf("existingTunnel: the stack's names lead to tunnel %s, so that the stack may have made it, and would then delete it; complete the last update without existingTunnel first", id)
	}
	const remedy = "set another tunnel, or remove existingTunnel to get one managed by this stack"
	tunnel, err := c.getTunnel(ctx, found.AccountID, id)
	var missing *cloudflare.NotFoundError
	switch {
	case errors.As(err, &missing) && r.ExistingTunnel == "":
		return nil // in another account: accountId has changed
	case errors.As(err, &missing):
		return fmt.Errorf("existingTunnel: account %s has no tunnel %s; %s", found.AccountID, id, remedy)
	case err != nil:
		return explain(err, "looking up tunnel "+id)
	}
	if id == r.OwnTunnel && tunnel.CreatedAt != nil {
		found.ownTunnelMade = *tunnel.CreatedAt
	}
	switch deleted := tunnel.deleted(); {
	case deleted && r.ExistingTunnel != "":
		return fmt.Errorf("existingTunnel: tunnel %s was deleted at Cloudflare; %s", &DeletedTunnel{id, tunnel.Name, *tunnel.DeletedAt}, remedy)
	case deleted:
		found.Deleted = &DeletedTunnel{id, tunnel.Name, *tunnel.DeletedAt}
	case tunnel.remote() && r.ExistingTunnel != "":
		return fmt.Errorf("existingTunnel: tunnel %q (%s) has its configuration at Cloudflare, which overrides ingress, origin and originRequest; %s", tunnel.Name, id, remedy)
	case r.ExistingTunnel != "" && r.OwnTunnel != "":
		return c.madeTunnel(ctx, r, found)
	case tunnel.remote():
		found.Remote = true
		found.Warnings = append(found.Warnings, fmt.Sprintf("tunnel %q (%s) was switched to a configuration at Cloudflare, "+
			"which overrides ingress, origin and originRequest; this replaces it by a new tunnel with its configuration here, and deletes it", tunnel.Name, id))
	}
	return nil
}

// madeTunnel looks up the component's own tunnel, which is about to be deleted in favour of
// an existing one. If others have deleted it, the provider couldn't.
func (c *Client) madeTunnel(ctx context.Context, r Request, found *Findings) error {
	tunnel, err := c.getTunnel(ctx, found.AccountID, r.OwnTunnel)
	var missing *cloudflare.NotFoundError
	switch {
	case errors.As(err, &missing): // as for the component's only tunnel
	case err != nil:
		return explain(err, "looking up tunnel "+r.OwnTunnel)
	case tunnel.deleted():
		found.Forgotten = r.OwnTunnel
		found.Warnings = append(found.Warnings, fmt.Sprintf("tunnel %s was deleted at Cloudflare; this forgets it", &DeletedTunnel{r.OwnTunnel, tunnel.Name, *tunnel.DeletedAt}))
	}
	return nil
}

// mayReadTunnels reports a token without any permission for the account's tunnels, which
// would otherwise be refused only when the tunnel is created.
func (c *Client) mayReadTunnels(ctx context.Context, accountID string) error {
	_, _, err := c.api.ListTunnels(ctx, cloudflare.AccountIdentifier(accountID), cloudflare.TunnelListParams{ResultInfo: cloudflare.ResultInfo{PerPage: 1}})
	if err != nil {
		return explain(err, "looking up the tunnels of account "+accountID)
	}
	return nil
}

// leadsTo reports whether the names led to a tunnel after the last update.
func (r Request) leadsTo(tunnelID string) bool {
	for _, record := range r.LastRecords {
		if strings.EqualFold(record.Content, names.TunnelCNAME(tunnelID)) {
			return true
		}
	}
	return false
}
