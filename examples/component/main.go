// Command component is a Pulumi program of one's own: a website in the cluster, and beside it the
// component with the tunnel that leads to it.
package main

import (
	"errors"
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components"
	"k8s-tunnel/components/settings"
)

// siteSettings are the settings of this program. Pulumi.home.yaml has all of them.
type siteSettings struct {
	Host              string `pulumi:"host"`
	Image             string `pulumi:"image"`
	IngressController string `pulumi:"ingressController"`
}

// apiSettings say how to reach Cloudflare.
type apiSettings struct {
	APIToken    string `pulumi:"apiToken" secret:"true"`
	APIHostname string `pulumi:"apiHostname"`
}

func main() {
	pulumi.Run(deploy)
}

func deploy(ctx *pulumi.Context) error {
	var site siteSettings
	api := apiSettings{APIHostname: "api.cloudflare.com"} // unless the settings name another one
	if err := errors.Join(
		settings.NewProjectReader(ctx, ctx.Project()).Read(&site),
		settings.NewReader(ctx, "cloudflare").Read(&api),
	); err != nil {
		return err
	}
	if err := newSite(ctx, "www", site.Host, site.Image); err != nil {
		return fmt.Errorf("declaring the site: %w", err)
	}
	args := &components.CloudflareTunnelArgs{
		API:       &components.APIArgs{APIToken: api.APIToken, APIHostname: api.APIHostname},
		Hostnames: []string{site.Host},
		Origin:    site.IngressController,
	}
	provider, err := cloudflare.NewProvider(ctx, "cloudflare", &cloudflare.ProviderArgs{
		ApiToken:    pulumi.ToSecret(pulumi.String(api.APIToken)).(pulumi.StringOutput),
		ApiHostname: pulumi.String(api.APIHostname),
		Rps:         pulumi.Int(args.CallsPerSecond()),
	})
	if err != nil {
		return fmt.Errorf("creating the Cloudflare provider: %w", err)
	}
	tunnel, err := components.NewCloudflareTunnel(ctx, "tunnel", args, pulumi.Providers(provider))
	if err != nil {
		return err
	}
	ctx.Export("url", pulumi.Sprintf("https://%s", tunnel.Hostnames.Index(pulumi.Int(0))))
	if tunnel.Deleted != nil && !ctx.DryRun() { // a preview that fails would keep the update from running
		return fmt.Errorf("the stack has now forgotten tunnel %s; run pulumi up again to create a new one", tunnel.Deleted)
	}
	return nil
}
