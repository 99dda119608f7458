package components

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/plantest"
)

// objectsOf are the names of a component's tunnel and Kubernetes objects after an update, with the
// state that the next one begins with.
func objectsOf(t *testing.T, args *CloudflareTunnelArgs, state map[string]resource.PropertyMap) (map[string]string, map[string]resource.PropertyMap) {
	t.Helper()
	return objectsBy(t, "", args, state)
}

// objectsBy is objectsOf with a Kubernetes provider of this name, unless it is empty. The name stands
// for the provider's ID.
func objectsBy(
	t *testing.T, provider string, args *CloudflareTunnelArgs, state map[string]resource.PropertyMap,
) (map[string]string, map[string]resource.PropertyMap) {
	t.Helper()
	r := &plantest.Engine{State: state}
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		var opts []pulumi.ResourceOption
		if provider != "" {
			k8s, err := kubernetes.NewProvider(ctx, provider, &kubernetes.ProviderArgs{})
			require.NoError(t, err)
			opts = append(opts, pulumi.Providers(k8s))
		}
		return program(args, opts...)(ctx)
	}))
	objects, next := map[string]string{}, map[string]resource.PropertyMap{}
	for _, registration := range r.Registrations() {
		inputs := registration.Inputs
		switch {
		case registration.Name == "edge-tunnel":
			objects[registration.Name] = inputs["name"].StringValue()
		case strings.HasPrefix(registration.Type, "kubernetes:"):
			objects[registration.Name] = inputs["metadata"].ObjectValue()["name"].StringValue()
		default:
			continue
		}
		next[CloudflareTunnelType+"$"+registration.Type+"::"+registration.Name] = inputs
	}
	return objects, next
}

// changed lists the objects whose names differ.
func changed(before, after map[string]string) []string {
	var all []string
	for name := range maps.Keys(after) {
		if before[name] != after[name] {
			all = append(all, name)
		}
	}
	return all
}

// onlyRead reports whether an object isn't the component's own.
func onlyRead(logicalName string) bool {
	return slices.ContainsFunc([]string{"edge-origin", "edge-existing", "edge-" + operatorCheck}, func(prefix string) bool {
		return strings.HasPrefix(logicalName, prefix)
	})
}

// allObjects are arguments with which the component has every object that it can have.
func allObjects() *CloudflareTunnelArgs {
	args := validArgs()
	args.Autoscaling = &AutoscalingArgs{MaxReplicas: 3}
	args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	args.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{}, Dashboard: &DashboardArgs{}}
	return args
}

// While a changed object waits to replace the old one, which serves, going back must lead to neither's
// name: the engine deletes both in the end.
func TestCloudflareTunnel_GoingBack(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*CloudflareTunnelArgs)
		want   []string
	}{
		"another origin": {
			func(a *CloudflareTunnelArgs) { a.Origin = "http://web.default.svc:8000" },
			[]string{"edge-config", "edge-cloudflared", "edge-network-policy", "edge-disruption-budget", "edge-origin-default-web"},
		},
		"another tunnel's name": {
			func(a *CloudflareTunnelArgs) { a.TunnelName = "other" },
			[]string{
				"edge-tunnel", "edge-namespace", "edge-config", "edge-credentials", "edge-cloudflared", "edge-network-policy", "edge-disruption-budget",
				"edge-autoscaler", "edge-pod-monitor", "edge-dashboard",
			},
		},
		"another namespace": {
			func(a *CloudflareTunnelArgs) { a.Namespace = "web" },
			[]string{
				"edge-existing-namespace", "edge-config", "edge-credentials", "edge-cloudflared", "edge-network-policy", "edge-disruption-budget",
				"edge-autoscaler", "edge-pod-monitor", "edge-dashboard",
			},
		},
		"another namespace of the dashboard": {
			func(a *CloudflareTunnelArgs) { a.Monitoring.Dashboard.Namespace = "monitoring" },
			[]string{"edge-dashboard"},
		},
		"another number of connectors": {func(a *CloudflareTunnelArgs) { a.Replicas = 3 }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			other := allObjects()
			c.change(other)
			first, state := objectsOf(t, allObjects(), nil)
			again, _ := objectsOf(t, allObjects(), state)
			require.Equal(t, first, again, "nothing has changed")

			second, half := objectsOf(t, other, state)
			require.ElementsMatch(t, c.want, changed(first, second))
			resumed, _ := objectsOf(t, other, state)
			require.Equal(t, second, resumed, "if nothing of it is in the state yet")
			resumed, _ = objectsOf(t, other, half)
			require.Equal(t, second, resumed, "if all of it is in the state")

			back, _ := objectsOf(t, allObjects(), half)
			for _, logicalName := range c.want {
				if onlyRead(logicalName) {
					continue
				}
				require.NotEqual(t, second[logicalName], back[logicalName], logicalName)
				require.NotEqual(t, first[logicalName], back[logicalName], logicalName)
				require.True(t, strings.HasPrefix(back[logicalName], first[logicalName]+"-"), back[logicalName])
			}
		})
	}
}

// A refresh in another cluster forgets all objects, but not what the component says of itself. Back in
// the right cluster, the Deployment there is found again, unless it isn't the one that is wanted.
func TestCloudflareTunnel_ForgottenCluster(t *testing.T) {
	t.Parallel()
	args := func(change func(*CloudflareTunnelArgs)) *CloudflareTunnelArgs {
		args := validArgs()
		args.TunnelName, args.Origin = "home", "http://web.default.svc:8000"
		if change != nil {
			change(args)
		}
		return args
	}
	for name, c := range map[string]struct {
		before, after func(*CloudflareTunnelArgs)
		state         func(state, left map[string]resource.PropertyMap)
		want          []string // of the Deployment and its namespace, those with the same name
	}{
		"nothing else":      {want: []string{"edge-namespace", "edge-cloudflared"}},
		"another setting":   {after: func(a *CloudflareTunnelArgs) { a.Replicas = 3 }, want: []string{"edge-namespace", "edge-cloudflared"}},
		"another origin":    {after: func(a *CloudflareTunnelArgs) { a.Origin = "http://web.default" }, want: []string{"edge-namespace"}},
		"another namespace": {after: func(a *CloudflareTunnelArgs) { a.Namespace = "web" }},
		"a namespace that exists": {
			before: func(a *CloudflareTunnelArgs) { a.Namespace = "web" }, after: func(a *CloudflareTunnelArgs) { a.Namespace = "web" },
			want: []string{"edge-existing-namespace", "edge-cloudflared"},
		},
		"its own namespace, after one that exists": {before: func(a *CloudflareTunnelArgs) { a.Namespace = "web" }},
		"an object that is still there": {
			state: func(state, left map[string]resource.PropertyMap) {
				const config = CloudflareTunnelType + "$kubernetes:core/v1:ConfigMap::edge-config"
				left[config] = state[config]
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, state := objectsOf(t, validArgs(), nil)
			before, state := objectsOf(t, args(c.before), state)
			namespace := before["edge-namespace"]
			if namespace == "" {
				namespace = "web"
			}
			left := map[string]resource.PropertyMap{
				CloudflareTunnelType + "::edge": {
					"namespace": resource.NewProperty(namespace), "deployment": resource.NewProperty(before["edge-cloudflared"]),
				},
				CloudflareTunnelType + "$" + randomIDKind + "::edge-identity": {"hex": resource.NewProperty(plantest.Identity)},
			}
			if c.state != nil {
				c.state(state, left)
			}
			after, next := objectsOf(t, args(c.after), left)
			var same []string
			for _, object := range []string{"edge-namespace", "edge-existing-namespace", "edge-cloudflared"} {
				if after[object] != "" && after[object] == before[object] {
					same = append(same, object)
				}
			}
			require.Equal(t, c.want, same)
			again, _ := objectsOf(t, args(c.after), next)
			require.Equal(t, after, again)
		})
	}
}

// A tunnel's name comes back in another account, too.
func TestCloudflareTunnel_GoingBackToAnAccount(t *testing.T) {
	t.Parallel()
	_, state := objectsOf(t, validArgs(), nil)
	tunnel := state[CloudflareTunnelType+"$"+tunnelKind+"::edge-tunnel"]
	first := tunnel["name"].StringValue()
	tunnel["accountId"] = resource.NewProperty("other")
	back, _ := objectsOf(t, validArgs(), state)
	require.True(t, strings.HasPrefix(back["edge-tunnel"], first+"-"), back["edge-tunnel"])
}

// The tunnel of a rotation has a suffix of its own, and needs nothing else.
func TestCloudflareTunnel_NameAfterRotation(t *testing.T) {
	t.Parallel()
	_, state := objectsOf(t, validArgs(), nil)
	tunnel := state[CloudflareTunnelType+"$"+tunnelKind+"::edge-tunnel"]
	tunnel["name"] = resource.NewProperty("edge-ffffff")
	rotated := validArgs()
	rotated.Rotation = "new"
	names, _ := objectsOf(t, rotated, state)
	require.Equal(t, "edge-new-"+plantest.NameSuffix, names["edge-tunnel"])
}

// A tunnel that was switched over is replaced by one of another name.
func TestCloudflareTunnel_NameAfterASwitch(t *testing.T) {
	t.Parallel()
	first, state := objectsOf(t, validArgs(), nil)
	state[CloudflareTunnelType+"$"+tunnelKind+"::edge-tunnel"]["id"] = resource.NewProperty(plantest.TunnelID)
	state[CloudflareTunnelType+"$"+tunnelKind+"::edge-tunnel"]["secret"] = resource.MakeSecret(resource.NewProperty("secret"))
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: plantest.TunnelID, Name: first["edge-tunnel"], RemoteConfig: true}}
	args := validArgs()
	args.API = apiArgs(api)
	second, next := objectsOf(t, args, state)
	require.True(t, strings.HasPrefix(second["edge-tunnel"], first["edge-tunnel"]+"-"), second["edge-tunnel"])
	again, _ := objectsOf(t, args, state)
	require.Equal(t, second, again)

	api.Tunnels[0].Name, api.Tunnels[0].RemoteConfig = second["edge-tunnel"], false
	again, _ = objectsOf(t, args, next)
	require.Equal(t, second["edge-tunnel"], again["edge-tunnel"])
}

// A tunnel whose secret alone was replaced, as by pulumi up --replace, gets another name: the old one
// still has its own. The secret itself doesn't get into the name.
func TestCloudflareTunnel_NameAfterAnotherSecret(t *testing.T) {
	t.Parallel()
	first, state := objectsOf(t, validArgs(), nil)
	tunnel := state[CloudflareTunnelType+"$"+tunnelKind+"::edge-tunnel"]
	again, _ := objectsOf(t, validArgs(), state)
	require.Equal(t, first["edge-tunnel"], again["edge-tunnel"])

	tunnel["secret"] = resource.MakeSecret(resource.NewProperty("another"))
	second, next := objectsOf(t, validArgs(), state)
	require.Regexp(t, "^"+first["edge-tunnel"]+"-[0-9a-f]{4}$", second["edge-tunnel"])
	resumed, _ := objectsOf(t, validArgs(), state)
	require.Equal(t, second, resumed)
	settled, _ := objectsOf(t, validArgs(), next)
	require.Equal(t, second, settled)
}

// Another Kubernetes provider makes all objects anew, and the old one deletes its own under their names:
// in the same cluster, which it may reach by another address, these must differ.
func TestCloudflareTunnel_AnotherProvider(t *testing.T) {
	t.Parallel()
	for _, namespace := range []string{"", "web"} {
		args := allObjects()
		args.Namespace = namespace
		selector := func(state map[string]resource.PropertyMap) resource.PropertyValue {
			return state[CloudflareTunnelType+"$"+deploymentKind+"::edge-cloudflared"]["spec"].ObjectValue()["selector"]
		}
		older, state := objectsOf(t, args, nil)
		first, state := objectsBy(t, "first", args, state)
		require.Equal(t, older, first, "an older version's objects keep their names")
		again, _ := objectsBy(t, "first", args, state)
		require.Equal(t, first, again)

		second, moved := objectsBy(t, "second", args, state)
		back, returned := objectsBy(t, "third", args, moved)
		for logicalName, name := range first {
			if logicalName == "edge-tunnel" || onlyRead(logicalName) {
				continue
			}
			require.NotEqual(t, name, second[logicalName])
			require.NotContains(t, []string{name, second[logicalName]}, back[logicalName])
		}
		require.NotEqual(t, selector(state), selector(moved), "their pods may be in the same namespace")
		require.NotEqual(t, selector(moved), selector(returned))
		resumed, _ := objectsBy(t, "second", args, state)
		require.Equal(t, second, resumed, "if nothing of it is in the state yet")
		policy := CloudflareTunnelType + "$kubernetes:networking.k8s.io/v1:NetworkPolicy::edge-network-policy"
		half := maps.Clone(state)
		half[policy] = moved[policy]
		resumed, _ = objectsBy(t, "second", args, half)
		require.Equal(t, second, resumed, "if some of it is in the state")
		settled, _ := objectsBy(t, "second", args, moved)
		require.Equal(t, second, settled)
	}
}

// A provider may be the component's own, or come from a parent. That of a default provider isn't known.
func TestCloudflareTunnel_ProviderAnnotation(t *testing.T) {
	t.Parallel()
	for want, options := range map[string]func(*kubernetes.Provider, pulumi.Resource) pulumi.ResourceOption{
		"k8s-id": func(k8s *kubernetes.Provider, _ pulumi.Resource) pulumi.ResourceOption { return pulumi.Provider(k8s) },
		"of-the-parent-id": func(_ *kubernetes.Provider, parent pulumi.Resource) pulumi.ResourceOption {
			return pulumi.Parent(parent)
		},
		"": func(*kubernetes.Provider, pulumi.Resource) pulumi.ResourceOption { return pulumi.Protect(false) },
	} {
		r := &plantest.Engine{}
		require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
			k8s, err := kubernetes.NewProvider(ctx, "k8s", &kubernetes.ProviderArgs{})
			require.NoError(t, err)
			inherited, err := kubernetes.NewProvider(ctx, "of-the-parent", &kubernetes.ProviderArgs{})
			require.NoError(t, err)
			parent := &struct{ pulumi.ResourceState }{}
			require.NoError(t, ctx.RegisterComponentResource("test:index:Parent", "parent", parent, pulumi.Providers(inherited)))
			return program(validArgs(), options(k8s, parent))(ctx)
		}))
		annotations := r.Find(t, "edge-config").Inputs["metadata"].ObjectValue()["annotations"].ObjectValue()
		if want == "" {
			require.NotContains(t, annotations, resource.PropertyKey(providerAnnotation))
			continue
		}
		require.Equal(t, want, annotations[providerAnnotation].StringValue())
	}
}
