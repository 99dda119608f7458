package terraform

import (
	"context"
	"fmt"
	"regexp"

	"github.com/cloudflare/cloudflare-go"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/validation"
)

// zonesLookup lists the zones that pass a filter. Unlike zoneLookup it takes none or several.
func zonesLookup() *schema.Resource {
	text := func(description string) *schema.Schema {
		return &schema.Schema{Type: schema.TypeString, Optional: true, Description: description}
	}
	kinds := text("How name is meant: exact or contains.")
	kinds.Default = "exact"
	kinds.ValidateFunc = validation.StringInSlice([]string{"contains", "exact"}, false)

	return &schema.Resource{
		Description: "Zones that pass a filter.",
		ReadContext: lookUpZones,
		Schema: map[string]*schema.Schema{
			"filter": {
				Type: schema.TypeList, Required: true, MaxItems: 1,
				Description: "What a zone has to be to be listed.",
				Elem: &schema.Resource{Schema: map[string]*schema.Schema{
					"account_id":  text("Account that the zone belongs to."),
					"name":        text("Name, or part of it, that the API looks for."),
					"match":       text("Regular expression that the name must match."),
					"lookup_type": kinds,
					"status":      text("Status of the zone, such as active."),
					"paused": {
						Type: schema.TypeBool, Optional: true, Default: false,
						Description: "Whether the zone is paused.",
					},
				}},
			},
			"zones": {
				Type: schema.TypeList, Computed: true,
				Description: "Zones that were found.",
				Elem: &schema.Resource{Schema: map[string]*schema.Schema{
					"id":   text("ID of the zone."),
					"name": text("Name of the zone."),
				}},
			},
		},
	}
}

func lookUpZones(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	filter, _ := d.Get("filter").([]any)[0].(map[string]any)
	said := func(key string) string {
		text, _ := filter[key].(string)
		return text
	}
	pattern, err := regexp.Compile(said("match"))
	if err != nil {
		return diag.FromErr(err)
	}
	name := said("name")
	if said("lookup_type") == "contains" {
		name = "contains:" + name
	}

	client := meta.(*cloudflare.API)
	list, err := client.ListZonesContext(ctx, cloudflare.WithZoneFilters(name, said("account_id"), said("status")))
	if err != nil {
		return diag.FromErr(fmt.Errorf("error listing Zone: %w", err))
	}

	paused, _ := filter["paused"].(bool)
	zones, ids := []any{}, []string{}
	for _, found := range list.Result {
		if found.Paused == paused && pattern.MatchString(found.Name) {
			zones = append(zones, map[string]any{"id": found.ID, "name": found.Name})
			ids = append(ids, found.ID)
		}
	}
	d.SetId(checksum(ids))
	return diag.FromErr(set(d, map[string]any{"zones": zones}))
}
