package main

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"k8s-tunnel/components"
	"k8s-tunnel/components/preflight/apitest"
)

// engine answers as the providers would and keeps what it was asked for.
type engine struct {
	mu        sync.Mutex
	resources map[string]resource.PropertyMap
	read      []string             // resources that were only read
	outputs   resource.PropertyMap // of the last update
	preview   bool
	api       *apitest.API
}

// newEngine is one for an account with zones of these names.
func newEngine(t *testing.T, zones ...string) *engine {
	t.Helper()
	e := &engine{api: apitest.New(t)}
	for _, name := range zones {
		e.api.Zones = append(e.api.Zones, apitest.NewZone("zone of "+name, name, "account"))
	}
	return e
}

func TestMain(m *testing.M) { apitest.Main(m) }

func (e *engine) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.resources == nil {
		e.resources = map[string]resource.PropertyMap{}
	}
	e.resources[args.Name] = args.Inputs
	if args.ReadRPC != nil {
		e.read = append(e.read, args.Name+" "+args.ID)
	}
	out := args.Inputs.Copy()
	if strings.HasPrefix(args.TypeToken, "random:") {
		out["base64"] = resource.MakeSecret(resource.NewProperty("c2VjcmV0"))
		out["hex"] = resource.NewProperty("a1b2c3")
	}
	if args.TypeToken == "kubernetes:core/v1:Service" {
		out["spec"] = resource.NewProperty(resource.NewPropertyMapFromMap(map[string]any{
			"selector": map[string]any{"app": "ingress"},
			"ports":    []any{map[string]any{"port": 80, "targetPort": 8080}},
		}))
	}
	return args.Name + "-id", out, nil
}

// Call answers for the one thing that the engine itself is asked: the stack's own
// outputs.
func (e *engine) Call(args pulumi.MockCallArgs) (resource.PropertyMap, error) {
	if args.Token != "pulumi:pulumi:readStackOutputs" {
		return nil, fmt.Errorf("%s is not asked for", args.Token)
	}
	if name := args.Args["name"].StringValue(); !strings.HasSuffix(name, "/k8s-tunnel/test") {
		return nil, fmt.Errorf("%s is not this stack", name)
	}
	return resource.PropertyMap{"outputs": resource.NewProperty(e.outputs)}, nil
}

// up runs the program with the least settings and those given; an empty value
// takes a setting away, and a key ending in "!" is stored as plain text.
func (e *engine) up(settings map[string]string) error {
	all := map[string]string{
		"k8s-tunnel:domain": "example.com", "cloudflare:apiToken": strings.Repeat("t", 40),
		"cloudflare:apiHostname": e.api.Hostname(), "cloudflare:rps": "1000",
	}
	secret := []string{"cloudflare:apiToken"}
	for k, v := range settings {
		if plain, ok := strings.CutSuffix(k, "!"); ok {
			k, secret = plain, nil
		}
		all[k] = v
		if v == "" {
			delete(all, k)
		}
	}
	return pulumi.RunErr(program, pulumi.WithMocks("k8s-tunnel", "test", e), func(info *pulumi.RunInfo) {
		info.Config, info.ConfigSecretKeys, info.DryRun = all, secret, e.preview
	})
}

func TestProgram_LeastSettings(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "example.com")
	require.NoError(t, e.up(nil))
	require.Equal(t, "zone of example.com", e.resources["edge-apex"]["zoneId"].StringValue())
	require.Equal(t, "Managed by Pulumi: k8s-tunnel/test", e.resources["edge-apex"]["comment"].StringValue())
	require.Equal(t, "account", e.resources["edge-tunnel"]["accountId"].StringValue())
	require.Equal(t, "k8s-tunnel-test-a1b2c3", e.resources["edge-tunnel"]["name"].StringValue())
	require.True(t, e.resources["cloudflare"]["apiToken"].IsSecret())
}

func TestProgram_SettingsReachResources(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "example.com")
	require.NoError(t, e.up(map[string]string{
		"k8s-tunnel:replicas":   "3",
		"k8s-tunnel:image":      "cloudflare/cloudflared:2026.4.0",
		"k8s-tunnel:origin":     "http://traefik.kube-system",
		"k8s-tunnel:tunnelName": "home",
		"k8s-tunnel:rotation":   "2026-11",
		"kubernetes:context":    "home",
		"kubernetes:kubeconfig": "/home/me/.kube/home",
		"cloudflare:rps":        "800",
	}))
	spec := e.resources["edge-cloudflared"]["spec"].ObjectValue()
	require.InDelta(t, 3, spec["replicas"].NumberValue(), 0)
	require.Equal(t, "home-2026-11-a1b2c3", e.resources["edge-tunnel"]["name"].StringValue())
	require.Contains(t, e.resources["edge-config"]["data"].ObjectValue()["config.yaml"].StringValue(), "http://traefik.kube-system")
	require.Equal(t, "home", e.resources["kubernetes"]["context"].StringValue())
	require.Equal(t, "/home/me/.kube/home", e.resources["kubernetes"]["kubeconfig"].StringValue())
	require.Equal(t, e.api.Hostname(), e.resources["cloudflare"]["apiHostname"].StringValue())
	require.InDelta(t, 800, e.resources["cloudflare"]["rps"].NumberValue(), 0)
}

func TestProgram_BadSettings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		settings map[string]string
		want     []string
	}{
		{"nothing set", map[string]string{"k8s-tunnel:domain": "", "cloudflare:apiToken": ""}, []string{"domain: not set", "cloudflare:apiToken: not set"}},
		{"token in plain text", map[string]string{"cloudflare:apiToken!": "t"}, []string{"cloudflare:apiToken: stored in plain text"}},
		{"replicas no number", map[string]string{"k8s-tunnel:replicas": "two"}, []string{`replicas: "two" is not a whole number`}},
		{"no replicas", map[string]string{"k8s-tunnel:replicas": "0"}, []string{`replicas: "0"`}},
		{"rules that are no list", map[string]string{"k8s-tunnel:ingress": "example.com"}, []string{`ingress: "example.com" is not a list`}},
		{
			"rules in detail",
			map[string]string{"k8s-tunnel:ingress": `[{"hostname": "a.example.com", "service": "web:80"}, {"hostname": "b.example.com", "service": "http://web.b", "orginRequest": {}}]`},
			[]string{"ingress[1].orginRequest: no such field; did you mean originRequest?", `ingress[0].service: "web:80" has no scheme, such as http://web:80`},
		},
		{"name in no zone", map[string]string{"k8s-tunnel:hostnames": `["photos.example.net"]`}, []string{"hostnames[0]: photos.example.net lies neither in the domain"}},
		{"zone that is none", map[string]string{"k8s-tunnel:zones": `["net"]`}, []string{`zones: "net" is not a domain name`}},
		{
			"all at once",
			map[string]string{"k8s-tunnel:domain": "com", "k8s-tunnel:origin": "web:80", "k8s-tunnel:replicas": "30", "cloudflare:rps": "x"},
			[]string{"domain: ", "origin: ", "replicas: 30 is too many", "cloudflare:rps: "},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, "example.com")
			err := e.up(test.settings)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, e.resources, "nothing may be planned")
			require.Empty(t, e.api.Calls(), "nobody may be asked")
		})
	}
}

// What Cloudflare says against the settings is reported before anything is planned.
func TestProgram_Preflight(t *testing.T) {
	t.Parallel()
	const tunnel = "11111111-2222-3333-4444-555555555555"
	taken := apitest.Record{
		Zone: "zone of example.com", Name: "*.example.com", Type: "CNAME",
		Content: components.TunnelCNAME(tunnel), Comment: components.RecordComment("k8s-tunnel", "other"),
	}
	address := apitest.Record{Zone: "zone of example.com", Name: "example.com", Type: "A", Content: "192.0.2.7"}
	for _, test := range []struct {
		name     string
		zones    []string
		settings map[string]string
		records  []apitest.Record
		want     []string // none: fine
	}{
		{"unknown zone", nil, nil, nil, []string{"domain: the token sees no zone named example.com"}},
		{"another zone's identifier", []string{"example.com", "example.net"}, map[string]string{"k8s-tunnel:zoneId": "zone of example.net"}, nil, []string{"zoneId: zone of example.net is the zone example.net"}},
		{"names that are taken", []string{"example.com"}, nil, []apitest.Record{address, taken}, []string{"domain: example.com has a record of type A already, 192.0.2.7", "belongs to stack k8s-tunnel/other"}},
		{"takeover allowed", []string{"example.com"}, map[string]string{"k8s-tunnel:allowTakeover": "true"}, []apitest.Record{taken}, nil},
		{"existing tunnel of nobody", []string{"example.com"}, map[string]string{"k8s-tunnel:existingTunnel": tunnel}, nil, []string{"existingTunnel: account account has no tunnel " + tunnel}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			e := newEngine(t, test.zones...)
			e.api.Records = test.records
			err := e.up(test.settings)
			if len(test.want) == 0 {
				require.NoError(t, err)
				return
			}
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, e.resources, "nothing may be planned")
		})
	}
}

// A tunnel that somebody deleted is let go of first, with an error that says what
// to do, and made anew by the next update.
func TestProgram_LostTunnel(t *testing.T) {
	t.Parallel()
	const tunnel, when = "11111111-2222-3333-4444-555555555555", "2026-11-20T10:11:12Z"
	e := newEngine(t, "example.com")
	deleted := when
	e.api.Tunnels = []apitest.Tunnel{{Account: "account", ID: tunnel, Name: "home-a1b2c3", DeletedAt: &deleted}}
	e.outputs = resource.PropertyMap{"tunnelId": resource.NewProperty(tunnel)}
	err := e.up(nil)
	require.ErrorContains(t, err, "tunnel home-a1b2c3 ("+tunnel+", until 2026-11-20 10:11:12 UTC) was deleted at Cloudflare")
	require.ErrorContains(t, err, "run pulumi up once more")
	require.Contains(t, e.read, "edge-tunnel "+tunnel)

	e.preview = true
	require.NoError(t, e.up(nil), "a preview that fails would keep the update from running")

	e.preview, e.outputs, e.read = false, nil, nil
	require.NoError(t, e.up(nil))
	require.NotContains(t, strings.Join(e.read, "\n"), "edge-tunnel")
}

// A home lab that was set up by hand: the API server under a host of its own,
// Traefik for two hosts, ingress-nginx for the rest, on many small nodes.
func TestProgram_HomeLab(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "example.com")
	require.NoError(t, e.up(map[string]string{
		"k8s-tunnel:ingress": `[
			{"hostname": "api.example.com", "service": "https://kubernetes.default.svc", "originRequest": {"noTLSVerify": true}},
			{"hostname": "photos.example.com", "service": "http://traefik.kube-system"},
			{"hostname": "music.example.com", "service": "http://traefik.kube-system"}]`,
		"k8s-tunnel:replicas":  "6",
		"k8s-tunnel:namespace": "cloudflared",
		"k8s-tunnel:pod": `{
			"tolerations": [{"key": "node-role.kubernetes.io/control-plane", "operator": "Exists", "effect": "NoSchedule"}],
			"imagePullSecrets": ["registry"]}`,
		"k8s-tunnel:networkPolicy": `{"origins": [{"host": "kubernetes.default.svc", "to": [{"cidr": "192.0.2.10/32", "ports": [6443]}]}]}`,
	}))
	_, rules, _ := strings.Cut(e.resources["edge-config"]["data"].ObjectValue()["config.yaml"].StringValue(), "ingress:\n")
	require.Equal(t, `    - hostname: api.example.com
      service: https://kubernetes.default.svc
      originRequest:
        noTLSVerify: true
    - hostname: photos.example.com
      service: http://traefik.kube-system
    - hostname: music.example.com
      service: http://traefik.kube-system
    - service: http://ingress-nginx-controller.ingress-nginx
`, rules)
	spec := e.resources["edge-cloudflared"]["spec"].ObjectValue()
	require.InDelta(t, 6, spec["replicas"].NumberValue(), 0)
	pod := spec["template"].ObjectValue()["spec"].ObjectValue()
	require.Equal(t, "ScheduleAnyway", pod["topologySpreadConstraints"].ArrayValue()[0].ObjectValue()["whenUnsatisfiable"].StringValue())
	require.Equal(t, "node-role.kubernetes.io/control-plane", pod["tolerations"].ArrayValue()[0].ObjectValue()["key"].StringValue())
	require.Equal(t, "registry", pod["imagePullSecrets"].ArrayValue()[0].ObjectValue()["name"].StringValue())
}

// Only the zones that names lie in are looked up.
func TestProgram_FurtherZones(t *testing.T) {
	t.Parallel()
	e := newEngine(t, "example.com", "example.net")
	require.NoError(t, e.up(map[string]string{
		"k8s-tunnel:zones":     `["example.net", "example.org"]`,
		"k8s-tunnel:hostnames": `["photos.example.net", "*.example.net"]`,
	}))
	require.Equal(t, "zone of example.net", e.resources["edge-record-photos.example.net"]["zoneId"].StringValue())
	require.Equal(t, "zone of example.net", e.resources["edge-wildcard-example.net"]["zoneId"].StringValue())
	require.NotContains(t, strings.Join(e.api.Calls(), "\n"), "example.org")
}

func TestUnknownSettings(t *testing.T) {
	t.Parallel()
	own := reader{asked: []string{"domain", "hostnames", "ingress"}}
	cf := reader{namespace: "cloudflare:", asked: []string{"apiToken", "apiHostname"}}
	require.NoError(t, unknownSettings("k8s-tunnel", `{"k8s-tunnel:domain": "example.com", "kubernetes:context": "home"}`, &own, &cf))
	require.NoError(t, unknownSettings("k8s-tunnel", "", &own, &cf))
	err := unknownSettings("k8s-tunnel", `{"k8s-tunnel:hostname": "a", "k8s-tunnel:apiToken": "secret", "k8s-tunnel:domains": "a", "k8s-tunnel:port": "80"}`, &own, &cf)
	require.EqualError(t, err, strings.Join([]string{
		"apiToken: no such setting; did you mean cloudflare:apiToken?",
		"domains: no such setting; did you mean domain?",
		"hostname: no such setting; did you mean hostnames?",
		"port: no such setting; there are domain, hostnames, ingress",
	}, "\n"))
}

func TestDefaultTunnelName(t *testing.T) {
	t.Parallel()
	for stack, want := range map[string]string{
		"prod":                   "k8s-tunnel-prod",
		"Home_Lab.1":             "k8s-tunnel-home-lab-1",
		strings.Repeat("ab", 40): "k8s-tunnel-ababababababababababababababa",
	} {
		require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
			require.Equal(t, want, defaultTunnelName(ctx))
			return nil
		}, pulumi.WithMocks("k8s-tunnel", stack, newEngine(t))))
	}
}

// The table of settings in the README says what Pulumi.yaml says.
func TestReadme_Settings(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("Pulumi.yaml")
	require.NoError(t, err)
	var project struct {
		Config map[string]struct {
			Type        string
			Default     any
			Description string
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &project))
	readme, err := os.ReadFile("README.md")
	require.NoError(t, err)
	rows := map[string]string{}
	for line := range strings.Lines(string(readme)) {
		if key, ok := strings.CutPrefix(line, "| `"); ok {
			key, _, _ = strings.Cut(key, "`")
			rows[key] = line
		}
	}
	require.NotEmpty(t, project.Config)
	for key, setting := range project.Config {
		row, ok := rows[key]
		require.True(t, ok, "the README's table lacks %s", key)
		require.Contains(t, row, setting.Type, key)
		require.Contains(t, row, setting.Description, key)
	}
}
