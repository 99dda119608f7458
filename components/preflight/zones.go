package preflight

import (
	"context"
	"fmt"

	"github.com/cloudflare/cloudflare-go"
)

// zone is a zone at Cloudflare.
type zone struct {
	name, id, accountID string
	// warning says why visitors don't reach the zone's names, if they don't.
	warning string
}

// zoneByName finds the zone with this name that the token sees, in one account or,
// if that is empty, in all. Errors begin with the setting that names the zone.
func (c *Client) zoneByName(ctx context.Context, setting, name, accountID string) (zone, error) {
	in := ""
	if accountID != "" {
		in = " in account " + accountID
	}
	found, err := c.api.ListZonesContext(ctx, cloudflare.WithZoneFilters(name, accountID, ""))
	switch {
	case err != nil:
		return zone{}, explain(err, fmt.Sprintf("%s: looking up zone %s%s", setting, name, in))
	case len(found.Result) == 0:
		return zone{}, fmt.Errorf("%s: the token sees no zone named %s%s; check the name, and that the API token has the permissions %s", setting, name, in, permissions)
	case len(found.Result) > 1:
		return zone{}, fmt.Errorf("%s: the token sees several zones named %s; set accountId to the account of the right one", setting, name)
	}
	z := toZone(found.Result[0])
	z.name = name // which the API may spell in another way
	return z, nil
}

// zoneByID reads a zone whose identifier is known. Errors begin with the setting
// that has the identifier.
func (c *Client) zoneByID(ctx context.Context, setting, id string) (zone, error) {
	found, err := c.api.ZoneDetails(ctx, id)
	if err != nil {
		return zone{}, explain(err, fmt.Sprintf("%s: looking up zone %s", setting, id))
	}
	return toZone(found), nil
}

func toZone(z cloudflare.Zone) zone {
	found := zone{name: z.Name, id: z.ID, accountID: z.Account.ID}
	switch {
	case z.Paused:
		found.warning = fmt.Sprintf("zone %s is paused at Cloudflare, so visitors don't get to the tunnel; enable Cloudflare for it in the dashboard", z.Name)
	case z.Status != "" && z.Status != "active":
		found.warning = fmt.Sprintf("zone %s is %s at Cloudflare, not active, so its names lead nowhere yet; set Cloudflare's name servers at the domain's registrar", z.Name, z.Status)
	}
	return found
}
