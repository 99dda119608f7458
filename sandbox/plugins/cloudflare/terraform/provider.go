// Package terraform is a Terraform provider for the handful of Cloudflare resources that a tunnel
// needs: the tunnel, the DNS record, and look-ups of accounts, zones, records and tunnels.
//
// It imitates version 4.51.0 of Cloudflare's own Terraform provider, which is what version 5.49.1 of
// Pulumi's Cloudflare plugin wraps: the same arguments with the same checks, the same replace rules,
// the same schema versions in the state and, request by request, the same calls through the same
// client library. That includes what is surprising about the original, because programs that work
// here have to work there; each such place has a comment beginning with "As the original".
//
// It differs in what is missing: every other resource, and the upgrade of records that were written
// under an earlier version of their schema.
package terraform

import (
	"regexp"

	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/validation"
)

// Keys of the provider's configuration.
const (
	keyEmail          = "email"
	keyAPIKey         = "api_key"
	keyAPIToken       = "api_token"
	keyUserServiceKey = "api_user_service_key"
	keyRPS            = "rps"
	keyRetries        = "retries"
	keyMinBackoff     = "min_backoff"
	keyMaxBackoff     = "max_backoff"
	keyClientLogging  = "api_client_logging"
	keyHostname       = "api_hostname"
	keyBasePath       = "api_base_path"
	keyOperatorSuffix = "user_agent_operator_suffix"
)

// The form of keys and tokens, and what the original says of those that have another. The newer half
// of the provider checks them too. As the original: neither pattern is anchored, so what is too long
// passes.
const (
	APIKeyRule   = "API key must be 37 characters long and only contain characters 0-9 and a-f (all lowercased)"
	APITokenRule = "API tokens must be 40 characters long and only contain characters a-z, A-Z, 0-9, hyphens and underscores"
)

// APIKeyPattern and APITokenPattern are what the rules above say.
var (
	APIKeyPattern   = regexp.MustCompile(`[0-9a-f]{37}`)
	APITokenPattern = regexp.MustCompile(`[A-Za-z0-9-_]{40}`)
)

// Provider returns the provider, not yet configured.
func Provider() *schema.Provider {
	return &schema.Provider{
		Schema: configSchema(),
		ResourcesMap: map[string]*schema.Resource{
			"cloudflare_record":                        recordResource(),
			"cloudflare_zero_trust_tunnel_cloudflared": tunnelResource(),
		},
		DataSourcesMap: map[string]*schema.Resource{
			"cloudflare_accounts":                      accountsLookup(),
			"cloudflare_record":                        recordLookup(),
			"cloudflare_zero_trust_tunnel_cloudflared": tunnelLookup(),
			"cloudflare_zone":                          zoneLookup(),
			"cloudflare_zones":                         zonesLookup(),
		},
		ConfigureContextFunc: configure,
	}
}

func configSchema() map[string]*schema.Schema {
	text := func(description string) *schema.Schema {
		return &schema.Schema{Type: schema.TypeString, Optional: true, Description: description}
	}
	number := func(description string) *schema.Schema {
		return &schema.Schema{Type: schema.TypeInt, Optional: true, Description: description}
	}

	email := text("E-mail address of the user whom api_key belongs to (CLOUDFLARE_EMAIL).")
	email.ConflictsWith = []string{keyAPIToken}
	email.RequiredWith = []string{keyAPIKey}
	apiKey := text("A user's global API key (CLOUDFLARE_API_KEY). Prefer api_token.")
	apiKey.ValidateFunc = validation.StringMatch(APIKeyPattern, APIKeyRule)
	apiToken := text("API token (CLOUDFLARE_API_TOKEN).")
	apiToken.ValidateFunc = validation.StringMatch(APITokenPattern, APITokenRule)

	return map[string]*schema.Schema{
		keyEmail:          email,
		keyAPIKey:         apiKey,
		keyAPIToken:       apiToken,
		keyUserServiceKey: text("Origin CA service key (CLOUDFLARE_API_USER_SERVICE_KEY)."),
		keyRPS:            number("Most requests to send in a second (CLOUDFLARE_RPS)."),
		keyRetries:        number("How often to repeat a request that failed (CLOUDFLARE_RETRIES)."),
		keyMinBackoff:     number("Seconds to wait before the first repetition (CLOUDFLARE_MIN_BACKOFF)."),
		keyMaxBackoff:     number("Most seconds to wait before a repetition (CLOUDFLARE_MAX_BACKOFF)."),
		keyClientLogging: {
			Type:        schema.TypeBool,
			Optional:    true,
			Description: "Without effect, as in the original (CLOUDFLARE_API_CLIENT_LOGGING).",
		},
		keyHostname:       text("Host, and port if not 443, of the API (CLOUDFLARE_API_HOSTNAME)."),
		keyBasePath:       text("Path under which the API is found (CLOUDFLARE_API_BASE_PATH)."),
		keyOperatorSuffix: text("What ends the User-Agent header, in place of Terraform's version."),
	}
}
