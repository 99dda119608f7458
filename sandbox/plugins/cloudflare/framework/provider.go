// Package framework is the other half of Cloudflare's Terraform provider: the original is two
// providers in one, the older made with Terraform's SDK (package terraform) and the newer with its
// plugin framework. Pulumi asks both whether a configuration is right and reports what either says.
//
// No resource that is needed here is served by the newer half. It exists so that a wrong
// configuration gets the same answers as from the original, in the same number.
package framework

import (
	"context"
	"fmt"
	"math"
	"os"
	"strconv"

	"github.com/hashicorp/terraform-plugin-framework-validators/stringvalidator"
	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/provider/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"k8s-tunnel/sandbox/plugins/cloudflare/terraform"
)

// half is the provider. It has no state: there is nothing to configure.
type half struct{}

var _ provider.Provider = half{}

// Provider returns the newer half.
func Provider() provider.Provider {
	return half{}
}

// Metadata names the provider.
func (half) Metadata(_ context.Context, _ provider.MetadataRequest, response *provider.MetadataResponse) {
	response.TypeName = "cloudflare"
}

// Schema is the older half's, with what this half checks.
func (half) Schema(_ context.Context, _ provider.SchemaRequest, response *provider.SchemaResponse) {
	response.Schema = schema.Schema{Attributes: map[string]schema.Attribute{
		"email": schema.StringAttribute{Optional: true},
		"api_key": schema.StringAttribute{Optional: true, Validators: []validator.String{
			stringvalidator.RegexMatches(terraform.APIKeyPattern, terraform.APIKeyRule),
			stringvalidator.AlsoRequires(path.MatchRoot("email")),
		}},
		"api_token": schema.StringAttribute{Optional: true, Validators: []validator.String{
			stringvalidator.RegexMatches(terraform.APITokenPattern, terraform.APITokenRule),
		}},
		"api_user_service_key":       schema.StringAttribute{Optional: true},
		"rps":                        schema.Int64Attribute{Optional: true},
		"retries":                    schema.Int64Attribute{Optional: true},
		"min_backoff":                schema.Int64Attribute{Optional: true},
		"max_backoff":                schema.Int64Attribute{Optional: true},
		"api_client_logging":         schema.BoolAttribute{Optional: true},
		"api_hostname":               schema.StringAttribute{Optional: true},
		"api_base_path":              schema.StringAttribute{Optional: true},
		"user_agent_operator_suffix": schema.StringAttribute{Optional: true},
	}}
}

// settings are the ones that Configure looks at.
type settings struct {
	Email                   types.String `tfsdk:"email"`
	APIKey                  types.String `tfsdk:"api_key"`
	APIToken                types.String `tfsdk:"api_token"`
	APIUserServiceKey       types.String `tfsdk:"api_user_service_key"`
	RPS                     types.Int64  `tfsdk:"rps"`
	Retries                 types.Int64  `tfsdk:"retries"`
	MinBackoff              types.Int64  `tfsdk:"min_backoff"`
	MaxBackoff              types.Int64  `tfsdk:"max_backoff"`
	APIClientLogging        types.Bool   `tfsdk:"api_client_logging"`
	APIHostname             types.String `tfsdk:"api_hostname"`
	APIBasePath             types.String `tfsdk:"api_base_path"`
	UserAgentOperatorSuffix types.String `tfsdk:"user_agent_operator_suffix"`
}

// Configure checks what only shows when everything is known.
func (half) Configure(
	ctx context.Context, request provider.ConfigureRequest, response *provider.ConfigureResponse,
) {
	var given settings
	response.Diagnostics.Append(request.Config.Get(ctx, &given)...)
	if response.Diagnostics.HasError() {
		return
	}
	if err := given.check(); err != nil {
		response.Diagnostics.AddError(err.Error(), err.Error())
	}
}

// Resources is empty.
func (half) Resources(context.Context) []func() resource.Resource { return nil }

// DataSources is empty.
func (half) DataSources(context.Context) []func() datasource.DataSource { return nil }

func (s settings) check() error {
	for _, limited := range []struct {
		key, variable string
		value         types.Int64
	}{
		{"retries", "CLOUDFLARE_RETRIES", s.Retries},
		// As the original: a minimum is only looked at for being there, the maximum counts as both.
		{"min_backoff", "CLOUDFLARE_MIN_BACKOFF", s.MaxBackoff},
		{"max_backoff", "CLOUDFLARE_MAX_BACKOFF", s.MaxBackoff},
	} {
		if value := number(limited.value, limited.variable); value >= math.MaxInt32 {
			return fmt.Errorf("%s value of %d is too large, try a smaller value.", //nolint:staticcheck // the original's full stop
				limited.key, value)
		}
	}

	key := text(s.APIKey, "CLOUDFLARE_API_KEY")
	if key != "" && text(s.Email, "CLOUDFLARE_EMAIL") == "" {
		return fmt.Errorf("%q is not set correctly", "email")
	}
	token := text(s.APIToken, "CLOUDFLARE_API_TOKEN")
	service := text(s.APIUserServiceKey, "CLOUDFLARE_API_USER_SERVICE_KEY")
	if key == "" && token == "" && service == "" {
		return fmt.Errorf("must provide one of %q, %q or %q.", //nolint:staticcheck // the original's full stop
			"api_key", "api_token", "api_user_service_key")
	}
	return nil
}

// text returns what is configured, else what the environment says.
func text(value types.String, variable string) string {
	if value.IsNull() {
		return os.Getenv(variable)
	}
	return value.ValueString()
}

// number returns what is configured, else what the environment says, else zero.
func number(value types.Int64, variable string) int64 {
	if !value.IsNull() {
		return value.ValueInt64()
	}
	parsed, err := strconv.ParseInt(os.Getenv(variable), 10, 64)
	if err != nil {
		return 0
	}
	return parsed
}
