package terraform

import (
	"context"
	"fmt"
	"strings"

	"github.com/cloudflare/cloudflare-go"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/validation"
)

// tunnelDomain is where Cloudflare publishes tunnels; <tunnel ID>.<tunnelDomain> is what a CNAME
// points at.
const tunnelDomain = "cfargotunnel.com"

// tunnelResource is a tunnel with its credentials. As the original: it can't be updated, any change
// replaces it.
func tunnelResource() *schema.Resource {
	return &schema.Resource{
		Description:   "A Cloudflare Tunnel, which connectors (cloudflared) connect to from the inside of a network.",
		CreateContext: createTunnel,
		ReadContext:   readTunnel,
		DeleteContext: deleteTunnel,
		Importer:      &schema.ResourceImporter{StateContext: importTunnel},
		Schema: map[string]*schema.Schema{
			"account_id": {
				Type: schema.TypeString, Required: true, ForceNew: true,
				Description: "Account that the tunnel belongs to.",
			},
			"name": {
				Type: schema.TypeString, Required: true, ForceNew: true,
				Description: "Name, unique among the account's live tunnels.",
			},
			"secret": {
				Type: schema.TypeString, Required: true, ForceNew: true, Sensitive: true,
				Description: "Base64 of at least 32 random bytes, which a connector must know to serve the tunnel.",
			},
			"config_src": {
				Type: schema.TypeString, Optional: true, ForceNew: true,
				ValidateFunc: validation.StringInSlice([]string{"local", "cloudflare"}, false),
				Description:  "Who configures the tunnel: local (the connector's file) or cloudflare (the dashboard or API).",
			},
			"cname": {
				Type: schema.TypeString, Computed: true,
				Description: "Name for CNAME records to point at.",
			},
			"tunnel_token": {
				Type: schema.TypeString, Computed: true, Sensitive: true,
				Description: "Token with which a connector can serve the tunnel.",
			},
		},
	}
}

func createTunnel(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	client := meta.(*cloudflare.API)
	tunnel, err := client.CreateTunnel(ctx, account(d), cloudflare.TunnelCreateParams{
		Name:      d.Get("name").(string),
		Secret:    d.Get("secret").(string),
		ConfigSrc: d.Get("config_src").(string),
	})
	if err != nil {
		return diag.FromErr(fmt.Errorf("failed to create Argo Tunnel: %w", err))
	}
	d.SetId(tunnel.ID)
	return readTunnel(ctx, d, meta)
}

// readTunnel refreshes the state. As the original: a tunnel that is marked as deleted, or not found,
// isn't taken out of the state; without the token neither cname nor config_src is set; and
// config_src is only compared where the program says it.
func readTunnel(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	client := meta.(*cloudflare.API)
	tunnel, err := client.GetTunnel(ctx, account(d), d.Id())
	if err != nil {
		return diag.FromErr(fmt.Errorf("failed to fetch Argo Tunnel: %w", err))
	}
	token, err := client.GetTunnelToken(ctx, account(d), tunnel.ID)
	if err != nil {
		return diag.FromErr(d.Set("tunnel_token", ""))
	}

	values := map[string]any{
		"cname":        tunnel.ID + "." + tunnelDomain,
		"tunnel_token": token,
	}
	if d.Get("config_src").(string) != "" {
		values["config_src"] = "local"
		if tunnel.RemoteConfig {
			values["config_src"] = "cloudflare"
		}
	}
	return diag.FromErr(set(d, values))
}

// deleteTunnel drops the connectors first, because a tunnel with live connections can't be deleted.
func deleteTunnel(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	client := meta.(*cloudflare.API)
	if err := client.CleanupTunnelConnections(ctx, account(d), d.Id()); err != nil {
		return diag.FromErr(fmt.Errorf("failed to clean up Argo Tunnel connections: %w", err))
	}
	if err := client.DeleteTunnel(ctx, account(d), d.Id()); err != nil {
		return diag.FromErr(fmt.Errorf("failed to delete Argo Tunnel: %w", err))
	}
	d.SetId("")
	return nil
}

// importTunnel takes <account ID>/<tunnel ID>. The API doesn't give the secret away, so it is
// missing from the state afterwards and a program that says it plans a replacement.
func importTunnel(ctx context.Context, d *schema.ResourceData, meta any) ([]*schema.ResourceData, error) {
	accountID, tunnelID, ok := strings.Cut(d.Id(), "/")
	if !ok || strings.Contains(tunnelID, "/") {
		return nil, fmt.Errorf(`invalid id ("%s") specified, should be in format "accountID/argoTunnelUUID"`, d.Id())
	}
	client := meta.(*cloudflare.API)
	tunnel, err := client.GetTunnel(ctx, cloudflare.AccountIdentifier(accountID), tunnelID)
	if err != nil {
		return nil, fmt.Errorf("failed to fetch Argo Tunnel %s: %w", tunnelID, err)
	}

	d.SetId(tunnel.ID)
	if err := set(d, map[string]any{"account_id": accountID, "name": tunnel.Name}); err != nil {
		return nil, err
	}
	// As the original: the engine reads the tunnel once more in any case, and reports the error then.
	_ = readTunnel(ctx, d, meta)
	return []*schema.ResourceData{d}, nil
}

// account is the account that a tunnel's API path begins with.
func account(d *schema.ResourceData) *cloudflare.ResourceContainer {
	return cloudflare.AccountIdentifier(d.Get("account_id").(string))
}

// set puts several values into the state.
func set(d *schema.ResourceData, values map[string]any) error {
	for key, value := range values {
		if err := d.Set(key, value); err != nil {
			return fmt.Errorf("setting %s: %w", key, err)
		}
	}
	return nil
}
