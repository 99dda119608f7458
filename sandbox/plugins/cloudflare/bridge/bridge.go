// Package bridge maps the Terraform provider to the tokens and rules of Pulumi's Cloudflare SDK 5.49.1.
//
// It says what the official plugin says about the same resources: defaults of the provider's
// configuration, which of it is secret, and that a record is deleted before it is replaced. It
// differs in having no history of renames to keep, as the resources here never had other tokens, and
// in that it adds no defaults to the state of a provider: SDKs do so for explicit ones, and for a
// default provider they apply without being written down.
package bridge

import (
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/info"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge/tokens"
	shimv2 "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfshim/sdk-v2"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"

	"k8s-tunnel/sandbox/plugins/cloudflare/terraform"
)

// Name and Version are what the plugin's folder and the SDK in a program's go.mod call it. The engine
// refuses a plugin that reports another version than its folder's name promises.
const (
	Name    = "cloudflare"
	Version = "5.49.1"
)

// Provider returns the provider, mapped.
func Provider() tfbridge.ProviderInfo {
	mapped := tfbridge.ProviderInfo{
		P:           shimv2.NewProvider(terraform.Provider()),
		Name:        Name,
		DisplayName: "Cloudflare",
		Description: "The Cloudflare resources that a tunnel needs.",
		Version:     Version,
		Config:      config(),
		Resources: map[string]*tfbridge.ResourceInfo{
			// A new record of the same name would conflict with the old one.
			"cloudflare_record": {DeleteBeforeReplace: true},
		},
		SchemaPostProcessor:            withoutAdditions,
		EnableZeroDefaultSchemaVersion: true,
	}
	mapped.MustComputeTokens(tokens.SingleModule("cloudflare_", "index", tokens.MakeStandard(Name)))
	return mapped
}

// config adds defaults and secrecy to the provider's configuration. The defaults come before those of
// the Terraform provider, which has others.
func config() map[string]*info.Schema {
	fallback := func(value any, variable string) *info.Schema {
		return &info.Schema{Default: &info.Default{Value: value, EnvVars: []string{variable}}}
	}
	secret := func() *info.Schema { return &info.Schema{Secret: tfbridge.True()} }
	return map[string]*info.Schema{
		"rps":                  fallback(4, "CLOUDFLARE_RPS"),
		"retries":              fallback(3, "CLOUDFLARE_RETRIES"),
		"min_backoff":          fallback(1, "CLOUDFLARE_MIN_BACKOFF"),
		"max_backoff":          fallback(30, "CLOUDFLARE_MAX_BACKOFF"),
		"api_client_logging":   fallback(false, "CLOUDFLARE_API_CLIENT_LOGGING"),
		"api_token":            secret(),
		"api_key":              secret(),
		"api_user_service_key": secret(),
	}
}

// withoutAdditions takes out of the schema what only bridges newer than the official plugin's put in.
func withoutAdditions(spec *schema.PackageSpec) {
	for _, token := range spec.Provider.Methods {
		delete(spec.Functions, token)
	}
	spec.Provider.Methods = nil
}
