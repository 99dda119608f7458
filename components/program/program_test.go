package program

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"k8s-tunnel/components"
	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/golden"
	"k8s-tunnel/components/internal/plantest"
	"k8s-tunnel/components/internal/reference"
	"k8s-tunnel/components/names"
)

// testStack is a stack of the program, with the stand-ins of engine and Cloudflare.
type testStack struct {
	plantest.Engine
	api *apitest.API
	// ExtraSecrets are keys that are secrets besides the token.
	ExtraSecrets []string
}

// newStack returns a stack for an account with zones of these names.
func newStack(t *testing.T, zones ...string) *testStack {
	t.Helper()
	s := &testStack{api: apitest.New(t)}
	for _, name := range zones {
		s.api.Zones = append(s.api.Zones, apitest.NewZone("zone of "+name, name, "account"))
	}
	return s
}

// up runs the program with the minimal settings and those given. An empty value
// removes a setting, and a key ending in "!" is stored as plain text.
func (s *testStack) up(settings map[string]string) error {
	s.Config = map[string]string{
		"k8s-tunnel:domain": "example.com", "cloudflare:apiToken": strings.Repeat("t", 40),
		"cloudflare:apiHostname": s.api.Hostname(), "cloudflare:rps": "1000",
	}
	s.Secrets = append([]string{"cloudflare:apiToken"}, s.ExtraSecrets...)
	for k, v := range settings {
		if plain, ok := strings.CutSuffix(k, "!"); ok {
			k, s.Secrets = plain, nil
		}
		s.Config[k] = v
		if v == "" {
			delete(s.Config, k)
		}
	}
	return s.Run(Run)
}

// inputs are the inputs of a resource.
func (s *testStack) inputs(t *testing.T, name string) resource.PropertyMap {
	return s.Find(t, name).Inputs
}

// writeKubeconfig writes a kubeconfig, and returns its path.
func writeKubeconfig(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "config")
	require.NoError(t, os.WriteFile(path, []byte("clusters: []\n"), 0o600))
	return path
}

func TestProgram_LeastSettings(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(nil))
	require.Equal(t, "zone of example.com", stack.inputs(t, "edge-apex")["zoneId"].StringValue())
	require.Equal(t, "Managed by Pulumi: k8s-tunnel/test [0a1b2c3d]", stack.inputs(t, "edge-apex")["comment"].StringValue())
	require.Equal(t, "account", stack.inputs(t, "edge-tunnel")["accountId"].StringValue())
	require.Equal(t, "k8s-tunnel-test-a1b2c3", stack.inputs(t, "edge-tunnel")["name"].StringValue())
	require.True(t, stack.inputs(t, "cloudflare")["apiToken"].IsSecret())
}

func TestProgram_SettingsReachResources(t *testing.T) {
	t.Parallel()
	stack, kubeconfig := newStack(t, "example.com"), writeKubeconfig(t)
	require.NoError(t, stack.up(map[string]string{
		"k8s-tunnel:replicas":   "3",
		"k8s-tunnel:image":      "cloudflare/cloudflared:2026.4.0",
		"k8s-tunnel:origin":     "http://traefik.kube-system",
		"k8s-tunnel:tunnelName": "home",
		"k8s-tunnel:rotation":   "2026-11",
		"kubernetes:context":    "home",
		"kubernetes:kubeconfig": kubeconfig,
		"cloudflare:rps":        "800",
	}))
	spec := stack.inputs(t, "edge-cloudflared")["spec"].ObjectValue()
	require.InDelta(t, 3, spec["replicas"].NumberValue(), 0)
	require.Equal(t, "home-2026-11-a1b2c3", stack.inputs(t, "edge-tunnel")["name"].StringValue())
	require.Contains(t, stack.inputs(t, "edge-config")["data"].ObjectValue()["config.yaml"].StringValue(), "http://traefik.kube-system")
	require.Equal(t, "home", stack.inputs(t, "kubernetes")["context"].StringValue())
	require.Equal(t, kubeconfig, stack.inputs(t, "kubernetes")["kubeconfig"].StringValue())
	require.Equal(t, stack.api.Hostname(), stack.inputs(t, "cloudflare")["apiHostname"].StringValue())
	require.InDelta(t, 800, stack.inputs(t, "cloudflare")["rps"].NumberValue(), 0)
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
		{"name that is none", map[string]string{"k8s-tunnel:hostnames": `["photos"]`}, []string{`hostnames[0]: "photos" is not a full host name`}},
		{
			"identifiers that are none",
			map[string]string{"k8s-tunnel:zoneId": "example.com", "k8s-tunnel:accountId": strings.Repeat("A", 32)},
			[]string{`zoneId: "example.com" is not an identifier of 32 digits`, `accountId: "` + strings.Repeat("A", 32) + `" is not an identifier`},
		},
		{"kubeconfig that isn't there", map[string]string{"kubernetes:kubeconfig": "~/.kube/there/is/none"}, []string{"kubernetes:kubeconfig: there is no file"}},
		{
			"all at once",
			map[string]string{"k8s-tunnel:domain": "com", "k8s-tunnel:origin": "web:80", "k8s-tunnel:replicas": "30", "cloudflare:rps": "x"},
			[]string{"domain: ", "origin: ", "replicas: 30 is too many", "cloudflare:rps: "},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stack := newStack(t, "example.com")
			err := stack.up(test.settings)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, stack.Registrations(), "nothing may be registered")
			require.Empty(t, stack.api.Calls(), "Cloudflare may not be asked")
		})
	}
}

// A value that can't be read is one problem: nothing else is blamed for it, nor is the
// empty value in its place.
func TestProgram_UnreadSettings(t *testing.T) {
	t.Parallel()
	const inQuotes = " is not a string; put it in quotes, or add --type string to pulumi config set"
	for _, test := range []struct {
		name     string
		settings map[string]string
		want     string
	}{
		{"names that are no list", map[string]string{"k8s-tunnel:domain": "", "k8s-tunnel:hostnames": "a.example.com"}, `hostnames: "a.example.com" is not a list`},
		{"names that are no list, beside a domain", map[string]string{"k8s-tunnel:domain": "com", "k8s-tunnel:hostnames": "a.example.com"}, `hostnames: "a.example.com" is not a list` + "\n" + `domain: "com" is not a domain name, such as example.com`},
		{"names that are none", map[string]string{"k8s-tunnel:domain": "", "k8s-tunnel:hostnames": "[5, 6]"}, "hostnames[0]: 5" + inQuotes + "\nhostnames[1]: 6" + inQuotes},
		{"rules for a host in the policy", map[string]string{"k8s-tunnel:ingress": "nas", "k8s-tunnel:networkPolicy": `{"origins": [{"host": "nas.home.lan", "to": [{"cidr": "192.168.1.20/32"}]}]}`}, `ingress: "nas" is not a list`},
		{"scraping namespaces", map[string]string{"k8s-tunnel:networkPolicy": `{"metricsFrom": "monitoring"}`, "k8s-tunnel:monitoring": `{"podMonitor": {}}`}, `networkPolicy.metricsFrom: "monitoring" is not a list`},
		{"domain", map[string]string{"k8s-tunnel:domain": "2026-12-01 00:00:00 +0000 UTC"}, `domain: "2026-12-01 00:00:00 +0000 UTC" is what YAML makes of a date or a time; write what was meant in quotes`},
		{"service", map[string]string{"k8s-tunnel:ingress": `[{"hostname": "a.example.com", "service": 8080}]`}, "ingress[0].service: 8080" + inQuotes},
		{"host of a rule", map[string]string{"k8s-tunnel:ingress": `[{"hostname": 5, "service": "http://web.default"}, {"service": "http_status:404"}]`}, "ingress[0].hostname: 5" + inQuotes},
		{"maximum", map[string]string{"k8s-tunnel:autoscaling": `{"maxReplicas": "5"}`}, `autoscaling.maxReplicas: "5" is not a whole number`},
		{
			"tag",
			map[string]string{
				"k8s-tunnel:originRequest": `{"access": {"required": true, "teamName": "home", "audTag": "tag"}}`,
				"k8s-tunnel:networkPolicy": `{"origins": [{"host": "home.cloudflareaccess.com", "to": [{"cidr": "192.0.2.0/24", "ports": [443]}]}]}`,
			},
			`originRequest.access.audTag: "tag" is not a list`,
		},
		{"limit", map[string]string{"k8s-tunnel:pod": `{"resources": {"limits": {"cpu": {}}}}`}, "pod.resources.limits.cpu: {} is not a string"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.EqualError(t, newStack(t, "example.com").up(test.settings), "1 error occurred:\n\t* the settings of stack test are invalid:\n"+test.want+"\n\n")
		})
	}
}

// What Cloudflare knows against the settings is reported before anything is registered.
func TestProgram_Preflight(t *testing.T) {
	t.Parallel()
	const tunnel = "11111111-2222-3333-4444-555555555555"
	taken := apitest.Record{
		Zone: "zone of example.com", Name: "*.example.com", Type: "CNAME",
		Content: names.TunnelCNAME(tunnel), Comment: names.Owner{Stack: "k8s-tunnel/other", Identity: "ffffffff"}.Comment(),
	}
	address := apitest.Record{Zone: "zone of example.com", Name: "example.com", Type: "A", Content: "192.0.2.7"}
	for _, test := range []struct {
		name     string
		zones    []string
		settings map[string]string
		records  []apitest.Record
		want     []string // none: fine
	}{
		{"unknown zone", nil, nil, nil, []string{"domain: the token sees no zone that example.com lies in"}},
		{"names that are taken", []string{"example.com"}, nil, []apitest.Record{address, taken}, []string{"domain: example.com has a record of type A already, \"192.0.2.7\"", "belongs to stack \"k8s-tunnel/other\""}},
		{"takeover allowed", []string{"example.com"}, map[string]string{"k8s-tunnel:allowTakeover": "true"}, []apitest.Record{taken}, nil},
		{"existing tunnel of nobody", []string{"example.com"}, map[string]string{"k8s-tunnel:existingTunnel": tunnel}, nil, []string{"existingTunnel: account account has no tunnel " + tunnel}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stack := newStack(t, test.zones...)
			stack.api.Records = test.records
			err := stack.up(test.settings)
			if len(test.want) == 0 {
				require.NoError(t, err)
				return
			}
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			require.Empty(t, stack.Registrations(), "nothing may be registered")
		})
	}
}

// The update after a tunnel was deleted elsewhere forgets it and fails, saying what
// to do; the next one creates a new tunnel.
func TestProgram_DeletedTunnel(t *testing.T) {
	t.Parallel()
	const tunnel, when = plantest.TunnelID, "2026-11-20T10:11:12Z"
	stack := newStack(t, "example.com")
	deleted := when
	stack.api.Tunnels = []apitest.Tunnel{{Account: "account", ID: tunnel, Name: "home-a1b2c3", DeletedAt: &deleted}}
	stack.State = map[string]resource.PropertyMap{components.CloudflareTunnelType + "::edge": {"tunnelId": resource.NewProperty(tunnel)}}
	err := stack.up(nil)
	const name = "tunnel \"home-a1b2c3\" (" + tunnel + ", until 2026-11-20 10:11:12 UTC)"
	require.ErrorContains(t, err, "the stack has now forgotten "+name+"; run pulumi up again to create a new one")
	warnings := []string{name + " was deleted outside of this stack; this update forgets it, and the next one creates a new tunnel"}
	require.Equal(t, warnings, stack.Warnings())
	forgotten := stack.Find(t, "edge-tunnel")
	require.True(t, forgotten.Read)
	require.Equal(t, tunnel, forgotten.ID)
	require.Empty(t, stack.Outputs(t, "k8s-tunnel-test")["tunnelId"].StringValue(), "the next update knows of no tunnel")

	stack.Preview = true
	require.NoError(t, stack.up(nil), "a preview that fails would keep the update from running")
	require.Equal(t, warnings, stack.Warnings())

	stack.Preview, stack.State = false, nil
	require.NoError(t, stack.up(nil))
	require.False(t, stack.Find(t, "edge-tunnel").Read)
	require.Empty(t, stack.Warnings())
}

// A home lab that was set up by hand: the API server under a host of its own,
// Traefik for two hosts, ingress-nginx for the rest, on many small nodes.
func TestProgram_HomeLab(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(map[string]string{
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
	_, rules, _ := strings.Cut(stack.inputs(t, "edge-config")["data"].ObjectValue()["config.yaml"].StringValue(), "ingress:\n")
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
	spec := stack.inputs(t, "edge-cloudflared")["spec"].ObjectValue()
	require.InDelta(t, 6, spec["replicas"].NumberValue(), 0)
	pod := spec["template"].ObjectValue()["spec"].ObjectValue()
	require.Equal(t, "ScheduleAnyway", pod["topologySpreadConstraints"].ArrayValue()[0].ObjectValue()["whenUnsatisfiable"].StringValue())
	require.Equal(t, "node-role.kubernetes.io/control-plane", pod["tolerations"].ArrayValue()[0].ObjectValue()["key"].StringValue())
	require.Equal(t, "registry", pod["imagePullSecrets"].ArrayValue()[0].ObjectValue()["name"].StringValue())
}

// The zones are found by the names. Stacks that still name them are told.
func TestProgram_FurtherZones(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com", "example.net")
	settings := map[string]string{"k8s-tunnel:hostnames": `["photos.example.net", "*.example.net"]`}
	require.NoError(t, stack.up(settings))
	require.Empty(t, stack.Warnings())
	require.Equal(t, "zone of example.net", stack.inputs(t, "edge-record-photos.example.net")["zoneId"].StringValue())
	require.Equal(t, "zone of example.net", stack.inputs(t, "edge-wildcard-example.net")["zoneId"].StringValue())
	settings["k8s-tunnel:zones"] = `["example.net"]`
	require.NoError(t, stack.up(settings))
	require.Len(t, stack.Warnings(), 1)
	require.Contains(t, stack.Warnings()[0], "zones: has no effect any more")
}

// The provider's pace follows from the number of names, unless it is set.
func TestProgram_Pace(t *testing.T) {
	t.Parallel()
	many := []string{}
	for i := range 200 {
		many = append(many, fmt.Sprintf("%q", fmt.Sprintf("h%d.example.com", i)))
	}
	for _, test := range []struct {
		settings map[string]string
		want     float64
	}{
		{map[string]string{"cloudflare:rps": ""}, 25},
		{map[string]string{"cloudflare:rps": "", "k8s-tunnel:hostnames": "[" + strings.Join(many, ",") + "]"}, 3},
		{map[string]string{"cloudflare:rps": "7"}, 7},
	} {
		stack := newStack(t, "example.com")
		require.NoError(t, stack.up(test.settings))
		require.InDelta(t, test.want, stack.inputs(t, "cloudflare")["rps"].NumberValue(), 0)
	}
}

// Single names need no domain, and leave the zone's own name alone.
func TestProgram_SingleNames(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com")
	stack.api.Records = []apitest.Record{{Zone: "zone of example.com", Name: "example.com", Type: "A", Content: "192.0.2.7"}}
	require.NoError(t, stack.up(map[string]string{"k8s-tunnel:domain": "", "k8s-tunnel:hostnames": `["app.example.com", "*.dev.example.com"]`}))
	require.Equal(t, []any{"app.example.com", "*.dev.example.com"}, stack.Outputs(t, "k8s-tunnel-test")["hostnames"].Mappable())
	require.Equal(t, "*.dev", stack.inputs(t, "edge-wildcard-dev.example.com")["name"].StringValue())
	require.Equal(t, "zone of example.com", stack.inputs(t, "edge")["zoneId"].StringValue())
}

func TestDefaultTunnelName(t *testing.T) {
	t.Parallel()
	for stack, want := range map[string]string{
		"prod":                   "k8s-tunnel-prod",
		"Home_Lab.1":             "k8s-tunnel-home-lab-1",
		strings.Repeat("ab", 40): "k8s-tunnel-ababababababababababababababa",
	} {
		engine := plantest.Engine{Options: []pulumi.RunOption{func(info *pulumi.RunInfo) { info.Stack = stack }}}
		require.NoError(t, engine.Run(func(ctx *pulumi.Context) error {
			require.Equal(t, want, defaultTunnelName(ctx))
			return nil
		}))
	}
}

// A stack that was renamed keeps what it has if its tunnel's name is set to the one that followed from
// the former name. It is still the owner of its records.
func TestProgram_RenamedStack(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com")
	former := map[string]string{"k8s-tunnel:tunnelName": "k8s-tunnel-old"}
	require.NoError(t, stack.up(former))
	before := plan(t, stack)
	stack.State = map[string]resource.PropertyMap{}
	for _, r := range stack.Registrations() {
		outputs := r.Inputs.Copy()
		outputs["id"] = resource.NewProperty(r.Name)
		switch {
		case r.Name == "edge-identity":
			outputs["hex"] = resource.NewProperty(plantest.Identity)
		case r.Name == "edge-suffix":
			outputs["hex"] = resource.NewProperty(plantest.NameSuffix)
		case r.Name == "edge-tunnel":
			outputs["id"] = resource.NewProperty(plantest.TunnelID)
			stack.api.Tunnels = []apitest.Tunnel{{Account: "account", ID: plantest.TunnelID, Name: outputs["name"].StringValue()}}
		case strings.HasPrefix(r.Type, "cloudflare:index/record:"):
			outputs["comment"] = resource.NewProperty("Managed by Pulumi: k8s-tunnel/old [" + plantest.Identity + "]")
			stack.api.Records = append(stack.api.Records, apitest.Record{
				Zone: outputs["zoneId"].StringValue(), ID: r.Name, Name: strings.Replace(outputs["name"].StringValue(), "*", "*.example.com", 1),
				Type: "CNAME", Content: outputs["content"].StringValue(), Comment: outputs["comment"].StringValue(), Proxied: new(true),
			})
		}
		stack.State[components.CloudflareTunnelType+"$"+r.Type+"::"+r.Name] = outputs
	}
	require.NoError(t, stack.up(former))
	require.Empty(t, stack.Warnings())
	require.Equal(t, before, plan(t, stack), "of all this, the state lacks only the comments")

	require.NoError(t, stack.up(nil))
	require.Contains(t, stack.inputs(t, "edge-tunnel")["name"].StringValue(), "k8s-tunnel-test-", "without the setting, it is replaced")
}

// The state doesn't say which cluster a context of the usual kubeconfig leads to.
func TestProgram_AnotherContext(t *testing.T) {
	t.Parallel()
	const home, work = "home", "work"
	for _, test := range []struct {
		name                        string
		lastKubeconfig, lastContext string
		kubeconfig, context         string
		gone                        bool // there is nothing in the cluster
		refused                     bool
	}{
		{name: "none before", context: work},
		{name: "the same", lastContext: home, context: home},
		{name: "another one", lastContext: home, context: work, refused: true},
		{name: "another one, together with a kubeconfig", lastContext: home, kubeconfig: "{clusters: []}", context: work, refused: true},
		{name: "another one of a kubeconfig that the state knows", lastKubeconfig: "{clusters: []}", lastContext: home, kubeconfig: "{clusters: []}", context: work},
		{name: "none any more", lastContext: home},
		{name: "another one, with nothing in the old cluster", lastContext: home, context: work, gone: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			stack := newStack(t, "example.com")
			stack.State = map[string]resource.PropertyMap{"pulumi:providers:kubernetes::kubernetes": resource.NewPropertyMapFromMap(
				map[string]any{"kubeconfig": test.lastKubeconfig, "context": test.lastContext},
			)}
			if !test.gone {
				stack.State[components.CloudflareTunnelType+"$kubernetes:core/v1:Namespace::edge-namespace"] = resource.PropertyMap{}
			}
			err := stack.up(map[string]string{"kubernetes:kubeconfig": test.kubeconfig, "kubernetes:context": test.context})
			if !test.refused {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, `kubernetes:context: was "home" so far`)
			require.Empty(t, stack.Registrations())
		})
	}
}

// The cluster of the last update is known by its certificate authority. Another one is refused,
// unless the provider sees the difference too.
func TestProgram_AnotherCluster(t *testing.T) {
	directory := t.TempDir()
	contents := func(a, b string) string {
		return "current-context: a\ncontexts: [{name: a, context: {cluster: a}}, {name: b, context: {cluster: b}}]\n" +
			"clusters: [{name: a, cluster: {server: https://192.0.2.1, certificate-authority-data: " + a + "}}, {name: b, cluster: {server: https://192.0.2.1, certificate-authority-data: " + b + "}}]"
	}
	write := func(name, contents string) string {
		path := filepath.Join(directory, name)
		require.NoError(t, os.WriteFile(path, []byte(contents), 0o600))
		return path
	}
	one, two := contents("QQ==", "Qg=="), contents("Qg==", "QQ==")
	usual, other := write("usual", one), write("other", two)
	t.Setenv("KUBECONFIG", usual)

	t.Setenv("PULUMI_MONITOR", "127.0.0.1:1")
	// mark is what an update with these settings leaves behind.
	mark := func(kubeconfig, context string) resource.PropertyValue {
		stack := newStack(t, "example.com")
		require.NoError(t, stack.up(map[string]string{"kubernetes:kubeconfig": kubeconfig, "kubernetes:context": context}))
		return stack.Outputs(t, "k8s-tunnel-test")["cluster"]
	}
	require.Regexp(t, "^[0-9a-f]{16}[.][0-9a-f]{8}$", mark("", "").StringValue())

	const refused = "leads to another cluster than at the last update"
	type settings struct{ kubeconfig, context string }
	for _, test := range []struct {
		name  string
		usual string   // KUBECONFIG, if it isn't that of the last update
		done  settings // of the last update that came to its end
		last  settings // of the provider in the state
		now   settings
		gone  bool // the refresh has found nothing in the cluster
		want  string
	}{
		{name: "the usual one"},
		{name: "the usual one by its path", now: settings{usual, ""}},
		{name: "its contents", usual: other, now: settings{one, ""}},
		{name: "another usual one", usual: other, want: "kubernetes:kubeconfig: your usual kubeconfig " + refused},
		{name: "another usual one, after a refresh", usual: other, gone: true, want: refused},
		{name: "another context of the usual one, given for the first time", now: settings{"", "b"}, want: refused},
		{name: "another name of its context", usual: other, done: settings{"", "a"}, last: settings{"", "a"}, now: settings{"", "b"}},
		{name: "another file, given for the first time", now: settings{other, ""}, want: "kubernetes:kubeconfig: " + other + " " + refused},
		{name: "other contents, given for the first time", now: settings{two, ""}, want: "kubernetes:kubeconfig: the given kubeconfig " + refused},
		{name: "none any more", usual: other, done: settings{usual, ""}, last: settings{usual, ""}, want: refused},
		{name: "another file", done: settings{usual, ""}, last: settings{usual, ""}, now: settings{other, ""}},
		{name: "another file, after a move that failed", done: settings{usual, ""}, last: settings{other, ""}, now: settings{other, ""}},
		{name: "the old file, after a move that failed", done: settings{usual, ""}, last: settings{other, ""}, now: settings{usual, ""}},
		{name: "another context of the file", done: settings{usual, "a"}, last: settings{usual, "a"}, now: settings{usual, "b"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv("KUBECONFIG", usual)
			stack := newStack(t, "example.com")
			stack.State = map[string]resource.PropertyMap{
				"pulumi:pulumi:Stack::k8s-tunnel-test": {"cluster": mark(test.done.kubeconfig, test.done.context)},
				"pulumi:providers:kubernetes::kubernetes": {
					"kubeconfig": resource.NewProperty(test.last.kubeconfig), "context": resource.NewProperty(test.last.context),
				},
			}
			if !test.gone {
				stack.State[components.CloudflareTunnelType+"$kubernetes:core/v1:Namespace::edge-namespace"] = resource.PropertyMap{}
			}
			if test.usual != "" {
				t.Setenv("KUBECONFIG", test.usual)
			}
			now := map[string]string{"kubernetes:kubeconfig": test.now.kubeconfig, "kubernetes:context": test.now.context}
			if test.want == "" {
				require.NoError(t, stack.up(now))
				return
			}
			require.ErrorContains(t, stack.up(now), test.want)
			require.Empty(t, stack.Registrations())
			t.Setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
			require.NoError(t, stack.up(now))
		})
	}

	t.Run("a file whose current context has changed", func(t *testing.T) {
		t.Setenv("KUBECONFIG", usual)
		path := write("changing", one)
		stack := newStack(t, "example.com")
		stack.State = map[string]resource.PropertyMap{
			"pulumi:pulumi:Stack::k8s-tunnel-test":    {"cluster": mark(path, "")},
			"pulumi:providers:kubernetes::kubernetes": {"kubeconfig": resource.NewProperty(path)},
		}
		require.NoError(t, stack.up(map[string]string{"kubernetes:kubeconfig": path}))
		write("changing", two)
		require.ErrorContains(t, stack.up(map[string]string{"kubernetes:kubeconfig": path}), refused)
		require.ErrorContains(t, stack.up(map[string]string{"kubernetes:kubeconfig": path, "kubernetes:context": "a"}), refused, "today, it leads there without the context as well")
		require.NoError(t, stack.up(map[string]string{"kubernetes:kubeconfig": path, "kubernetes:context": "b"}))
	})
}

// Commands that don't run the program use the context that is current.
func TestProgram_OpenContext(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "config")
	contents := "current-context: a\ncontexts: [{name: a, context: {cluster: a}}, {name: b, context: {cluster: b}}]"
	require.NoError(t, os.WriteFile(path, []byte(contents), 0o600))
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(map[string]string{"kubernetes:kubeconfig": path}))
	require.Len(t, stack.Warnings(), 1)
	require.Contains(t, stack.Warnings()[0], "kubernetes:context: isn't set, and "+path+" has contexts of other clusters")
	require.NoError(t, stack.up(map[string]string{"kubernetes:kubeconfig": path, "kubernetes:context": "a"}))
	require.Empty(t, stack.Warnings())
	stack.ExtraSecrets = []string{"kubernetes:kubeconfig"}
	require.NoError(t, stack.up(map[string]string{"kubernetes:kubeconfig": contents}))
	require.Empty(t, stack.Warnings())
}

// A command that forgets what is in the old cluster may move to another context.
func TestProgram_AnotherContextOfALostCluster(t *testing.T) {
	t.Setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
	stack := newStack(t, "example.com")
	stack.State = map[string]resource.PropertyMap{
		"pulumi:providers:kubernetes::kubernetes":                                         {"context": resource.NewProperty("home")},
		components.CloudflareTunnelType + "$kubernetes:core/v1:Namespace::edge-namespace": {},
	}
	require.NoError(t, stack.up(map[string]string{"kubernetes:context": "work"}))
}

// A process that runs other programs at the same time, by the Automation API, keeps its variables.
func TestProgram_KeepsVariables(t *testing.T) {
	const variable = "PULUMI_K8S_DELETE_UNREACHABLE"
	t.Setenv(variable, "true")
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(nil))
	var kept []bool
	require.NoError(t, stack.Run(func(ctx *pulumi.Context) error {
		look := func(registered *pulumi.ResourceTransformationArgs) *pulumi.ResourceTransformationResult {
			if registered.Type == "pulumi:providers:kubernetes" {
				kept = append(kept, os.Getenv(variable) == "true")
			}
			return nil
		}
		return errors.Join(ctx.RegisterStackTransformation(look), Run(ctx))
	}))
	require.Equal(t, []bool{true}, kept)
	require.NotContains(t, stack.inputs(t, "kubernetes"), resource.PropertyKey("deleteUnreachable"))
}

// The providers of the settings reach the component's children.
func TestProgram_Providers(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(nil))
	for _, r := range stack.Registrations() {
		switch {
		case strings.HasPrefix(r.Type, "cloudflare:"):
			require.Contains(t, r.Provider, "pulumi:providers:cloudflare::cloudflare::", r.Name)
		case strings.HasPrefix(r.Type, "kubernetes:"):
			require.Contains(t, r.Provider, "pulumi:providers:kubernetes::kubernetes::", r.Name)
		case strings.HasPrefix(r.Type, "random:"):
			require.Contains(t, r.Provider, "pulumi:providers:random::random::", r.Name, "default providers may be disabled")
		}
	}
}

// A kubeconfig that is stored as a secret stays one.
func TestProgram_SecretKubeconfig(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com")
	settings := map[string]string{"kubernetes:kubeconfig": "users: [{name: me, user: {client-key-data: key}}]"}
	require.NoError(t, stack.up(settings))
	require.False(t, stack.inputs(t, "kubernetes")["kubeconfig"].IsSecret())
	require.Len(t, stack.Warnings(), 1)
	require.Contains(t, stack.Warnings()[0], "kubernetes:kubeconfig: its contents are stored in plain text, credentials included; run: pulumi config set --secret")
	stack.ExtraSecrets = []string{"kubernetes:kubeconfig"}
	require.NoError(t, stack.up(settings))
	require.True(t, stack.inputs(t, "kubernetes")["kubeconfig"].IsSecret())
	require.Empty(t, stack.Warnings())

	stack.ExtraSecrets = []string{"k8s-tunnel:origin"}
	require.ErrorContains(t, stack.up(map[string]string{"k8s-tunnel:origin": "http://web.default"}), "origin: is stored as a secret")
}

// Another way to the same cluster isn't another cluster.
func TestProgram_ClusterIdentity(t *testing.T) {
	t.Parallel()
	identifier := func(config map[string]string) any {
		stack := newStack(t, "example.com")
		require.NoError(t, stack.up(config))
		return stack.inputs(t, "kubernetes")["clusterIdentifier"].V
	}
	kubeconfig := func(server string) string {
		return "{contexts: [{name: home, context: {cluster: one}}], clusters: [{name: one, cluster: {certificate-authority-data: QQ==, server: '" + server + "'}}]}"
	}
	one := identifier(map[string]string{"kubernetes:kubeconfig": kubeconfig("https://192.0.2.1:6443"), "kubernetes:context": "home"})
	require.Len(t, one, 16)
	require.Equal(t, one, identifier(map[string]string{"kubernetes:kubeconfig": kubeconfig("https://home.example.com"), "kubernetes:context": "home"}))
	require.NotEqual(t, one, identifier(map[string]string{"kubernetes:kubeconfig": kubeconfig("https://192.0.2.1:6443/two"), "kubernetes:context": "home"}))
	require.Nil(t, identifier(map[string]string{"kubernetes:context": "home"}), "the usual kubeconfig isn't recorded")
	require.Nil(t, identifier(map[string]string{"kubernetes:kubeconfig": writeKubeconfig(t)}), "nor is what a file says")
}

// The setting protects the component and the records, so that nothing they depend on
// can be destroyed.
func TestProgram_Protect(t *testing.T) {
	t.Parallel()
	protected := func(value string) []string {
		stack := newStack(t, "example.com")
		require.NoError(t, stack.up(map[string]string{"k8s-tunnel:protect": value}))
		names := []string{}
		for _, r := range stack.Registrations() {
			if r.Protect {
				names = append(names, r.Name)
			}
		}
		return names
	}
	require.ElementsMatch(t, []string{"edge", "edge-apex", "edge-wildcard"}, protected("true"))
	require.Empty(t, protected(""))
}

func TestProgram_Outputs(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(nil))
	require.Equal(t, map[string]any{
		"tunnelId":    plantest.TunnelID,
		"tunnelCname": plantest.TunnelID + ".cfargotunnel.com",
		"hostnames":   []any{"example.com", "*.example.com"},
		"namespace":   "k8s-tunnel-test-" + plantest.Identity,
		"deployment":  stack.inputs(t, "edge-cloudflared")["metadata"].ObjectValue()["name"].StringValue(),
	}, stack.Outputs(t, "k8s-tunnel-test").Mappable())
}

// Identifiers are checked against the domain, and reach the resources.
func TestProgram_Identifiers(t *testing.T) {
	t.Parallel()
	home, other, account := strings.Repeat("a", 32), strings.Repeat("b", 32), strings.Repeat("c", 32)
	stack := newStack(t)
	stack.api.Zones = []apitest.Zone{apitest.NewZone(home, "example.com", account), apitest.NewZone(other, "example.net", account)}
	require.NoError(t, stack.up(map[string]string{"k8s-tunnel:zoneId": home, "k8s-tunnel:accountId": account}))
	require.Equal(t, home, stack.inputs(t, "edge-apex")["zoneId"].StringValue())
	require.Equal(t, account, stack.inputs(t, "edge-tunnel")["accountId"].StringValue())
	err := stack.up(map[string]string{"k8s-tunnel:zoneId": other, "k8s-tunnel:accountId": account})
	require.ErrorContains(t, err, "zoneId: "+other+" is the zone example.net, which domain example.com doesn't lie in")
	require.Empty(t, stack.Registrations())
}

// The token is named by its setting.
func TestProgram_TokenRefused(t *testing.T) {
	t.Parallel()
	stack := newStack(t, "example.com")
	stack.api.Refusal = 9109
	const want = "cloudflare:apiToken: Cloudflare refuses the API token; create one with the permissions"
	require.ErrorContains(t, stack.up(nil), want)

	stack.api.Refusal, stack.api.RefuseTunnels = 0, true
	require.ErrorContains(t, stack.up(nil), want)
	require.Empty(t, stack.Registrations())

	err := stack.up(map[string]string{"k8s-tunnel:hostnames": `["example.org"]`})
	require.ErrorContains(t, err, want, "no other problem is the setting's")
	require.ErrorContains(t, err, "\nhostnames[0]: the token sees no zone that example.org lies in")
}

// docs/reference.md, README.md and each Pulumi.yaml say what the source says.
func TestReference(t *testing.T) {
	r, err := reference.New(reflect.TypeFor[stackSettings](), ".", "..", "../cloudflared")
	require.NoError(t, err)
	t.Run("Pulumi.yaml", func(t *testing.T) {
		golden.CompareSection(t, "../../Pulumi.yaml", "in CONTRIBUTING.md.\n", "", r.ProjectConfig())
	})
	t.Run("Pulumi's version", func(t *testing.T) {
		for _, project := range []string{"../../Pulumi.yaml", "../../examples/component/Pulumi.yaml"} {
			golden.CompareSection(t, project, "\nrequiredPulumiVersion: ", "\n", strconv.Quote(">="+components.OldestPulumi))
		}
		golden.CompareSection(t, "../../README.md", "- [Pulumi](https://www.pulumi.com/docs/install/) ", " or later", strings.TrimSuffix(components.OldestPulumi, ".0"))
	})
	t.Run("docs/reference.md", func(t *testing.T) {
		golden.CompareSection(t, "../../docs/reference.md", "<!-- settings: generated by make update -->\n", "<!-- /settings -->", r.Markdown(3)+"\n")
	})
}

// A stack gets the same resources with the defaults of Pulumi.yaml, which Pulumi's
// command line fills in, and without any.
func TestReference_DefaultsAreThoseOfTheComponent(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../Pulumi.yaml")
	require.NoError(t, err)
	var project struct {
		Config map[string]struct{ Default any }
	}
	require.NoError(t, yaml.Unmarshal(raw, &project))
	require.NotEmpty(t, project.Config)
	settings := map[string]string{}
	for key, setting := range project.Config {
		if key == "domain" {
			continue
		}
		text, err := json.Marshal(setting.Default)
		require.NoError(t, err)
		settings["k8s-tunnel:"+key] = strings.Trim(string(text), `"`)
	}
	resources := func(settings map[string]string) map[string]string {
		stack := newStack(t, "example.com")
		require.NoError(t, stack.up(settings))
		all := map[string]string{}
		for _, r := range stack.Registrations() {
			if r.Name != "cloudflare" { // each stack has an API of its own
				all[r.Name] = r.JSON(t)
			}
		}
		return all
	}
	require.Equal(t, resources(nil), resources(settings))
	require.Equal(t, components.DefaultImage, settings["k8s-tunnel:image"], "the defaults are there at all")
}
