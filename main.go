// Command k8s-tunnel is the Pulumi program: it reads the stack's settings,
// creates the providers, and declares a CloudflareTunnel.
package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components"
	"k8s-tunnel/components/preflight"
	"k8s-tunnel/components/settings"
	"k8s-tunnel/components/surroundings"
)

// componentName begins the name of every resource in the state, so it never
// changes.
const componentName = "edge"

func main() {
	pulumi.Run(program)
}

func program(ctx *pulumi.Context) error {
	stack, err := readSettings(ctx)
	if err != nil {
		return fmt.Errorf("the settings of stack %s are invalid:\n%w", ctx.Stack(), err)
	}
	args := stack.arguments(ctx)
	if err := args.Check(ctx, componentName); errors.Is(err, components.ErrTokenRefused) {
		return fmt.Errorf("cloudflare:apiToken: %w", err)
	} else if err != nil {
		return err
	}
	for _, warning := range append(stack.shell.Warnings(), stack.ignored...) {
		if err := ctx.Log.Warn(warning, nil); err != nil {
			return fmt.Errorf("logging a warning: %w", err)
		}
	}
	providers, err := stack.providers(ctx, args.CallsPerSecond())
	if err != nil {
		return err
	}
	tunnel, err := components.NewCloudflareTunnel(ctx, componentName, args, providers, pulumi.Protect(stack.Protect))
	if err != nil {
		return err
	}
	ctx.Export("tunnelId", tunnel.TunnelID)
	ctx.Export("tunnelCname", tunnel.TunnelCNAME)
	ctx.Export("hostnames", tunnel.Hostnames)
	ctx.Export("namespace", tunnel.Namespace)
	ctx.Export("deployment", tunnel.Deployment)
	if tunnel.Deleted != nil {
		return reportDeleted(ctx, tunnel.Deleted)
	}
	return nil
}

// stackSettings are the program's own settings: the component's arguments, and
// what only the program needs. The reference in README.md and the settings in
// Pulumi.yaml are generated from the fields and their comments.
type stackSettings struct {
	components.CloudflareTunnelArgs

	// ZoneID is the identifier of the zone of all names that lie in it. When unset,
	// the zone of each name is looked up, among those that the token sees.
	ZoneID string `pulumi:"zoneId"`
	// AccountID is the identifier of the account that owns the tunnel and the zones.
	// The account of the first name's zone when unset.
	AccountID string `pulumi:"accountId"`
	// TunnelName begins the tunnel's name in Cloudflare's dashboard. The label of
	// the rotation and a random suffix follow. Lower-case letters, digits and
	// inner hyphens, at most 40 characters. Defaults to the project's and the
	// stack's name.
	TunnelName string `pulumi:"tunnelName"`
	// Protect refuses to destroy the stack. To destroy it, set this to false and
	// run pulumi up first. Defaults to false.
	Protect bool `pulumi:"protect"`

	cloudflare cloudflareSettings
	kubernetes kubernetesSettings

	api   components.APIArgs // with what the shell says about the API
	shell surroundings.Environment
	// ignored are warnings about settings of older versions.
	ignored []string
}

// cloudflareSettings are settings of the Cloudflare provider.
type cloudflareSettings struct {
	APIToken    string `pulumi:"apiToken" secret:"true"`
	APIHostname string `pulumi:"apiHostname"`
	APIBasePath string `pulumi:"apiBasePath"`
	RPS         int    `pulumi:"rps"`
	Retries     int    `pulumi:"retries"`
}

// kubernetesSettings are settings of the Kubernetes provider.
type kubernetesSettings struct {
	Kubeconfig string `pulumi:"kubeconfig" secret:"true"`
	Context    string `pulumi:"context"`
}

// readSettings reads the settings and checks everything that can be checked
// offline. It reports all problems at once, each with its setting or variable.
func readSettings(ctx *pulumi.Context) (*stackSettings, error) {
	s := &stackSettings{shell: os.LookupEnv}
	own := settings.NewProjectReader(ctx, ctx.Project())
	cf, k8s, rnd := settings.NewReader(ctx, "cloudflare"), settings.NewReader(ctx, "kubernetes"), settings.NewReader(ctx, "random")
	if own.Ignored("zones") {
		s.ignored = append(s.ignored, "zones: has no effect any more, because zones are found by the names in them; remove it: pulumi config rm zones")
	}
	problems := errors.Join(own.Read(s), cf.Read(&s.cloudflare), k8s.Read(&s.kubernetes),
		settings.Unknown(os.Getenv(pulumi.EnvConfig), own, cf, k8s, rnd))
	var err error
	s.api = components.APIArgs(s.cloudflare)
	s.api.APIHostname, s.api.APIBasePath, err = s.shell.API(s.cloudflare.APIHostname, s.cloudflare.APIBasePath)
	autonaming, _ := ctx.GetConfig(surroundings.AutonamingKey)
	return s, errors.Join(problems, s.cloudflare.checkToken(ctx), s.arguments(ctx).Validate(), err,
		s.shell.Problems(), surroundings.Autonaming(autonaming, "cloudflare", "kubernetes", "pulumi", "random"))
}

// checkToken demands that Cloudflare's API token is a secret of the stack.
func (s *cloudflareSettings) checkToken(ctx *pulumi.Context) error {
	const key = "cloudflare:apiToken"
	const remedy = "run: pulumi config set --secret " + key
	switch {
	case s.APIToken == "":
		return fmt.Errorf("%s: not set; create a token with the permissions in README.md, and %s", key, remedy)
	case !ctx.IsConfigSecret(key):
		return fmt.Errorf("%s: stored in plain text; if the file was ever shared, revoke the token, and %s", key, remedy)
	}
	return nil
}

// arguments returns the component's arguments.
func (s *stackSettings) arguments(ctx *pulumi.Context) *components.CloudflareTunnelArgs {
	args := s.CloudflareTunnelArgs
	args.API = &s.api
	args.TunnelName = cmp.Or(s.TunnelName, defaultTunnelName(ctx))
	args.ZoneID, args.AccountID = optional(s.ZoneID, toInput), optional(s.AccountID, toInput)
	return &args
}

func toInput(value string) pulumi.StringInput { return pulumi.String(value) }

// defaultTunnelName tells the stacks of an account and of a cluster apart.
func defaultTunnelName(ctx *pulumi.Context) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(ctx.Project()+"-"+ctx.Stack()))
	return strings.Trim(name[:min(len(name), 40)], "-")
}

// reportDeleted ends an update that has removed a tunnel from the state because it
// was deleted outside of the stack. Only the next update can create a new one.
func reportDeleted(ctx *pulumi.Context, tunnel *components.DeletedTunnel) error {
	deleted := fmt.Sprintf("tunnel %s was deleted outside of this stack", tunnel)
	if ctx.DryRun() {
		return ctx.Log.Warn(deleted+"; this update forgets it, and the next one creates a new tunnel", nil)
	}
	return fmt.Errorf("%s, which has now forgotten it; run pulumi up again to create a new tunnel", deleted)
}

// providers creates all providers from the stack's settings.
//
// The SDKs fill in options from variables of the shell, and record them in the state,
// where the next shell would change them again. So all of those have values here. Two
// things are left to the environment of each run where they are unset, and not
// recorded: the API's host and base path, and which is the usual kubeconfig.
func (s *stackSettings) providers(ctx *pulumi.Context, callsPerSecond int) (pulumi.ResourceOption, error) {
	cf, err := cloudflare.NewProvider(ctx, "cloudflare", &cloudflare.ProviderArgs{
		ApiToken:         pulumi.ToSecret(pulumi.String(s.cloudflare.APIToken)).(pulumi.StringOutput),
		ApiHostname:      optional(s.cloudflare.APIHostname, pulumi.StringPtr),
		ApiBasePath:      optional(s.cloudflare.APIBasePath, pulumi.StringPtr),
		Rps:              pulumi.Int(callsPerSecond),
		Retries:          pulumi.Int(cmp.Or(s.cloudflare.Retries, preflight.DefaultRetries)),
		MinBackoff:       pulumi.Int(preflight.MinRetryDelay),
		MaxBackoff:       pulumi.Int(preflight.MaxRetryDelay),
		ApiClientLogging: pulumi.Bool(false),
	})
	if err != nil {
		return nil, fmt.Errorf("creating the Cloudflare provider: %w", err)
	}
	k8s, err := s.kubernetesProvider(ctx)
	if err != nil {
		return nil, fmt.Errorf("creating the Kubernetes provider: %w", err)
	}
	rnd, err := random.NewProvider(ctx, "random", &random.ProviderArgs{})
	if err != nil {
		return nil, fmt.Errorf("creating the Random provider: %w", err)
	}
	return pulumi.Providers(cf, k8s, rnd), nil
}

// kubernetesProvider creates the Kubernetes provider. Options with which updates
// couldn't be resumed have their values here.
func (s *stackSettings) kubernetesProvider(ctx *pulumi.Context) (*kubernetes.Provider, error) {
	// Without a value, the SDK would record that of KUBECONFIG.
	kubeconfig := pulumi.StringPtrInput(pulumi.String(s.kubernetes.Kubeconfig))
	if ctx.IsConfigSecret("kubernetes:kubeconfig") {
		kubeconfig = pulumi.ToSecret(pulumi.String(s.kubernetes.Kubeconfig)).(pulumi.StringOutput).ToStringPtrOutput()
	}
	// Which warnings are shown is up to each shell. The provider reads the variables
	// itself; the SDK would record them, too.
	for _, name := range []string{"PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS", "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS"} {
		if err := os.Unsetenv(name); err != nil {
			return nil, fmt.Errorf("unsetting %s: %w", name, err)
		}
	}
	return kubernetes.NewProvider(ctx, "kubernetes", &kubernetes.ProviderArgs{
		Kubeconfig:             kubeconfig,
		Context:                optional(s.kubernetes.Context, pulumi.StringPtr),
		EnableServerSideApply:  pulumi.Bool(true),
		EnableConfigMapMutable: pulumi.Bool(false),
		EnableSecretMutable:    pulumi.Bool(false),
		DeleteUnreachable:      pulumi.Bool(false),
		SkipUpdateUnreachable:  pulumi.Bool(false),
	})
}

// optional is an input of a provider that is unset for the zero value.
func optional[T comparable, Input any](value T, input func(T) Input) Input {
	var zero T
	if value == zero {
		var none Input
		return none
	}
	return input(value)
}
