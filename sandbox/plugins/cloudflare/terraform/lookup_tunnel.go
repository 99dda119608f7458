package terraform

import (
	"context"
	"fmt"

	"github.com/cloudflare/cloudflare-go"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// tunnelLookup finds a tunnel by its name.
func tunnelLookup() *schema.Resource {
	computed := func(kind schema.ValueType, description string) *schema.Schema {
		return &schema.Schema{Type: kind, Computed: true, Description: description}
	}
	return &schema.Resource{
		Description: "A tunnel, by its name.",
		ReadContext: lookUpTunnel,
		Schema: map[string]*schema.Schema{
			"account_id": {
				Type: schema.TypeString, Required: true, ForceNew: true,
				Description: "Account that the tunnel belongs to.",
			},
			"name": {
				Type: schema.TypeString, Required: true, ForceNew: true,
				Description: "Name of the tunnel.",
			},
			"is_deleted": {
				Type: schema.TypeBool, Optional: true, ForceNew: true,
				Description: "Look among deleted tunnels only (true), live ones only (false), or all (unset).",
			},
			"id":            computed(schema.TypeString, "ID of the tunnel."),
			"status":        computed(schema.TypeString, "inactive, degraded, healthy or down."),
			"tunnel_type":   computed(schema.TypeString, "cfd_tunnel or warp_connector."),
			"remote_config": computed(schema.TypeBool, "Whether Cloudflare, not the connector's file, configures it."),
		},
	}
}

// lookUpTunnel takes the first of the tunnels that the API lists. As the original: without
// is_deleted that may be one that was deleted, under a name that is free.
func lookUpTunnel(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	client := meta.(*cloudflare.API)
	params := cloudflare.TunnelListParams{Name: d.Get("name").(string)}
	if deleted, ok := said(d, "is_deleted"); ok {
		params.IsDeleted = new(deleted.(bool))
	}
	list, _, err := client.ListTunnels(ctx, account(d), params)
	if err != nil {
		return diag.FromErr(fmt.Errorf("failed to fetch Tunnel: %w", err))
	}
	if len(list) == 0 {
		return diag.Errorf("No tunnels with name: %s", params.Name)
	}

	found := list[0]
	d.SetId(found.ID)
	return diag.FromErr(set(d, map[string]any{
		"id":            found.ID,
		"status":        found.Status,
		"is_deleted":    found.DeletedAt != nil,
		"tunnel_type":   found.TunnelType,
		"remote_config": found.RemoteConfig,
	}))
}
