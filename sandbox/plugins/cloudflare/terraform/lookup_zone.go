package terraform

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloudflare/cloudflare-go"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// zoneLookup finds the one zone of a name or an ID.
func zoneLookup() *schema.Resource {
	given := []string{"zone_id", "name"}
	computed := func(kind schema.ValueType, description string) *schema.Schema {
		return &schema.Schema{Type: kind, Computed: true, Description: description}
	}
	servers := func(description string) *schema.Schema {
		list := computed(schema.TypeList, description)
		list.Elem = &schema.Schema{Type: schema.TypeString}
		return list
	}
	return &schema.Resource{
		Description: "One zone, by its name or ID.",
		ReadContext: lookUpZone,
		Schema: map[string]*schema.Schema{
			"zone_id": {
				Type: schema.TypeString, Optional: true, Computed: true, ExactlyOneOf: given,
				Description: "ID of the zone.",
			},
			"account_id": {
				Type: schema.TypeString, Optional: true, Computed: true,
				Description: "Account that the zone belongs to.",
			},
			"name": {
				Type: schema.TypeString, Optional: true, Computed: true, ExactlyOneOf: given,
				Description: "Name of the zone.",
			},
			"status":              computed(schema.TypeString, "Status of the zone, such as active."),
			"paused":              computed(schema.TypeBool, "Whether Cloudflare only answers for the zone and proxies nothing."),
			"plan":                computed(schema.TypeString, "Name of the zone's plan."),
			"name_servers":        servers("Name servers that Cloudflare gave the zone."),
			"vanity_name_servers": servers("Name servers of the zone's own, if any."),
		},
	}
}

func lookUpZone(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	found, err := findZone(ctx, d, meta.(*cloudflare.API))
	if err != nil {
		return diag.FromErr(err)
	}
	d.SetId(found.ID)
	return diag.FromErr(set(d, map[string]any{
		"zone_id":             found.ID,
		"account_id":          found.Account.ID,
		"name":                found.Name,
		"status":              found.Status,
		"paused":              found.Paused,
		"plan":                found.Plan.Name,
		"name_servers":        found.NameServers,
		"vanity_name_servers": found.VanityNS,
	}))
}

// findZone lists the zones of a name, or gets the zone of an ID. As the original: how many zones
// there are is read from the answer's result_info, not from the list.
func findZone(ctx context.Context, d *schema.ResourceData, client *cloudflare.API) (cloudflare.Zone, error) {
	id, name := d.Get("zone_id").(string), d.Get("name").(string)
	if name == "" || id != "" {
		found, err := client.ZoneDetails(ctx, id)
		if err != nil {
			return cloudflare.Zone{}, fmt.Errorf("error getting zone details: %w", err)
		}
		return found, nil
	}

	list, err := client.ListZonesContext(ctx, cloudflare.WithZoneFilters(name, d.Get("account_id").(string), ""))
	switch {
	case err != nil:
		return cloudflare.Zone{}, fmt.Errorf("error listing zones: %w", err)
	case list.Total > 1:
		return cloudflare.Zone{}, errors.New("more than one zone was returned; give an `account_id`, " +
			"or list them with the `cloudflare_zones` data source")
	case list.Total == 0 || len(list.Result) == 0:
		return cloudflare.Zone{}, errors.New("no zone found")
	}
	return list.Result[0], nil
}
