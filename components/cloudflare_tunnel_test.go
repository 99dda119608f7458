package components

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// The inventory is a contract: a changed type or name replaces people's
// resources.
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
	}, declare(t, validArgs()).inventory())
}

func TestCloudflareTunnel_Parents(t *testing.T) {
	t.Parallel()
	for _, reg := range declare(t, validArgs()).registrations {
		if reg.Type != CloudflareTunnelType {
			require.True(t, strings.HasSuffix(reg.Parent, CloudflareTunnelType+"::edge"), "%s has the parent %q", reg.Name, reg.Parent)
		}
	}
}

// What a change of settings replaces can't be protected; the names can.
func TestCloudflareTunnel_Protect(t *testing.T) {
	t.Parallel()
	var protected []string
	for _, reg := range declare(t, validArgs(), pulumi.Protect(true)).registrations {
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
		require.True(t, slices.ContainsFunc(r.find(t, name).Dependencies, func(urn string) bool {
			return strings.HasSuffix(urn, "::"+on)
		}), "%s doesn't depend on %s", name, on)
	}
	dependsOn("edge-tunnel", "edge-namespace")
	dependsOn("edge-tunnel", "edge-secret")
	dependsOn("edge-cloudflared", "edge-config")
	dependsOn("edge-cloudflared", "edge-credentials")
	dependsOn("edge-cloudflared", "edge-network-policy")
	dependsOn("edge-apex", "edge-cloudflared")
	dependsOn("edge-wildcard", "edge-cloudflared")
}

func TestCloudflareTunnel_Preview(t *testing.T) {
	t.Parallel()
	r := &recorder{preview: true}
	require.NoError(t, r.run(func(ctx *pulumi.Context) error {
		_, err := NewCloudflareTunnel(ctx, "edge", validArgs())
		return err
	}))
	require.Len(t, r.registrations, 13)
	require.NotContains(t, r.find(t, "edge-tunnel").Inputs, resource.PropertyKey("name"), "the name's suffix isn't known yet")
}

func TestCloudflareTunnel_Golden(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Origin, args.TunnelName, args.Rotation = "http://traefik.kube-system:8000", "home", "2026-11"
	r := declare(t, args)
	data := r.find(t, "edge-config").Inputs["data"].ObjectValue()
	golden(t, "config.yaml", data[configFile].StringValue())
	secret := r.find(t, "edge-credentials").Inputs["stringData"]
	require.True(t, secret.ContainsSecrets())
	golden(t, "credentials.json", reveal(secret)[credentialsFile].StringValue())
	for _, name := range []string{"edge-cloudflared", "edge-namespace", "edge-network-policy", "edge-disruption-budget", "edge-tunnel", "edge-apex", "edge-wildcard"} {
		pretty, err := json.MarshalIndent(plain(t, r.find(t, name).Inputs), "", "  ")
		require.NoError(t, err)
		golden(t, name+".json", string(pretty)+"\n")
	}
}

// The secret may be seen in two places only, and marked in both.
func TestCloudflareTunnel_Secret(t *testing.T) {
	t.Parallel()
	r := declare(t, validArgs())
	for _, reg := range r.registrations {
		raw := fmtInputs(t, reg)
		marked := strings.Contains(raw, `{"secret":`)
		switch reg.Name {
		case "edge-tunnel", "edge-credentials":
			require.Contains(t, raw, testSecret, reg.Name)
			require.True(t, marked, "%s holds the secret unmarked", reg.Name)
		default:
			require.NotContains(t, raw, testSecret, reg.Name)
		}
	}
}

func TestCloudflareTunnel_Outputs(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	got := map[string]any{}
	var mu sync.Mutex
	require.NoError(t, r.run(func(ctx *pulumi.Context) error {
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
	require.Equal(t, map[string]any{
		"tunnelId":    testTunnelID,
		"tunnelCname": testTunnelID + ".cfargotunnel.com",
		"hostnames":   []string{"example.com", "*.example.com"},
		"namespace":   "edge-namespace-0a1b2c",
		"deployment":  "edge-cloudflared-0a1b2c",
	}, got)
}

func TestCloudflareTunnel_ExistingNamespace(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Namespace = "web"
	r := declare(t, args)
	// A resource that is read isn't registered with inputs of ours, and is
	// never deleted.
	require.Empty(t, r.find(t, "edge-namespace").Inputs)
	require.Contains(t, fmtInputs(t, r.find(t, "edge-cloudflared")), `"namespace":"edge-namespace-0a1b2c"`)
}

func TestCloudflareTunnel_TwoInstances(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	require.NoError(t, r.run(func(ctx *pulumi.Context) error {
		for _, name := range []string{"blue", "green"} {
			if _, err := NewCloudflareTunnel(ctx, name, validArgs()); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Len(t, r.registrations, 26)
	unique := map[string]bool{}
	for _, entry := range r.inventory() {
		unique[entry] = true
	}
	require.Len(t, unique, 26)
}

func TestCloudflareTunnel_Invalid(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	err := r.run(func(ctx *pulumi.Context) error {
		_, err := NewCloudflareTunnel(ctx, "edge", &CloudflareTunnelArgs{Domain: "https://example.com", Origin: "web:80", Replicas: 25})
		return err
	})
	require.Empty(t, r.registrations, "nothing may be planned")
	for _, path := range []string{"domain: ", "zoneId: ", "accountId: ", "origin: ", "replicas: "} {
		require.ErrorContains(t, err, path)
	}
}

func TestCloudflareTunnel_NoArguments(t *testing.T) {
	t.Parallel()
	r := &recorder{}
	err := r.run(func(ctx *pulumi.Context) error {
		_, err := NewCloudflareTunnel(ctx, "edge", nil)
		return err
	})
	require.ErrorContains(t, err, "domain: not set")
	require.Empty(t, r.registrations)
}

// Every field of the arguments is recorded as an input of the component, under
// the name that its tag gives.
func TestCloudflareTunnelArgs_Tags(t *testing.T) {
	t.Parallel()
	inputs := validArgs().withDefaults("edge").inputs()
	typ := reflect.TypeFor[CloudflareTunnelArgs]()
	require.Equal(t, typ.NumField(), len(inputs))
	for i := range typ.NumField() {
		require.Contains(t, inputs, typ.Field(i).Tag.Get("pulumi"))
	}
}

// reveal looks through the secret mark of an object or of its values.
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

func fmtInputs(t *testing.T, reg registration) string {
	t.Helper()
	raw, err := json.Marshal(plain(t, reg.Inputs))
	require.NoError(t, err)
	return string(raw)
}
