package components

import (
	"strings"
	"testing"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/plantest"
)

// A change that brings up all connectors beside the old ones has to have room for both on the tunnel.
func TestCloudflareTunnel_Room(t *testing.T) {
	t.Parallel()
	const byHand = "22222222-2222-3333-4444-555555555555"
	const noRoom = " means new connectors beside the old ones, but a tunnel has room for 25, not for 13 and 13; "
	const refusal = noRoom + "take this back, set replicas to 12 and run pulumi up first"
	namespace := func(a *CloudflareTunnelArgs) { a.Namespace = "web" }
	same := func(*CloudflareTunnelArgs) {}
	for name, test := range map[string]struct {
		before, after func(*CloudflareTunnelArgs)
		provider      string // that comes after the one named first
		tunnel        func(*apitest.Tunnel)
		state         func(map[string]resource.PropertyMap)
		want          string
	}{
		"nothing new":           {after: same},
		"another namespace":     {after: namespace, want: "namespace: another one" + refusal},
		"another namespace yet": {before: namespace, after: func(a *CloudflareTunnelArgs) { a.Namespace = "home" }, want: "namespace: another one" + refusal},
		"its own namespace":     {before: namespace, after: same, want: "namespace: another one" + refusal},
		"its own namespace, as an existing one": {after: func(a *CloudflareTunnelArgs) {
			a.Namespace = "edge-" + plantest.Identity
		}},
		"with room": {before: func(a *CloudflareTunnelArgs) { a.Replicas = 12 }, after: func(a *CloudflareTunnelArgs) { namespace(a); a.Replicas = 13 }},
		"with fewer, which the old ones leave no room for": {
			before: func(a *CloudflareTunnelArgs) { a.Replicas = 24 }, after: func(a *CloudflareTunnelArgs) { namespace(a); a.Replicas = 2 },
			want: "not for 24 and 2; take this back, set replicas to 2 and run pulumi up first",
		},
		"with an autoscaler": {after: func(a *CloudflareTunnelArgs) {
			namespace(a)
			a.Replicas, a.Autoscaling = 2, &AutoscalingArgs{MaxReplicas: 14}
		}, want: "not for 13 and 14; take this back, set autoscaling.maxReplicas to 12 and run pulumi up first"},
		"with an autoscaler that was just limited": {
			before: func(a *CloudflareTunnelArgs) { a.Replicas, a.Autoscaling = 2, &AutoscalingArgs{MaxReplicas: 12} },
			after: func(a *CloudflareTunnelArgs) {
				namespace(a)
				a.Replicas, a.Autoscaling = 2, &AutoscalingArgs{MaxReplicas: 12}
			},
			state: func(state map[string]resource.PropertyMap) {
				state[CloudflareTunnelType+"$"+deploymentKind+"::edge-cloudflared"]["spec"].ObjectValue()["replicas"] = resource.NewProperty(18.0)
			},
		},
		"with a rotation":                     {after: func(a *CloudflareTunnelArgs) { namespace(a); a.Rotation = "2026-12" }},
		"with a rotation that looks the same": {before: func(a *CloudflareTunnelArgs) { a.TunnelName = "edge-x" }, after: func(a *CloudflareTunnelArgs) { namespace(a); a.TunnelName, a.Rotation = "edge", "x" }},
		"with another tunnel's name":          {after: func(a *CloudflareTunnelArgs) { namespace(a); a.TunnelName = "other" }},
		"with an existing tunnel":             {after: func(a *CloudflareTunnelArgs) { namespace(a); a.ExistingTunnel = byHand }},
		"with a tunnel that was switched over": {
			after: namespace, tunnel: func(tunnel *apitest.Tunnel) { tunnel.RemoteConfig = true },
		},
		"with a tunnel that was deleted": {
			after: namespace, tunnel: func(tunnel *apitest.Tunnel) { tunnel.DeletedAt = new("2026-11-20T10:11:12Z") },
		},
		"with a tunnel in another account": {
			after: namespace, state: func(state map[string]resource.PropertyMap) {
				state[CloudflareTunnelType+"$"+tunnelKind+"::edge-tunnel"]["accountId"] = resource.NewProperty("other")
			},
		},
		"with another kind of secret": {
			after: namespace, state: func(state map[string]resource.PropertyMap) {
				delete(state[CloudflareTunnelType+"$"+randomIDKind+"::edge-suffix"]["keepers"].ObjectValue(), "secret")
			},
		},
		"since an interrupted rotation": {
			after: namespace, state: func(state map[string]resource.PropertyMap) {
				state[CloudflareTunnelType+"$"+tunnelKind+"::edge-tunnel"]["id"] = resource.NewProperty(byHand)
			},
		},
		"another namespace, for an existing tunnel": {
			before: func(a *CloudflareTunnelArgs) { a.ExistingTunnel = byHand }, after: func(a *CloudflareTunnelArgs) { namespace(a); a.ExistingTunnel = byHand },
			want: "namespace: another one" + refusal,
		},
		"another name, for an existing tunnel": {
			before: func(a *CloudflareTunnelArgs) { a.ExistingTunnel = byHand }, after: func(a *CloudflareTunnelArgs) { a.ExistingTunnel, a.TunnelName = byHand, "other" },
			want: "tunnelName: another one (unset, it follows from a name that may have changed, such as the stack's)" + refusal,
		},
		"a tunnel of its own": {before: func(a *CloudflareTunnelArgs) { a.ExistingTunnel = byHand }, after: namespace},
		"another cluster": {
			after: same, provider: "second",
			want: "the Kubernetes provider: another cluster, or another address of the same one," + noRoom + "set replicas to 12 for this update",
		},
		"another cluster, with fewer":      {after: func(a *CloudflareTunnelArgs) { a.Replicas = 12 }, provider: "second"},
		"another cluster, with a rotation": {after: func(a *CloudflareTunnelArgs) { a.Rotation = "2026-12" }, provider: "second"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
			api.Tunnels = []apitest.Tunnel{{Account: "account", ID: byHand, Name: "by-hand"}, {Account: "account", ID: plantest.TunnelID, Name: "edge"}}
			update := func(state map[string]resource.PropertyMap, provider string, change func(*CloudflareTunnelArgs)) (*plantest.Engine, error) {
				args := &CloudflareTunnelArgs{Domain: "example.com", API: apiArgs(api), Replicas: 13}
				if change != nil {
					change(args)
				}
				r := &plantest.Engine{State: state}
				return r, r.Run(func(ctx *pulumi.Context) error {
					k8s, err := kubernetes.NewProvider(ctx, provider, &kubernetes.ProviderArgs{})
					require.NoError(t, err)
					return program(args, pulumi.Providers(k8s))(ctx)
				})
			}
			first, err := update(nil, "first", test.before)
			require.NoError(t, err)
			state := stateAfter(first)
			if test.state != nil {
				test.state(state)
			}
			if test.tunnel != nil {
				test.tunnel(&api.Tunnels[1])
			}
			provider := "first"
			if test.provider != "" {
				provider = test.provider
			}
			second, err := update(state, provider, test.after)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
			for _, made := range second.Registrations() {
				require.True(t, made.Read || !strings.HasPrefix(made.Type, "kubernetes:") && !strings.HasPrefix(made.Type, "cloudflare:"), made.Name)
			}
		})
	}
}

// A namespace may be set after what Cloudflare knows was asked for.
func TestCloudflareTunnelArgs_CheckBeforeAnotherNamespace(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: plantest.TunnelID, Name: "by-hand"}}
	args := &CloudflareTunnelArgs{Domain: "example.com", API: apiArgs(api), Replicas: 13, Namespace: "web", ExistingTunnel: plantest.TunnelID}
	first := &plantest.Engine{}
	require.NoError(t, first.Run(program(args)))
	second := &plantest.Engine{State: stateAfter(first)}
	require.ErrorContains(t, second.Run(func(ctx *pulumi.Context) error {
		require.NoError(t, args.Check(ctx, "edge"))
		args.Namespace = "home"
		return program(args)(ctx)
	}), "namespace: another one")
}

// stateAfter is what a run has left in the state, but for records.
func stateAfter(r *plantest.Engine) map[string]resource.PropertyMap {
	state := map[string]resource.PropertyMap{}
	for _, made := range r.Registrations() {
		outputs := made.Inputs.Copy()
		switch {
		case made.Type == recordKind:
			continue
		case made.Type == randomIDKind && strings.HasSuffix(made.Name, identityRole):
			outputs["hex"] = resource.NewProperty(plantest.Identity)
		case made.Type == randomIDKind:
			outputs["hex"] = resource.NewProperty(plantest.NameSuffix)
		case made.Read:
			outputs["id"] = resource.NewProperty(made.ID)
		default:
			outputs["id"] = resource.NewProperty(plantest.TunnelID)
		}
		state[CloudflareTunnelType+"$"+made.Type+"::"+made.Name] = outputs
	}
	return state
}

// There are no old connectors in a cluster that is to be forgotten.
func TestCloudflareTunnel_RoomWithoutTheOldCluster(t *testing.T) {
	t.Setenv("PULUMI_K8S_DELETE_UNREACHABLE", "true")
	var state map[string]resource.PropertyMap
	for _, provider := range []string{"first", "second"} {
		r := &plantest.Engine{State: state}
		require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
			k8s, err := kubernetes.NewProvider(ctx, provider, &kubernetes.ProviderArgs{})
			require.NoError(t, err)
			args := validArgs()
			args.Replicas = 13
			return program(args, pulumi.Providers(k8s))(ctx)
		}))
		state = stateAfter(r)
	}
}
