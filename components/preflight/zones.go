package preflight

import (
	"context"
	"fmt"

	"github.com/cloudflare/cloudflare-go"
)

// Zone is a zone of Cloudflare's.
type Zone struct {
	Name, ID, AccountID string
}

// ZoneByName finds the one zone of that name which the token sees, in an account
// or, if that is empty, in all. The error begins with the setting that names the
// zone.
func (c *Client) ZoneByName(ctx context.Context, setting, name, accountID string) (Zone, error) {
	in := ""
	if accountID != "" {
		in = " in account " + accountID
	}
	found, err := c.api.ListZonesContext(ctx, cloudflare.WithZoneFilters(name, accountID, ""))
	switch {
	case err != nil:
		return Zone{}, explain(err, fmt.Sprintf("%s: looking up zone %s%s", setting, name, in))
	case len(found.Result) == 0:
		return Zone{}, fmt.Errorf("%s: the token sees no zone named %s%s; check the name, and that cloudflare:apiToken has the rights %s", setting, name, in, rights)
	case len(found.Result) > 1:
		return Zone{}, fmt.Errorf("%s: the token sees several zones named %s; set accountId to the account of the one that is meant", setting, name)
	}
	return zone(found.Result[0]), nil
}

// ZoneByID reads a zone whose identifier is known. The error begins with the
// setting that has it.
func (c *Client) ZoneByID(ctx context.Context, setting, id string) (Zone, error) {
	found, err := c.api.ZoneDetails(ctx, id)
	if err != nil {
		return Zone{}, explain(err, fmt.Sprintf("%s: looking up zone %s", setting, id))
	}
	return zone(found), nil
}

func zone(z cloudflare.Zone) Zone { return Zone{Name: z.Name, ID: z.ID, AccountID: z.Account.ID} }
