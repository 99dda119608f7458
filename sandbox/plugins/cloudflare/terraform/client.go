package terraform

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/cloudflare/cloudflare-go"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/logging"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// Defaults of the original where neither a setting nor the environment says anything. Pulumi's
// plugin sets its own before these are reached, three retries among them.
const (
	defaultHostname   = "api.cloudflare.com"
	defaultBasePath   = "/client/v4"
	defaultRPS        = 4
	defaultRetries    = 4
	defaultMinBackoff = 1
	defaultMaxBackoff = 30
)

// userAgent is how the original introduces itself inside Pulumi's plugin: without a version of its
// own, as it was compiled in, and without one of Terraform, as there is none.
const (
	userAgent        = "terraform-provider-cloudflare/ terraform-plugin-sdk/2.35.0"
	userAgentVersion = " terraform/"
)

// errNoCredentials is the answer to a configuration without any.
var errNoCredentials = fmt.Errorf("must provide exactly one of %q, %q or %q.", //nolint:staticcheck // the original's full stop
	keyAPIKey, keyAPIToken, keyUserServiceKey)

// configure makes the client that resources get as their meta argument.
func configure(_ context.Context, d *schema.ResourceData) (any, diag.Diagnostics) {
	options, err := clientOptions(d)
	if err != nil {
		return nil, diag.FromErr(err)
	}
	client, err := newClient(d, options)
	if err != nil {
		return nil, diag.FromErr(err)
	}
	return client, nil
}

func clientOptions(d *schema.ResourceData) ([]cloudflare.Option, error) {
	host := setting(d, keyHostname, "CLOUDFLARE_API_HOSTNAME", defaultHostname)
	path := setting(d, keyBasePath, "CLOUDFLARE_API_BASE_PATH", defaultBasePath)

	rps := numberSetting(d, keyRPS, "CLOUDFLARE_RPS", defaultRPS)
	retries := numberSetting(d, keyRetries, "CLOUDFLARE_RETRIES", defaultRetries)
	minBackoff := numberSetting(d, keyMinBackoff, "CLOUDFLARE_MIN_BACKOFF", defaultMinBackoff)
	maxBackoff := numberSetting(d, keyMaxBackoff, "CLOUDFLARE_MAX_BACKOFF", defaultMaxBackoff)
	for _, limited := range []struct {
		key   string
		value int
	}{{keyRetries, retries}, {keyMinBackoff, minBackoff}, {keyMaxBackoff, maxBackoff}} {
		if limited.value >= math.MaxInt32 {
			return nil, fmt.Errorf("%s value of %d is too large, try a smaller value.", //nolint:staticcheck // the original's full stop
				limited.key, limited.value)
		}
	}

	agent := userAgent + userAgentVersion
	if suffix, ok := d.GetOk(keyOperatorSuffix); ok {
		agent = userAgent + " " + suffix.(string)
	}
	return []cloudflare.Option{
		cloudflare.BaseURL("https://" + host + path),
		cloudflare.UsingRateLimit(float64(rps)),
		cloudflare.UsingRetryPolicy(retries, minBackoff, maxBackoff),
		cloudflare.Debug(logging.IsDebugOrHigher()),
		cloudflare.UserAgent(agent),
	}, nil
}

// newClient picks the credentials. A service key goes before a token, and a token before a key.
func newClient(d *schema.ResourceData, options []cloudflare.Option) (*cloudflare.API, error) {
	serviceKey := setting(d, keyUserServiceKey, "CLOUDFLARE_API_USER_SERVICE_KEY", "")
	token := setting(d, keyAPIToken, "CLOUDFLARE_API_TOKEN", "")
	key := setting(d, keyAPIKey, "CLOUDFLARE_API_KEY", "")
	email := setting(d, keyEmail, "CLOUDFLARE_EMAIL", "")
	if key != "" && email == "" {
		return nil, fmt.Errorf("%q is not set correctly", keyEmail)
	}

	var client *cloudflare.API
	var err error
	switch {
	case serviceKey != "":
		client, err = cloudflare.NewWithUserServiceKey(serviceKey, options...)
	case token != "":
		client, err = cloudflare.NewWithAPIToken(token, options...)
	case key != "":
		client, err = cloudflare.New(key, email, options...)
	default:
		return nil, errNoCredentials
	}
	if err != nil {
		return nil, fmt.Errorf("error creating new Cloudflare client: %w", err)
	}
	return client, nil
}

// setting returns what is configured, else what the environment says, else the fallback. As the
// original: a variable that is set but empty counts as said.
func setting(d *schema.ResourceData, key, variable, fallback string) string {
	if value, ok := d.GetOk(key); ok {
		return value.(string)
	}
	if value, ok := os.LookupEnv(variable); ok {
		return value
	}
	return fallback
}

// numberSetting is setting for numbers. As the original: zero counts as not configured, and what is
// no number in the environment counts as zero.
func numberSetting(d *schema.ResourceData, key, variable string, fallback int) int {
	if value, ok := d.GetOk(key); ok {
		return value.(int)
	}
	text, ok := os.LookupEnv(variable)
	if !ok {
		return fallback
	}
	value, err := strconv.Atoi(text)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0
	}
	return value
}
