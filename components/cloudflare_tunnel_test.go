package components

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/cloudflared"
	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/golden"
	"k8s-tunnel/components/internal/plantest"
	"k8s-tunnel/components/internal/surroundings"
	"k8s-tunnel/components/names"
	"k8s-tunnel/components/preflight"
	"k8s-tunnel/components/settings"
)

// The inventory is a contract: a changed type or name replaces resources.
func TestCloudflareTunnel_Inventory(t *testing.T) {
	t.Parallel()
	require.ElementsMatch(t, []string{
		"k8s-tunnel:index:CloudflareTunnel::edge",
		"kubernetes:core/v1:Namespace::edge-namespace",
		"random:index/randomId:RandomId::edge-identity",
		"random:index/randomPassword:RandomPassword::edge-secret",
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
	require.ElementsMatch(t, []string{"edge", "edge-apex", "edge-wildcard"}, protected)
}

func TestCloudflareTunnel_Order(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Autoscaling = &AutoscalingArgs{MaxReplicas: 3}
	args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	args.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{}, Dashboard: &DashboardArgs{}}
	r := declare(t, args)
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
	dependsOn("edge-apex", "edge-autoscaler")
	dependsOn("edge-apex", "edge-pod-monitor")
	dependsOn("edge-apex", "edge-dashboard")
	dependsOn("edge-wildcard", "edge-cloudflared")
}

// The state that an update leaves when it is killed tells which object came before only if no other
// creation or read was under way.
func TestCloudflareTunnel_InTurn(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Namespace = "edge"
	args.Files = []FileArgs{{ConfigMap: "origin-ca", MountPath: "/etc/origin-ca"}}
	args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	args.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{}, Dashboard: &DashboardArgs{}}
	r := declare(t, args)
	require.Contains(t, strings.Join(r.Find(t, "edge-suffix").Dependencies, " "), "edge-existing-namespace")
	before := []string{"edge-origin-ingress-nginx-ingress-nginx-controller", "edge-file-origin-ca"}
	for _, name := range []string{
		"edge-network-policy", "edge-disruption-budget", "edge-config", "edge-credentials", "edge-pod-monitor", "edge-dashboard",
	} {
		var waitsFor []string
		for _, urn := range r.Find(t, name).Dependencies {
			waitsFor = append(waitsFor, urn[strings.LastIndex(urn, ":")+1:])
		}
		require.Subset(t, waitsFor, before, name)
		before = []string{name}
	}
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

// Only two resources get the secret, marked as one, and nothing records the token.
func TestCloudflareTunnel_Secret(t *testing.T) {
	t.Parallel()
	r := declare(t, validArgs())
	for _, reg := range r.Registrations() {
		raw := reg.JSON(t)
		unmarked := fmt.Sprint(reg.Inputs.MapRepl(nil, func(v resource.PropertyValue) (any, bool) { return nil, v.IsSecret() }))
		needed := reg.Name == "edge-tunnel" || reg.Name == "edge-credentials"
		require.Equal(t, needed, strings.Contains(raw, plantest.TunnelSecret), reg.Name)
		require.NotContains(t, unmarked, plantest.TunnelSecret, reg.Name)
		require.NotContains(t, raw, plantest.Password, reg.Name)
		require.NotContains(t, raw, strings.Repeat("t", 40), reg.Name)
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
		"namespace":   "edge-" + plantest.Identity,
		"deployment":  objectName(t, r, "edge-cloudflared"),
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
	args.Ingress = []IngressRule{{Hostname: "www.example.org", Service: "http://localhost:8080"}}
	warnings := declare(t, args).Warnings()
	require.Len(t, warnings, 3)
	require.Contains(t, warnings[0], "hostnames[0]: a.b.example.com is more than one level below its zone")
	require.Contains(t, warnings[1], "ingress[0].hostname: www.example.org has no record in this stack")
	require.Contains(t, warnings[2], "ingress[0].service: http://localhost:8080 is in the connectors' own pods")
	require.Empty(t, declare(t, validArgs()).Warnings())
}

// While a rolling update brings up a connector, two that it has told to stop may still
// be connected.
func TestCloudflareTunnel_WarnsOfTooManyForARollingUpdate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		replicas int
		scaling  *AutoscalingArgs
		want     string // empty: no warning
	}{
		{"room for two", 22, nil, ""},
		{"room for one", 23, nil, "replicas: 23 leaves"},
		{"room for none", 24, nil, "replicas: 24 leaves"},
		{"room for two, with autoscaling", 2, &AutoscalingArgs{MaxReplicas: 22}, ""},
		{"room for one, with autoscaling", 2, &AutoscalingArgs{MaxReplicas: 23}, "autoscaling.maxReplicas: 23 leaves"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			args := validArgs()
			args.Replicas, args.Autoscaling = test.replicas, test.scaling
			warnings := declare(t, args).Warnings()
			if test.want == "" {
				require.Empty(t, warnings)
				return
			}
			require.Len(t, warnings, 1)
			require.Contains(t, warnings[0], test.want)
			require.Contains(t, warnings[0], "use up to 22")
		})
	}
}

// Programs of one's own are judged by what surrounds them, too.
func TestCloudflareTunnel_Surroundings(t *testing.T) {
	engine := &plantest.Engine{Config: map[string]string{"pulumi:autonaming": `{"mode": "verbatim"}`}}
	require.ErrorContains(t, engine.Run(program(validArgs())), "pulumi:autonaming: makes Pulumi delete resources of cloudflare, kubernetes, pulumi, random before")
	require.Empty(t, engine.Registrations())

	t.Setenv("TF_LOG", "trace")
	warnings := declare(t, validArgs()).Warnings()
	require.Len(t, warnings, 1)
	require.Contains(t, warnings[0], "TF_LOG: ")

	t.Setenv("CLOUDFLARE_API_USER_SERVICE_KEY", "v1.0-1")
	engine = &plantest.Engine{}
	require.ErrorContains(t, engine.Run(program(validArgs())), "CLOUDFLARE_API_USER_SERVICE_KEY: is set in the environment")
	require.Empty(t, engine.Registrations())
}

// An older command line without hooks for errors would lose the records.
func TestCloudflareTunnel_OldPulumi(t *testing.T) {
	t.Parallel()
	engine := &plantest.Engine{Version: "3.259.0"}
	require.ErrorContains(t, engine.Run(program(validArgs())), "the component needs Pulumi 3.260.0 or later")
	require.Empty(t, engine.Registrations())

	engine.Version = "3.260.0"
	require.NoError(t, engine.Run(program(validArgs())))
}

// A record is created in its host's zone.
func TestCloudflareTunnel_RecordsInZones(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Hostnames = []string{"photos.example.com", "x.lab.example.net", "example.net"}
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

// A record keeps its name in the stack when another argument asks for it.
func TestCloudflareTunnel_RecordsInTheState(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Domain, args.Hostnames = "", []string{"*.example.com", "example.com", "www.example.com"}
	r := &plantest.Engine{State: map[string]resource.PropertyMap{
		recordInState + "edge-apex":      lastRecord("1", "example.com", "example.com"),
		recordInState + "edge-wildcard":  lastRecord("2", "*", "*.example.com"),
		recordInState + "other-wildcard": lastRecord("3", "www", "www.example.com"),
	}}
	require.NoError(t, r.Run(program(args)))
	for name, record := range map[string]string{"edge-apex": "example.com", "edge-wildcard": "*", "edge-record-www.example.com": "www"} {
		require.Equal(t, record, r.Find(t, name).Inputs["name"].StringValue())
	}
}

const recordInState = CloudflareTunnelType + "$" + recordKind + "::"

// lastRecord is a record of zone example.com in the state.
func lastRecord(id, name, hostname string) resource.PropertyMap {
	return resource.NewPropertyMapFromMap(map[string]any{
		"id": id, "zoneId": "zone", "name": name, "hostname": hostname, "content": plantest.TunnelID + ".cfargotunnel.com", "proxied": true,
	})
}

// A record that others changed is written once more; one that isn't the stack's any more is only read.
func TestCloudflareTunnel_RecordsChangedByOthers(t *testing.T) {
	t.Parallel()
	const theirs = "Managed by Pulumi: k8s-tunnel/other [ffffffff]"
	content := plantest.TunnelID + ".cfargotunnel.com"
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Records = []apitest.Record{
		{Zone: "zone", ID: "1", Name: "example.com", Type: "CNAME", Content: content, Proxied: new(true)},
		{Zone: "zone", ID: "2", Name: "renamed.example.com", Type: "CNAME", Content: content, Proxied: new(true)},
		{Zone: "zone", ID: "3", Name: "www.example.com", Type: "CNAME", Content: "theirs.cfargotunnel.com", Comment: theirs},
	}
	args := validArgs()
	args.API = apiArgs(api)
	r := &plantest.Engine{State: map[string]resource.PropertyMap{
		recordInState + "edge-apex":                   lastRecord("1", "example.com", "example.com"),
		recordInState + "edge-wildcard":               lastRecord("2", "*", "renamed.example.com"),
		recordInState + "edge-record-www.example.com": lastRecord("3", "www", "www.example.com"),
	}}
	require.NoError(t, r.Run(program(args)))
	require.True(t, r.Find(t, "edge-apex").Inputs["allowOverwrite"].BoolValue())
	require.False(t, r.Find(t, "edge-wildcard").Inputs["allowOverwrite"].BoolValue(), "an update writes the name, too")
	www := r.Find(t, "edge-record-www.example.com")
	require.True(t, www.Read)
	require.Equal(t, "3", www.ID)
	require.NotContains(t, www.Inputs, resource.PropertyKey("name"))

	r.State[recordInState+"edge-wildcard"]["allowOverwrite"] = resource.NewProperty(false)
	require.NoError(t, r.Run(program(args)))
	require.True(t, r.Find(t, "edge-wildcard").Inputs["allowOverwrite"].BoolValue(), "changed once more")
	r.State[recordInState+"edge-apex"]["allowOverwrite"] = resource.NewProperty(false)
	require.NoError(t, r.Run(program(args)))
	require.False(t, r.Find(t, "edge-apex").Inputs["allowOverwrite"].BoolValue(), "it stays as long as nothing changes")
	r.State[recordInState+"edge-apex"]["id"] = resource.NewProperty("deleted") // and there is another one
	require.NoError(t, r.Run(program(args)))
	require.True(t, r.Find(t, "edge-apex").Inputs["allowOverwrite"].BoolValue(), "it is created anew, whatever has its name by then")

	// What was read stays in the state, without a name.
	delete(r.State[recordInState+"edge-record-www.example.com"], "name")
	require.NoError(t, r.Run(program(args)))
	require.NotContains(t, r.Inventory(), recordKind+"::edge-record-www.example.com")
}

// The calls for many records wait for each other longer than the provider does.
func TestCloudflareTunnel_RecordTimeouts(t *testing.T) {
	t.Parallel()
	for count, want := range map[int]string{2: "", 100: "58s", 1000: "627s"} {
		args := validArgs()
		args.API = apiArgs(testAPI)
		args.API.RPS = 0 // the pace follows from the names
		args.Domain, args.Hostnames = "", nil
		for i := range count {
			args.Hostnames = append(args.Hostnames, fmt.Sprintf("h%d.example.com", i))
		}
		record := declare(t, args).Find(t, "edge-record-h0.example.com")
		require.Equal(t, [2]string{want, want}, [2]string{record.CreateTimeout, record.UpdateTimeout}, "%d names", count)
	}
}

// A component whose name begins with that of another one has records of its own.
func TestCloudflareTunnel_RecordsOfTwoInstances(t *testing.T) {
	t.Parallel()
	netRecord := func(id, name, hostname string) resource.PropertyMap {
		record := lastRecord(id, name, hostname)
		record["zoneId"] = resource.NewProperty("net")
		return record
	}
	r := &plantest.Engine{State: map[string]resource.PropertyMap{
		CloudflareTunnelType + "::edge":   {},
		CloudflareTunnelType + "::edge-2": {},
		recordInState + "edge-apex":       lastRecord("1", "example.com", "example.com"),
		recordInState + "edge-2-apex":     netRecord("2", "example.net", "example.net"),
		recordInState + "edge-2-wildcard": netRecord("3", "*", "*.example.net"),
	}}
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		for name, domain := range map[string]string{"edge": "example.net", "edge-2": "example.com"} { // swapped
			args := validArgs()
			args.Domain = domain
			if _, err := NewCloudflareTunnel(ctx, name, args); err != nil {
				return err
			}
		}
		return nil
	}))
	for name, zone := range map[string]string{"edge-apex": "net", "edge-wildcard": "net", "edge-2-apex": "zone", "edge-2-wildcard": "zone"} {
		require.Equal(t, zone, r.Find(t, name).Inputs["zoneId"].StringValue(), name)
	}
}

func TestCloudflareTunnel_ExistingNamespace(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Namespace = "web"
	r := declare(t, args)
	namespace := r.Find(t, "edge-existing-namespace")
	require.True(t, namespace.Read, "what is only read is never deleted")
	require.Equal(t, map[string]any{
		"apiVersion": "v1", "kind": "Namespace", "metadata": map[string]any{"name": "web"},
	}, namespace.Inputs.Mappable(), "with less, every refresh would find a change")
	require.Contains(t, r.Find(t, "edge-cloudflared").JSON(t), `"namespace": "web"`)

	for kind, name := range map[string]string{"its own": "web", "another": "other"} {
		r.State = map[string]resource.PropertyMap{CloudflareTunnelType + "$kubernetes:core/v1:Namespace::edge-namespace": resource.NewPropertyMapFromMap(
			map[string]any{"metadata": map[string]any{"name": name}},
		)}
		require.NoError(t, r.Run(program(args)))
		inventory := r.Inventory()
		released := slices.Contains(inventory, "kubernetes:core/v1:Namespace::edge-namespace")
		require.Equal(t, kind == "its own", released, "the component lets go of its own namespace, and of no other")
		require.Equal(t, kind != "its own", slices.Contains(inventory, "kubernetes:core/v1:Namespace::edge-existing-namespace"))
	}
}

func TestCloudflareTunnel_TwoInstances(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{}
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		for _, name := range []string{"blue", "green"} {
			args := validArgs()
			args.Domain = name + ".example.com"
			if _, err := NewCloudflareTunnel(ctx, name, args); err != nil {
				return err
			}
		}
		return nil
	}))
	require.Len(t, r.Registrations(), 28)
	unique := map[string]bool{}
	for _, entry := range r.Inventory() {
		unique[entry] = true
	}
	require.Len(t, unique, 28)
}

func TestCloudflareTunnel_Invalid(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{}
	err := r.Run(func(ctx *pulumi.Context) error {
		_, err := NewCloudflareTunnel(ctx, "edge", &CloudflareTunnelArgs{Domain: "https://example.com", Origin: "web:80", Replicas: 25})
		return err
	})
	require.Empty(t, r.Registrations(), "nothing may be planned")
	for _, path := range []string{"domain: ", "api: ", "origin: ", "replicas: "} {
		require.ErrorContains(t, err, path)
	}
}

func TestCloudflareTunnel_InvalidAPI(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.API = &APIArgs{APIToken: "t", APIHostname: "https://api.cloudflare.com", APIBasePath: "client/v4", RPS: -1, Retries: -2}
	engine := &plantest.Engine{}
	err := engine.Run(program(args))
	require.ErrorContains(t, err, `api.apiHostname: "https://api.cloudflare.com" is not a host with an optional port`)
	require.ErrorContains(t, err, `api.apiBasePath: "client/v4" is not a path that begins with a slash`)
	require.ErrorContains(t, err, "api.rps: -1 is negative; leave it out for the default")
	require.ErrorContains(t, err, "api.retries: -2 is negative; leave it out for the default")
	require.Empty(t, engine.Registrations())
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
	args.Pod = &PodArgs{Labels: map[string]string{"team": "home"}}
	args.Autoscaling = &AutoscalingArgs{MaxReplicas: 3}
	args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	args.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{}}
	golden.Compare(t, "testdata/edge-inputs.json", declare(t, args).Find(t, "edge").JSON(t))
}

// What stacks didn't record at first, they record only if it is set.
func TestCloudflareTunnelArgs_RecordedIfSet(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Files, args.ExistingPaths = []FileArgs{}, []string{}
	inputs := args.withDefaults("edge").recorded(args)
	for _, name := range recordedIfSet {
		require.NotContains(t, inputs, name)
	}
}

// Every other field is recorded, under the name in its tag.
func TestCloudflareTunnelArgs_Tags(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Files, args.ExistingPaths, args.Connector = []FileArgs{{}}, []string{""}, &ConnectorArgs{}
	inputs := args.withDefaults("edge").recorded(args)
	typ := reflect.TypeFor[CloudflareTunnelArgs]()
	var left []string
	for i := range typ.NumField() {
		field := typ.Field(i)
		if _, recorded := inputs[field.Tag.Get(settings.Tag)]; !recorded {
			left = append(left, field.Name)
		}
	}
	require.Equal(t, []string{"API", "AllowTakeover", "found", "hosts"}, left, "neither the token nor what changes nothing")
}

// testAPI is the API of all tests that don't change anything there.
var testAPI *apitest.API

func TestMain(m *testing.M) {
	apitest.Main(m, func() {
		testAPI = apitest.Start(
			apitest.NewZone("zone", "example.com", "account"), apitest.NewZone("net", "example.net", "account"),
			apitest.NewZone("lab", "lab.example.net", "account"),
		)
	})
}

// validArgs are the least that a component accepts.
func validArgs() *CloudflareTunnelArgs {
	return &CloudflareTunnelArgs{Domain: "example.com", API: apiArgs(testAPI)}
}

// apiArgs are those of an API.
func apiArgs(api *apitest.API) *APIArgs {
	return &APIArgs{APIToken: strings.Repeat("t", 40), APIHostname: api.Hostname(), RPS: 10000}
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
	require.Subset(t, surroundings.Replaced, engine.Replaceable(), "each type has to be listed")
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

// objectName is the name of a Kubernetes object.
func objectName(t *testing.T, r *plantest.Engine, logicalName string) string {
	t.Helper()
	return r.Find(t, logicalName).Inputs["metadata"].ObjectValue()["name"].StringValue()
}

// An object's name follows from what makes it unique, so that an interrupted update
// finds what it had created, and from the component's identity.
func TestCloudflareTunnel_ObjectNames(t *testing.T) {
	t.Parallel()
	named := []string{"edge-namespace", "edge-config", "edge-credentials", "edge-cloudflared", "edge-network-policy", "edge-disruption-budget"}
	names := func(change func(*CloudflareTunnelArgs)) map[string]string {
		args := validArgs()
		args.Replicas = 3
		change(args)
		r, all := declare(t, args), map[string]string{}
		for _, logical := range named {
			all[logical] = objectName(t, r, logical)
			require.Equal(t, "true", r.Find(t, logical).Inputs["metadata"].ObjectValue()["annotations"].ObjectValue()["pulumi.com/patchForce"].StringValue())
		}
		return all
	}
	before := names(func(*CloudflareTunnelArgs) {})
	require.Equal(t, before, names(func(a *CloudflareTunnelArgs) { a.Image, a.Replicas = "cloudflare/cloudflared:2026.4.0", 4 }), "a change that rolls the connectors")
	changed := func(change func(*CloudflareTunnelArgs)) []string {
		after, different := names(change), []string{}
		for _, logical := range named {
			if before[logical] != after[logical] {
				different = append(different, logical)
			}
		}
		return different
	}
	require.Equal(t, []string{"edge-config"}, changed(func(a *CloudflareTunnelArgs) { a.OriginRequest = &OriginRequest{ConnectTimeout: new("5s")} }))
	require.Equal(t, []string{"edge-network-policy"}, changed(func(a *CloudflareTunnelArgs) {
		a.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	}))
	require.Equal(t, []string{"edge-config", "edge-cloudflared", "edge-network-policy", "edge-disruption-budget"}, changed(func(a *CloudflareTunnelArgs) { a.Origin = "http://192.0.2.7" }))
	for _, name := range before {
		require.Regexp(t, "^edge-([a-z-]+-)?[0-9a-f]{8}$", name)
	}
}

// The tunnel's creation is completed by hooks: they delete the tunnel that an interrupted update
// has left behind, and the one whose creation seemed to fail.
func TestCloudflareTunnel_Hooks(t *testing.T) {
	t.Parallel()
	const leftover, unanswered = "22222222-2222-3333-4444-555555555555", "33333333-2222-3333-4444-555555555555"
	name := "edge-" + plantest.NameSuffix
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Tunnels = []apitest.Tunnel{
		{Account: "account", ID: leftover, Name: name, Status: "inactive"},
		{Account: "account", ID: unanswered, Name: name, Status: "inactive"},
	}
	args := validArgs()
	args.API, args.Origin = apiArgs(api), "http://192.0.2.1" // nothing to look up
	r := &plantest.Engine{FailFirst: []string{"edge-tunnel", "edge-apex"}}
	require.NoError(t, r.Run(program(args)))
	require.Empty(t, api.Tunnels)
	require.Equal(t, []string{
		"deleted tunnel " + name + " (" + leftover + "), which an interrupted update had left behind",
		"deleted tunnel " + name + " (" + unanswered + "), which an interrupted update had left behind",
	}, r.Infos())
	require.True(t, r.Find(t, "edge-tunnel").Retried)
	require.Equal(t, []string{"edge-remove-leftover", "edge-retry-creation"}, r.Find(t, "edge-tunnel").Hooks)
	require.True(t, r.Find(t, "edge-apex").Retried)
	require.Equal(t, []string{"edge-take-over", "edge-retry-record"}, r.Find(t, "edge-apex").Hooks)

	// A tunnel that is in use is in the way.
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: leftover, Name: name, Status: "healthy", Connectors: 1}}
	require.ErrorContains(t, r.Run(program(args)), "it has been in use")

	// The stack's own is never one that was left behind.
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: leftover, Name: name, Status: "inactive"}}
	r.State = map[string]resource.PropertyMap{CloudflareTunnelType + "$" + tunnelKind + "::edge-tunnel": {
		"id": resource.NewProperty(leftover), "accountId": resource.NewProperty("account"), "name": resource.NewProperty(name),
		"secret": resource.MakeSecret(resource.NewProperty(plantest.TunnelSecret)),
	}}
	require.ErrorContains(t, r.Run(program(args)), "is the stack's own, and can't be replaced")
	require.Len(t, api.Tunnels, 1)
}

// When the engine gives up creating a tunnel, none of its name stays, unless the state has it.
func TestCloudflareTunnel_FailedCreation(t *testing.T) {
	t.Parallel()
	const id = "33333333-2222-3333-4444-555555555555"
	name := "edge-" + plantest.NameSuffix
	for _, test := range []struct {
		failures []string // the last one first
		status   string
		stays    bool
		warning  string
	}{
		{[]string{"failed to create Argo Tunnel: error reading the answer", "500"}, "inactive", false, ""},
		{[]string{"failed to fetch Argo Tunnel: error reading the answer", "500"}, "inactive", true, ""},
		{[]string{"failed to fetch Argo Tunnel: error reading the answer"}, "healthy", true, ""},
		{[]string{"failed to create Argo Tunnel: error reading the answer", "500"}, "healthy", true, "tunnel " + name + " may be left behind at Cloudflare: a tunnel named"},
	} {
		api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
		api.Tunnels = []apitest.Tunnel{
			{Account: "account", ID: "left-over", Name: name, Status: "inactive"}, // which is deleted before the creation
			{Account: "account", ID: id, Name: name, Status: test.status},
		}
		args := validArgs()
		args.API = apiArgs(api)
		r := &plantest.Engine{FailFirst: []string{"edge-tunnel"}, Failures: test.failures}
		require.NoError(t, r.Run(program(args)), "an error would hide that of the provider")
		require.False(t, r.Find(t, "edge-tunnel").Retried)
		require.Equal(t, test.stays, len(api.Tunnels) == 1)
		if test.warning == "" {
			require.Empty(t, r.Warnings())
			continue
		}
		require.Len(t, r.Warnings(), 1)
		require.Contains(t, r.Warnings()[0], test.warning)
	}
	require.Equal(t, 50*time.Second, cleanupTimeout(10*time.Second))
	require.Equal(t, 3*time.Second, cleanupTimeout(61*time.Second), "the tunnel may be there although the answers to its creation are lost")
}

// A record of others is taken over before the provider has it in the state, or not at all.
func TestCloudflareTunnel_TakeOver(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	byHand := apitest.Record{Zone: "zone", ID: "by-hand", Name: "example.com", Type: "CNAME", Content: "home.example.org"}
	api.Records = []apitest.Record{byHand}
	args := validArgs()
	args.API = apiArgs(api)
	r := &plantest.Engine{FailFirst: []string{"edge-apex", "edge-wildcard"}}
	api.FailChanges = true
	require.ErrorContains(t, r.Run(program(args)), "taking over the record of example.com, which stays as it was")
	require.Equal(t, []apitest.Record{byHand}, api.Records)

	api.FailChanges = false
	require.NoError(t, r.Run(program(args)))
	inputs := r.Find(t, "edge-apex").Inputs
	byHand.Content, byHand.Comment, byHand.Proxied = inputs["content"].StringValue(), inputs["comment"].StringValue(), new(true)
	require.Equal(t, []apitest.Record{byHand}, api.Records)
}

// What has changed since the record was found isn't taken over unseen.
func TestCloudflareTunnel_TakeOverOfChanged(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	client, err := preflight.New(*apiArgs(api))
	require.NoError(t, err)
	byHand := apitest.Record{Zone: "zone", ID: "by-hand", Name: "example.com", Type: "CNAME", Content: "home.example.org"}
	for _, test := range []struct {
		change func(*apitest.Record)
		taken  bool
		want   string
	}{
		{func(*apitest.Record) {}, true, ""},
		{func(r *apitest.Record) { r.Content = "tunnel" }, true, ""},
		{func(r *apitest.Record) { r.Name = "old.example.com" }, false, ""},
		{func(r *apitest.Record) { r.Content = "other.example.org" }, false, `the record of example.com was changed at Cloudflare in the meantime, and leads to "other.example.org"`},
		{func(r *apitest.Record) { r.ID = "another" }, false, ""},
	} {
		api.Records = []apitest.Record{byHand}
		found, err := client.Check(t.Context(), preflight.Request{Names: names.Set{Domain: "example.com"}})
		require.NoError(t, err)
		test.change(&api.Records[0])
		err = client.TakeOver(t.Context(), "zone", found.Taken["example.com"], "tunnel", "mine")
		if test.want != "" {
			require.ErrorContains(t, err, test.want)
		} else {
			require.NoError(t, err)
		}
		require.Equal(t, test.taken, api.Records[0].Comment == "mine")
	}
}

// Errors of the provider that don't say what they are about are explained.
func TestCloudflareTunnel_FailedRecord(t *testing.T) {
	t.Parallel()
	for failure, want := range map[string]string{
		"context deadline exceeded": "record edge-apex: Cloudflare's API didn't answer in time to create it",
		"failed to create DNS record: Record quota exceeded. (81045)": "record edge-apex: its zone has as many records as the plan at Cloudflare allows; " +
			"delete some there (DNS, Records), or replace single names by a wildcard",
	} {
		r := &plantest.Engine{FailFirst: []string{"edge-apex"}, Failures: []string{failure, failure}}
		require.NoError(t, r.Run(program(validArgs())))
		require.False(t, r.Find(t, "edge-apex").Retried)
		require.Equal(t, []string{want}, r.Errors())
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	require.True(t, retry(&pulumi.ErrorHookArgs{FailedOperation: "create", Errors: []string{"500"}}))
	require.True(t, retry(&pulumi.ErrorHookArgs{FailedOperation: "update", Errors: []string{"500"}}))
	require.False(t, retry(&pulumi.ErrorHookArgs{FailedOperation: "create", Errors: []string{"500", "500"}}), "for good")
	require.False(t, retry(&pulumi.ErrorHookArgs{FailedOperation: "delete", Errors: []string{"404"}}))
}

// The component finds its identity and its tunnel in the state.
func TestCloudflareTunnel_State(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Records = []apitest.Record{
		{Zone: "zone", Name: "example.com", Type: "CNAME", Content: "old.cfargotunnel.com", Comment: "Managed by Pulumi: k8s-tunnel/test [0a1b2c3d]"},
		{Zone: "zone", Name: "*.example.com", Type: "CNAME", Content: plantest.TunnelID + ".cfargotunnel.com", Comment: "Managed by Pulumi: k8s-tunnel/test"},
	}
	args := validArgs()
	args.API = apiArgs(api)
	r := &plantest.Engine{}
	err := r.Run(program(args))
	require.ErrorContains(t, err, "domain: example.com belongs to stack")
	require.ErrorContains(t, err, "domain: *.example.com belongs to stack")
	require.Empty(t, r.Registrations())

	r.State = map[string]resource.PropertyMap{
		CloudflareTunnelType + "$random:index/randomId:RandomId::edge-identity": {"hex": resource.NewProperty(plantest.Identity)},
		CloudflareTunnelType + "::edge":                                         {"tunnelId": resource.NewProperty(plantest.TunnelID)},
		"random:index/randomPassword:RandomPassword::other":                     {"result": resource.MakeSecret(resource.NewProperty("secret"))},
	}
	require.NoError(t, r.Run(program(args)))
	require.Empty(t, r.Warnings())
	require.Equal(t, "Managed by Pulumi: k8s-tunnel/test [0a1b2c3d]", r.Find(t, "edge-apex").Inputs["comment"].StringValue())
}

// What is asked before other resources are declared isn't asked again.
func TestCloudflareTunnelArgs_Check(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	args := validArgs()
	args.API = apiArgs(api)
	other := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	r := &plantest.Engine{}
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		require.NoError(t, args.Check(ctx, "edge"))
		require.Empty(t, r.Registrations())
		calls := len(api.Calls())
		require.Positive(t, calls)
		require.NoError(t, program(args)(ctx))
		require.Len(t, api.Calls(), calls)

		args.API = apiArgs(other)
		require.NoError(t, args.Check(ctx, "edge"))
		require.Len(t, other.Calls(), calls, "what another API knows isn't known")

		args.Domain = "example.org"
		require.ErrorContains(t, args.Check(ctx, "edge"), "domain: the token sees no zone that example.org lies in")
		return nil
	}))
}

// Arguments may be made once for many runs of a program. What a run has found is old in the next one.
func TestCloudflareTunnelArgs_CheckInEachRun(t *testing.T) {
	t.Parallel()
	args := argsOfDeletedTunnel(t)
	r := &plantest.Engine{State: map[string]resource.PropertyMap{
		CloudflareTunnelType + "::edge": {"tunnelId": resource.NewProperty(plantest.TunnelID)},
	}}
	checked := func(ctx *pulumi.Context) error { return errors.Join(args.Check(ctx, "edge"), program(args)(ctx)) }
	require.NoError(t, r.Run(checked))
	require.True(t, r.Find(t, "edge-tunnel").Read, "the deleted tunnel is forgotten")
	r.State = nil
	require.NoError(t, r.Run(checked))
	require.False(t, r.Find(t, "edge-tunnel").Read)
}

// Identifiers are checked before anything is declared, so they have to be known.
func TestCloudflareTunnel_UnknownIdentifiers(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.ZoneID, args.AccountID = pulumi.String("zone").ToStringOutput(), pulumi.String("account")
	r := &plantest.Engine{}
	err := r.Run(program(args))
	require.ErrorContains(t, err, "zoneId: has to be a pulumi.String")
	require.ErrorContains(t, err, `accountId: "account" is not an identifier of 32 digits`)
	require.Empty(t, r.Registrations())
}
