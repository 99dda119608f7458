// Package terraform is a Terraform provider for the two Cloudflare resources that a tunnel needs: the
// tunnel itself and the DNS record.
//
// It imitates version 4.51.0 of Cloudflare's own Terraform provider, which is what version 5.49.1 of
// Pulumi's Cloudflare plugin wraps: the same arguments with the same checks, the same replace rules,
// the same schema versions in the state and, request by request, the same calls through the same
// client library. That includes what is surprising about the original, because programs that work
// here have to work there; each such place has a comment beginning with "As the original".
//
// It differs in what is missing: every other resource, all data sources, the upgrade of records that
// were written under an earlier version of their schema, and the original's second provider. The
// original is two in one, the other made with Terraform's plugin framework; none of the resources here
// belong to it, and what it checks of the provider's configuration is checked here as well. So a wrong
// configuration is refused, but once instead of twice.
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

// The form of keys and tokens, and what the original says of those that have another. As the original:
// neither pattern is anchored, so what is too long passes.
const (
	apiKeyRule   = "API key must be 37 characters long and only contain characters 0-9 and a-f (all lowercased)"
	apiTokenRule = "API tokens must be 40 characters long and only contain characters a-z, A-Z, 0-9, hyphens and underscores"
)

var (
	apiKeyPattern   = regexp.MustCompile(`[0-9a-f]{37}`)
	apiTokenPattern = regexp.MustCompile(`[A-Za-z0-9-_]{40}`)
)

// Provider returns the provider, not yet configured.
func Provider() *schema.Provider {
	return &schema.Provider{
		Schema: configSchema(),
		ResourcesMap: map[string]*schema.Resource{
			"cloudflare_record":                        recordResource(),
			"cloudflare_zero_trust_tunnel_cloudflared": tunnelResource(),
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
	apiKey.ValidateFunc = validation.StringMatch(apiKeyPattern, apiKeyRule)
	apiToken := text("API token (CLOUDFLARE_API_TOKEN).")
	apiToken.ValidateFunc = validation.StringMatch(apiTokenPattern, apiTokenRule)

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
