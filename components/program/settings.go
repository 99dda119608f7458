package program

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components"
	"k8s-tunnel/components/internal/surroundings"
	"k8s-tunnel/components/settings"
)

// stackSettings are the program's own settings: the component's arguments, and
// what only the program needs. The reference in docs/reference.md and the settings in
// Pulumi.yaml are generated from the fields and their comments.
type stackSettings struct {
	components.CloudflareTunnelArgs

	// ZoneID is the ID of a zone, used for every name that lies in it. Other names, and
	// all names when unset, get the longest fitting zone that the token sees.
	ZoneID string `pulumi:"zoneId"`
	// AccountID is the identifier of the account that owns the tunnel and the zones.
	// The account of the first name's zone when unset.
	AccountID string `pulumi:"accountId"`
	// TunnelName begins the tunnel's name in Cloudflare's dashboard. The label of
	// the rotation and a random suffix follow. Lower-case letters, digits and
	// inner hyphens, at most [MaxTunnelName] characters. Defaults to the project's and the
	// stack's name.
	TunnelName string `pulumi:"tunnelName"`
	// Protect refuses to destroy the stack. To destroy it, set this to false and
	// run pulumi up first. Defaults to false.
	Protect bool `pulumi:"protect"`

	cloudflare cloudflareSettings
	kubernetes kubernetesSettings

	api components.APIArgs // with what the shell says about the API
	// warnings are about settings that are valid.
	warnings []string
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
	s, shell := &stackSettings{}, surroundings.Shell()
	own := settings.NewProjectReader(ctx, ctx.Project())
	cf, k8s, rnd := settings.NewReader(ctx, "cloudflare"), settings.NewReader(ctx, "kubernetes"), settings.NewReader(ctx, "random")
	if own.Ignored("zones") {
		s.warnings = append(s.warnings, "zones: has no effect any more, because zones are found by the names in them; remove it: pulumi config rm zones")
	}
	problems := errors.Join(own.Read(s), cf.Read(&s.cloudflare), k8s.Read(&s.kubernetes))
	unread := settings.Unread(problems)
	if slices.Contains(unread, "hostnames") && s.Domain == "" {
		unread = append(unread, "domain") // which isn't required beside hostnames
	}
	if slices.Contains(unread, "ingress") {
		s.Ingress = []components.IngressRule{{}} // there are rules, only not known which
	}
	if warning := surroundings.PlainKubeconfig(s.kubernetes.Kubeconfig); warning != "" && !ctx.IsConfigSecret("kubernetes:kubeconfig") {
		s.warnings = append(s.warnings, warning)
	}
	if warning := shell.OpenContext(s.kubernetes.Kubeconfig, s.kubernetes.Context, ctx.RootDirectory()); warning != "" {
		s.warnings = append(s.warnings, warning)
	}
	var err error
	s.api = components.APIArgs(s.cloudflare)
	s.api.APIHostname, s.api.APIBasePath, err = shell.API(s.cloudflare.APIHostname, s.cloudflare.APIBasePath)
	return s, errors.Join(problems, settings.Unknown(os.Getenv(pulumi.EnvConfig), own, cf, k8s, rnd),
		s.cloudflare.checkToken(ctx), settings.Without(unread, s.arguments(ctx).Validate()), err,
		shell.Kubeconfig(s.kubernetes.Kubeconfig, s.kubernetes.Context, ctx.RootDirectory()), surroundings.Problems(shell, ctx))
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
	return strings.Trim(name[:min(len(name), components.MaxTunnelName)], "-")
}
