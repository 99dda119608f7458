// Command k8s-tunnel is the Pulumi program: it reads the stack's settings,
// makes the providers, and declares one CloudflareTunnel.
package main

import (
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
	providers, err := settings.providers(ctx)
	if err != nil {
		return err
	}
	if err := settings.lookUpZone(ctx, providers.cloudflare); err != nil {
		return err
	}
	if err := settings.lookUpFurtherZones(ctx, providers.cloudflare); err != nil {
		return err
	}
	tunnel, err := components.NewCloudflareTunnel(ctx, instance, &settings.tunnel,
		pulumi.Providers(providers.cloudflare, providers.kubernetes), pulumi.Protect(settings.protect))
	if err != nil {
		return err
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
	zoneID, accountID string // looked up when empty
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
		protect:   own.truth("protect"),
		zoneID:    own.text("zoneId"),
		accountID: own.text("accountId"),
		cloudflare: cloudflare.ProviderArgs{
			ApiHostname: cf.optionalText("apiHostname"),
			ApiBasePath: cf.optionalText("apiBasePath"),
			Rps:         cf.optionalNumber("rps"),
			Retries:     cf.optionalNumber("retries"),
		},
		kubernetes: kubernetes.ProviderArgs{
			Kubeconfig: k8s.optionalText("kubeconfig"),
			Context:    k8s.optionalText("context"),
		},
	}
	token, tokenErr := apiToken(ctx)
	s.cloudflare.ApiToken = token
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
func apiToken(ctx *pulumi.Context) (pulumi.StringOutput, error) {
	const key = "cloudflare:apiToken"
	const remedy = "run: pulumi config set --secret " + key
	value, ok := ctx.GetConfig(key)
	switch {
	case !ok || value == "":
		return pulumi.StringOutput{}, fmt.Errorf("%s: not set; create a token with the rights that README.md lists, and %s", key, remedy)
	case !ctx.IsConfigSecret(key):
		return pulumi.StringOutput{}, fmt.Errorf("%s: stored in plain text; revoke the token if the file was ever shared, and %s", key, remedy)
	}
	return pulumi.ToSecret(pulumi.String(value)).(pulumi.StringOutput), nil
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

// lookUpZone fills in the zone's and the account's identifiers.
func (s *settings) lookUpZone(ctx *pulumi.Context, provider pulumi.ProviderResource) error {
	if s.zoneID == "" || s.accountID == "" {
		args := &cloudflare.LookupZoneArgs{Name: &s.tunnel.Domain}
		if s.accountID != "" {
			args.AccountId = &s.accountID
		}
		if s.zoneID != "" {
			args = &cloudflare.LookupZoneArgs{ZoneId: &s.zoneID}
		}
		zone, err := cloudflare.LookupZone(ctx, args, pulumi.Provider(provider))
		if err != nil {
			return explainLookUp("domain", s.tunnel.Domain, err)
		}
		if zone.Name != s.tunnel.Domain {
			return fmt.Errorf("zoneId: %s is the zone %s, not domain %s; correct or remove the setting", s.zoneID, zone.Name, s.tunnel.Domain)
		}
		s.zoneID, s.accountID = zone.ZoneId, zone.AccountId
	}
	s.tunnel.ZoneID = pulumi.String(s.zoneID)
	s.tunnel.AccountID = pulumi.String(s.accountID)
	return nil
}

// lookUpFurtherZones fills in the identifiers of the zones that hostnames lie
// in. They have to be in the tunnel's account: a record of another account's
// zone can't point at it.
func (s *settings) lookUpFurtherZones(ctx *pulumi.Context, provider pulumi.ProviderResource) error {
	for _, name := range s.tunnel.ZonesInUse() {
		args := &cloudflare.LookupZoneArgs{Name: &name, AccountId: &s.accountID}
		zone, err := cloudflare.LookupZone(ctx, args, pulumi.Provider(provider))
		if err != nil {
			return explainLookUp("zones", name, err)
		}
		s.tunnel.Zones[name] = pulumi.String(zone.ZoneId)
	}
	return nil
}

// explainLookUp says what to do about a zone that can't be looked up.
func explainLookUp(key, name string, err error) error {
	const rights = "Zone / Zone / Read and Zone / DNS / Edit on that zone, and Account / Cloudflare Tunnel / Edit on its account"
	text := err.Error()
	switch {
	case strings.Contains(text, "more than one zone"):
		return fmt.Errorf("%s: the token sees several zones named %s; set accountId to the account of the one that is meant: %w", key, name, err)
	case strings.Contains(text, "no zone found"):
		return fmt.Errorf("%s: the token sees no zone named %s in the tunnel's account; check the name, and that cloudflare:apiToken has the rights %s: %w", key, name, rights, err)
	case strings.Contains(text, "9109"), strings.Contains(text, "6003"), strings.Contains(text, "10000"), strings.Contains(text, "Invalid access token"):
		return fmt.Errorf("cloudflare:apiToken: Cloudflare refuses the token; create one with the rights %s: %w", rights, err)
	}
	return fmt.Errorf("%s: looking up zone %s: %w", key, name, err)
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

func (r *reader) optionalText(key string) pulumi.StringPtrInput {
	if value := r.text(key); value != "" {
		return pulumi.StringPtr(value)
	}
	return nil
}

func (r *reader) optionalNumber(key string) pulumi.IntPtrInput {
	if value := r.number(key); value != 0 {
		return pulumi.IntPtr(value)
	}
	return nil
}
