// Command k8s-tunnel is the Pulumi program: it reads the stack's settings,
// makes the providers, and declares one CloudflareTunnel.
package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"

	"k8s-tunnel/components"
	"k8s-tunnel/components/preflight"
)

// instance is the component's name. It begins the name of every resource in
// the stack's state, so it never changes.
const instance = "edge"

func main() {
	pulumi.Run(program)
}

func program(ctx *pulumi.Context) error {
	settings, err := readSettings(ctx)
	if err != nil {
		return fmt.Errorf("the settings of stack %s need attention:\n%w", ctx.Stack(), err)
	}
	found, err := settings.preflight(ctx)
	if err != nil {
		return err
	}
	providers, err := settings.providers(ctx)
	if err != nil {
		return err
	}
	tunnel, err := components.NewCloudflareTunnel(ctx, instance, &settings.tunnel,
		pulumi.Providers(providers.cloudflare, providers.kubernetes), pulumi.Protect(settings.protect))
	if err != nil {
		return err
	}
	if found.Lost != nil {
		// The next update then knows of no tunnel and makes one.
		ctx.Export("tunnelId", pulumi.String(""))
		ctx.Export("tunnelCname", pulumi.String(""))
		return lost(ctx, found.Lost)
	}
	ctx.Export("tunnelId", tunnel.TunnelID)
	ctx.Export("tunnelCname", tunnel.TunnelCNAME)
	ctx.Export("hostnames", tunnel.Hostnames)
	ctx.Export("namespace", tunnel.Namespace)
	ctx.Export("deployment", tunnel.Deployment)
	return nil
}

// settings is a stack's configuration. Pulumi.yaml describes each key.
type settings struct {
	tunnel            components.CloudflareTunnelArgs
	protect           bool
	allowTakeover     bool
	zoneID, accountID string // looked up when empty
	api               preflight.Options
	cloudflare        cloudflare.ProviderArgs
	kubernetes        kubernetes.ProviderArgs
}

// readSettings reads and checks everything that can be checked without asking
// anyone, and reports all problems at once, each with its key.
func readSettings(ctx *pulumi.Context) (*settings, error) {
	own := reader{config: config.New(ctx, "")}
	cf := reader{config: config.New(ctx, "cloudflare"), namespace: "cloudflare:", asked: []string{"apiToken"}}
	k8s := reader{config: config.New(ctx, "kubernetes"), namespace: "kubernetes:"}
	s := &settings{
		tunnel: components.CloudflareTunnelArgs{
			Domain:         own.text("domain"),
			TunnelName:     own.text("tunnelName"),
			Rotation:       own.text("rotation"),
			ExistingTunnel: own.text("existingTunnel"),
			Origin:         own.text("origin"),
			Namespace:      own.text("namespace"),
			Image:          own.text("image"),
			Replicas:       own.number("replicas"),
			Ingress:        structured[[]components.IngressRule](&own, "ingress"),
			OriginRequest:  structured[*components.OriginRequest](&own, "originRequest"),
			Hostnames:      structured[[]string](&own, "hostnames"),
			Zones:          own.zones("zones"),
			Pod:            structured[*components.PodArgs](&own, "pod"),
			Autoscaling:    structured[*components.AutoscalingArgs](&own, "autoscaling"),
			NetworkPolicy:  structured[*components.NetworkPolicyArgs](&own, "networkPolicy"),
			Monitoring:     structured[*components.MonitoringArgs](&own, "monitoring"),
		},
		protect:       own.truth("protect"),
		allowTakeover: own.truth("allowTakeover"),
		zoneID:        own.text("zoneId"),
		accountID:     own.text("accountId"),
		api: preflight.Options{
			// The provider takes these from the environment, too.
			APIHostname: cmp.Or(cf.text("apiHostname"), os.Getenv("CLOUDFLARE_API_HOSTNAME")),
			APIBasePath: cmp.Or(cf.text("apiBasePath"), os.Getenv("CLOUDFLARE_API_BASE_PATH")),
			RPS:         cf.number("rps"),
			Retries:     cf.number("retries"),
		},
		kubernetes: kubernetes.ProviderArgs{
			Kubeconfig: optional(k8s.text("kubeconfig"), pulumi.StringPtr),
			Context:    optional(k8s.text("context"), pulumi.StringPtr),
		},
	}
	token, tokenErr := apiToken(ctx)
	s.api.APIToken = token
	s.cloudflare = cloudflare.ProviderArgs{
		ApiToken:    pulumi.ToSecret(pulumi.String(token)).(pulumi.StringOutput),
		ApiHostname: optional(s.api.APIHostname, pulumi.StringPtr),
		ApiBasePath: optional(s.api.APIBasePath, pulumi.StringPtr),
		Rps:         optional(s.api.RPS, pulumi.IntPtr),
		Retries:     optional(s.api.Retries, pulumi.IntPtr),
	}
	if s.tunnel.TunnelName == "" {
		s.tunnel.TunnelName = defaultTunnelName(ctx)
	}
	return s, errors.Join(
		own.problems, cf.problems, k8s.problems, tokenErr,
		unknownSettings(ctx.Project(), os.Getenv(pulumi.EnvConfig), &own, &cf, &k8s),
		components.ValidateDomain("domain", s.tunnel.Domain),
		s.tunnel.ValidateSettings(),
	)
}

// defaultTunnelName tells the stacks of an account and a cluster apart.
func defaultTunnelName(ctx *pulumi.Context) string {
	name := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, strings.ToLower(ctx.Project()+"-"+ctx.Stack()))
	return strings.Trim(name[:min(len(name), 40)], "-")
}

// apiToken returns Cloudflare's API token, which has to be in the stack as a
// secret.
func apiToken(ctx *pulumi.Context) (string, error) {
	const key = "cloudflare:apiToken"
	const remedy = "run: pulumi config set --secret " + key
	value, ok := ctx.GetConfig(key)
	switch {
	case !ok || value == "":
		return "", fmt.Errorf("%s: not set; create a token with the rights that README.md lists, and %s", key, remedy)
	case !ctx.IsConfigSecret(key):
		return "", fmt.Errorf("%s: stored in plain text; revoke the token if the file was ever shared, and %s", key, remedy)
	}
	return value, nil
}

type providers struct {
	cloudflare *cloudflare.Provider
	kubernetes *kubernetes.Provider
}

// providers makes both providers from the stack's settings, so that a stack
// doesn't end up wherever the shell happens to point at.
func (s *settings) providers(ctx *pulumi.Context) (*providers, error) {
	cf, err := cloudflare.NewProvider(ctx, "cloudflare", &s.cloudflare)
	if err != nil {
		return nil, fmt.Errorf("creating Cloudflare provider: %w", err)
	}
	k8s, err := kubernetes.NewProvider(ctx, "kubernetes", &s.kubernetes)
	if err != nil {
		return nil, fmt.Errorf("creating Kubernetes provider: %w", err)
	}
	return &providers{cloudflare: cf, kubernetes: k8s}, nil
}

// preflight asks Cloudflare for what the settings leave open, and whether the names
// can be had and the tunnel is still there.
func (s *settings) preflight(ctx *pulumi.Context) (*preflight.Findings, error) {
	client, err := preflight.New(s.api)
	if err != nil {
		return nil, err
	}
	found, err := client.Check(ctx.Context(), preflight.Request{
		Domain: s.tunnel.Domain, ZoneID: s.zoneID, AccountID: s.accountID,
		Zones:          s.tunnel.ZonesInUse(),
		Hosts:          s.tunnel.Hosts(),
		Comment:        components.RecordComment(ctx.Project(), ctx.Stack()),
		AllowTakeover:  s.allowTakeover,
		ExistingTunnel: s.tunnel.ExistingTunnel,
		LastTunnel:     lastTunnel(ctx),
	})
	if err != nil {
		return nil, err
	}
	s.tunnel.ZoneID, s.tunnel.AccountID = pulumi.String(found.ZoneIDs[s.tunnel.Domain]), pulumi.String(found.AccountID)
	for _, name := range s.tunnel.ZonesInUse() {
		s.tunnel.Zones[name] = pulumi.String(found.ZoneIDs[name])
	}
	if found.Lost != nil {
		s.tunnel.LostTunnel = found.Lost.ID
	}
	return found, nil
}

// lastTunnel returns the tunnel that the stack had after its last update, which is
// among its own outputs, or nothing.
func lastTunnel(ctx *pulumi.Context) string {
	stack := struct {
		Name string `pulumi:"name"`
	}{ctx.Organization() + "/" + ctx.Project() + "/" + ctx.Stack()}
	var last struct {
		Outputs struct {
			TunnelID string `pulumi:"tunnelId"`
		} `pulumi:"outputs"`
	}
	if err := ctx.Invoke("pulumi:pulumi:readStackOutputs", &stack, &last); err != nil {
		_ = ctx.Log.Debug(fmt.Sprintf("the stack's last outputs can't be read, so a deleted tunnel goes unnoticed: %v", err), nil)
	}
	return last.Outputs.TunnelID
}

// lost reports that the stack's tunnel was deleted by somebody else. An update then
// lets go of it, and fails: only the next one can make a new tunnel.
func lost(ctx *pulumi.Context, tunnel *preflight.Tunnel) error {
	gone := fmt.Sprintf("tunnel %s was deleted at Cloudflare, but not by this stack", tunnel)
	if ctx.DryRun() {
		return ctx.Log.Warn(gone+". This update lets go of it, and the next one makes a new tunnel for the names", nil)
	}
	return fmt.Errorf("%s, which has now let go of it; run pulumi up once more to make a new tunnel for the names", gone)
}

// reader reads settings of one namespace and keeps what is wrong with them.
type reader struct {
	config    *config.Config
	namespace string
	asked     []string // keys
	problems  error
}

func (r *reader) text(key string) string {
	r.asked = append(r.asked, key)
	return r.config.Get(key)
}

// zones reads names of zones, whose identifiers aren't known yet.
func (r *reader) zones(key string) map[string]pulumi.StringInput {
	zones := map[string]pulumi.StringInput{}
	for _, name := range structured[[]string](r, key) {
		zones[name] = nil
	}
	return zones
}

// unknownSettings reports settings of this project that no reader asked for:
// a misspelt one would have no effect, and nobody would notice.
func unknownSettings(project, environment string, own *reader, others ...*reader) error {
	var all map[string]any
	if environment == "" || json.Unmarshal([]byte(environment), &all) != nil {
		return nil // not started by Pulumi's command line
	}
	var problems error
	for _, full := range slices.Sorted(maps.Keys(all)) {
		key, ours := strings.CutPrefix(full, project+":")
		if !ours || slices.Contains(own.asked, key) {
			continue
		}
		hint := components.Suggest(key, own.asked)
		for _, other := range others {
			if slices.Contains(other.asked, key) {
				hint = fmt.Sprintf("; did you mean %s%s?", other.namespace, key)
			}
		}
		problems = errors.Join(problems, fmt.Errorf("%s: no such setting%s", key, hint))
	}
	return problems
}

// number reads a count; none of the settings takes 0.
func (r *reader) number(key string) int {
	r.asked = append(r.asked, key)
	value, err := r.config.TryInt(key)
	switch {
	case errors.Is(err, config.ErrMissingVar):
		return 0
	case err != nil || value < 1:
		r.problems = errors.Join(r.problems, fmt.Errorf("%s%s: %q is not a whole number above 0", r.namespace, key, r.config.Get(key)))
		return 0
	}
	return value
}

// truth reads a setting that is off unless it is true.
func (r *reader) truth(key string) bool {
	r.asked = append(r.asked, key)
	value, err := r.config.TryBool(key)
	if err != nil && !errors.Is(err, config.ErrMissingVar) {
		r.problems = errors.Join(r.problems, fmt.Errorf("%s%s: %q is neither true nor false", r.namespace, key, r.config.Get(key)))
	}
	return value
}

// structured reads a setting that is a list or has fields of its own. One that
// is empty is as good as none: Pulumi.yaml has no other way to say so.
func structured[T any](r *reader, key string) T {
	var value T
	if text := r.text(key); text != "" && text != "{}" && text != "[]" {
		r.problems = errors.Join(r.problems, components.Decode(r.namespace+key, text, &value))
	}
	return value
}

// optional is an argument for a provider, which tells what is empty from what is
// not there.
func optional[T comparable, Input any](value T, input func(T) Input) Input {
	var zero T
	if value == zero {
		var none Input
		return none
	}
	return input(value)
}
