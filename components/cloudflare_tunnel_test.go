package components

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/cloudflared"
	"k8s-tunnel/components/golden"
	"k8s-tunnel/components/plantest"
	"k8s-tunnel/components/settings"
)

// The inventory is a contract: a changed type or name replaces resources.
func TestCloudflareTunnel_Inventory(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, []string{
		"k8s-tunnel:index:CloudflareTunnel::edge",
		"kubernetes:core/v1:Namespace::edge-namespace",
		"random:index/randomBytes:RandomBytes::edge-secret",
		"random:index/randomId:RandomId::edge-suffix",
		"cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared::edge-tunnel",
		"kubernetes:core/v1:ConfigMap::edge-config",
		"kubernetes:core/v1:Secret::edge-credentials",
		"kubernetes:core/v1:Service::edge-origin-ingress-nginx-ingress-nginx-controller",
		"kubernetes:networking.k8s.io/v1:NetworkPolicy::edge-network-policy",
		"kubernetes:policy/v1:PodDisruptionBudget::edge-disruption-budget",
		"kubernetes:apps/v1:Deployment::edge-cloudflared",
		"cloudflare:index/record:Record::edge-apex",
		"cloudflare:index/record:Record::edge-wildcard",
	}, declare(t, validArgs()).Inventory())
}

func TestCloudflareTunnel_Parents(t *testing.T) {
	t.Parallel()
	for _, reg := range declare(t, validArgs()).Registrations() {
		if reg.Type != CloudflareTunnelType {
			require.True(t, strings.HasSuffix(reg.Parent, CloudflareTunnelType+"::edge"), "%s has the parent %q", reg.Name, reg.Parent)
		}
	}
}

// What a change of settings replaces can't be protected; the names can.
func TestCloudflareTunnel_Protect(t *testing.T) {
	t.Parallel()
	var protected []string
	for _, reg := range declare(t, validArgs(), pulumi.Protect(true)).Registrations() {
		if reg.Protect {
			protected = append(protected, reg.Name)
		}
	}
	require.ElementsMatch(t, []string{"edge", "edge-namespace", "edge-apex", "edge-wildcard"}, protected)
}

func TestCloudflareTunnel_Order(t *testing.T) {
	t.Parallel()
	r := declare(t, validArgs())
	dependsOn := func(name, on string) {
		t.Helper()
		require.True(t, slices.ContainsFunc(r.Find(t, name).Dependencies, func(urn string) bool {
			return strings.HasSuffix(urn, "::"+on)
		}), "%s doesn't depend on %s", name, on)
	}
	dependsOn("edge-tunnel", "edge-namespace")
	dependsOn("edge-tunnel", "edge-secret")
	dependsOn("edge-cloudflared", "edge-config")
	dependsOn("edge-cloudflared", "edge-credentials")
	dependsOn("edge-cloudflared", "edge-network-policy")
	dependsOn("edge-cloudflared", "edge-disruption-budget")
	dependsOn("edge-apex", "edge-cloudflared")
	dependsOn("edge-wildcard", "edge-cloudflared")
}

func TestCloudflareTunnel_Preview(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{Preview: true}
	require.NoError(t, r.Run(program(validArgs())))
	require.ElementsMatch(t, declare(t, validArgs()).Inventory(), r.Inventory())
	require.True(t, r.Find(t, "edge-tunnel").Inputs["name"].ContainsUnknowns(), "the suffix isn't known yet")
	require.True(t, r.Find(t, "edge-credentials").Inputs["stringData"].ContainsSecrets(), "nor is the secret, but it is one")
}

func TestCloudflareTunnel_Golden(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Origin, args.TunnelName, args.Rotation = "http://traefik.kube-system:8000", "home", "2026-11"
	r := declare(t, args)
	data := r.Find(t, "edge-config").Inputs["data"].ObjectValue()
	golden.Compare(t, "testdata/config.yaml", data[cloudflared.ConfigFile].StringValue())
	secret := r.Find(t, "edge-credentials").Inputs["stringData"]
	require.True(t, secret.ContainsSecrets())
	golden.Compare(t, "testdata/credentials.json", reveal(secret)[cloudflared.CredentialsFile].StringValue())
	for _, name := range []string{"edge", "edge-cloudflared", "edge-namespace", "edge-network-policy", "edge-disruption-budget", "edge-tunnel", "edge-apex", "edge-wildcard"} {
		golden.Compare(t, "testdata/"+name+".json", r.Find(t, name).JSON(t))
	}
}

// Only two resources get the secret, marked as one.
func TestCloudflareTunnel_Secret(t *testing.T) {
	t.Parallel()
	r := declare(t, validArgs())
	for _, reg := range r.Registrations() {
		raw := reg.JSON(t)
		marked := strings.Contains(raw, `"secret": `)
		switch reg.Name {
		case "edge-tunnel", "edge-credentials":
			require.Contains(t, raw, plantest.TunnelSecret, reg.Name)
			require.True(t, marked, "%s has the secret unmarked", reg.Name)
		default:
			require.NotContains(t, raw, plantest.TunnelSecret, reg.Name)
		}
	}
}

// The outputs are those of the struct, and are registered with the engine.
func TestCloudflareTunnel_Outputs(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{}
	got := map[string]any{}
	var mu sync.Mutex
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		tunnel, err := NewCloudflareTunnel(ctx, "edge", validArgs())
		if err != nil {
			return err
		}
		pulumi.All(tunnel.TunnelID, tunnel.TunnelCNAME, tunnel.Hostnames, tunnel.Namespace, tunnel.Deployment).ApplyT(func(v []any) error {
			mu.Lock()
			defer mu.Unlock()
			for i, name := range []string{"tunnelId", "tunnelCname", "hostnames", "namespace", "deployment"} {
				got[name] = v[i]
			}
			return nil
		})
		return nil
	}))
	want := map[string]any{
		"tunnelId":    plantest.TunnelID,
		"tunnelCname": plantest.TunnelID + ".cfargotunnel.com",
		"hostnames":   []string{"example.com", "*.example.com"},
		"namespace":   "edge-namespace" + plantest.ObjectSuffix,
		"deployment":  "edge-cloudflared" + plantest.ObjectSuffix,
	}
	require.Equal(t, want, got)
	want["hostnames"] = []any{"example.com", "*.example.com"}
	require.Equal(t, want, r.Outputs(t, "edge").Mappable())
}

// Both providers reach the children that need them.
func TestCloudflareTunnel_Providers(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{}
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		cf, err := cloudflare.NewProvider(ctx, "my-cloudflare", &cloudflare.ProviderArgs{})
		if err != nil {
			return err
		}
		k8s, err := kubernetes.NewProvider(ctx, "my-kubernetes", &kubernetes.ProviderArgs{})
		if err != nil {
			return err
		}
		_, err = NewCloudflareTunnel(ctx, "edge", validArgs(), pulumi.Providers(cf, k8s))
		return err
	}))
	for _, reg := range r.Registrations() {
		for prefix, provider := range map[string]string{"cloudflare:": "::my-cloudflare::", "kubernetes:": "::my-kubernetes::"} {
			if strings.HasPrefix(reg.Type, prefix) {
				require.Contains(t, reg.Provider, provider, reg.Name)
			}
		}
	}
}

// The warnings reach the terminal.
func TestCloudflareTunnel_Warnings(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Hostnames = []string{"a.b.example.com"}
	args.Ingress = []IngressRule{{Hostname: "www.example.org", Service: "http://x.ingress-nginx"}}
	warnings := declare(t, args).Warnings()
	require.Len(t, warnings, 2)
	require.Contains(t, warnings[0], "hostnames[0]: a.b.example.com is more than one level below its zone")
	require.Contains(t, warnings[1], "ingress[0].hostname: www.example.org has no record in this stack")
	require.Empty(t, declare(t, validArgs()).Warnings())
}

// A record is created in its host's zone.
func TestCloudflareTunnel_RecordsInZones(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Hostnames = []string{"photos.example.com", "x.lab.example.net", "example.net"}
	args.Zones = map[string]pulumi.StringInput{"example.net": pulumi.String("net"), "lab.example.net": pulumi.String("lab")}
	got := map[string][2]string{}
	for _, reg := range declare(t, args).Registrations() {
		if reg.Type == "cloudflare:index/record:Record" {
			got[reg.Name] = [2]string{reg.Inputs["zoneId"].StringValue(), reg.Inputs["name"].StringValue()}
		}
	}
	require.Equal(t, map[string][2]string{
		"edge-apex":                      {"zone", "example.com"},
		"edge-wildcard":                  {"zone", "*"},
		"edge-record-photos.example.com": {"zone", "photos"},
		"edge-record-x.lab.example.net":  {"lab", "x"},
		"edge-record-example.net":        {"net", "example.net"},
	}, got)
}

func TestCloudflareTunnel_ExistingNamespace(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Namespace = "web"
	r := declare(t, args)
	namespace := r.Find(t, "edge-namespace")
	require.True(t, namespace.Read, "what is only read is never deleted")
	require.Equal(t, map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "web"},
	}, namespace.Inputs.Mappable(), "with less, every refresh would find a change")
	require.Contains(t, r.Find(t, "edge-cloudflared").JSON(t), `"namespace": "edge-namespace`+plantest.ObjectSuffix+`"`)
}

func TestCloudflareTunnel_TwoInstances(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{}
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		for _, name := range []string{"blue", "green"} {
			if _, err := NewCloudflareTunnel(ctx, name, validArgs()); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Len(t, r.Registrations(), 26)
	unique := map[string]bool{}
	for _, entry := range r.Inventory() {
		unique[entry] = true
	}
	require.Len(t, unique, 26)
}

func TestCloudflareTunnel_Invalid(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{}
	err := r.Run(func(ctx *pulumi.Context) error {
		_, err := NewCloudflareTunnel(ctx, "edge", &CloudflareTunnelArgs{Domain: "https://example.com", Origin: "web:80", Replicas: 25})
		return err
	})
	require.Empty(t, r.Registrations(), "nothing may be planned")
	for _, path := range []string{"domain: ", "zoneId: ", "accountId: ", "origin: ", "replicas: "} {
		require.ErrorContains(t, err, path)
	}
}

func TestCloudflareTunnel_NoArguments(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{}
	err := r.Run(func(ctx *pulumi.Context) error {
		_, err := NewCloudflareTunnel(ctx, "edge", nil)
		return err
	})
	require.ErrorContains(t, err, "domain: not set")
	require.Empty(t, r.Registrations())
}

// The engine's record of the inputs is compared with that of the last update, so
// that a stack whose arguments haven't changed must record the same.
func TestCloudflareTunnel_RecordedInputs(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.OriginRequest = &OriginRequest{ConnectTimeout: new("10s")}
	args.Ingress = []IngressRule{{Hostname: "photos.example.com", Service: "http://x.ingress-nginx"}}
	args.Hostnames = []string{"example.net"}
	args.Zones = map[string]pulumi.StringInput{"example.net": pulumi.String("net")}
	args.Pod = &PodArgs{Labels: map[string]string{"team": "home"}}
	args.Autoscaling = &AutoscalingArgs{MaxReplicas: 3}
	args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	args.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{}}
	golden.Compare(t, "testdata/edge-inputs.json", declare(t, args).Find(t, "edge").JSON(t))
}

// Every field is recorded, under the name in its tag.
func TestCloudflareTunnelArgs_Tags(t *testing.T) {
	t.Parallel()
	inputs := validArgs().withDefaults("edge").recorded(validArgs())
	typ := reflect.TypeFor[CloudflareTunnelArgs]()
	require.Len(t, inputs, typ.NumField())
	for i := range typ.NumField() {
		require.Contains(t, inputs, typ.Field(i).Tag.Get(settings.Tag))
	}
}

// validArgs are the least that a component accepts.
func validArgs() *CloudflareTunnelArgs {
	return &CloudflareTunnelArgs{
		Domain:    "example.com",
		ZoneID:    pulumi.String("zone"),
		AccountID: pulumi.String("account"),
	}
}

// program declares one component.
func program(args *CloudflareTunnelArgs, opts ...pulumi.ResourceOption) pulumi.RunFunc {
	return func(ctx *pulumi.Context) error {
		_, err := NewCloudflareTunnel(ctx, "edge", args, opts...)
		return err
	}
}

// declare runs such a program.
func declare(t *testing.T, args *CloudflareTunnelArgs, opts ...pulumi.ResourceOption) *plantest.Engine {
	t.Helper()
	engine := &plantest.Engine{}
	require.NoError(t, engine.Run(program(args, opts...)))
	return engine
}

// reveal returns an object without the marks of secrets, on itself or its values.
func reveal(v resource.PropertyValue) resource.PropertyMap {
	if v.IsSecret() {
		v = v.SecretValue().Element
	}
	out := resource.PropertyMap{}
	for k, e := range v.ObjectValue() {
		if e.IsSecret() {
			e = e.SecretValue().Element
		}
		out[k] = e
	}
	return out
}
