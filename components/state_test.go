package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/plantest"
)

// A record keeps its ID when it is taken over, so the resource of the stack that had it until then
// would delete it.
func TestCloudflareTunnel_RecordsOfTheStack(t *testing.T) {
	t.Parallel()
	const (
		identity = "random:index/randomId:RandomId::"
		record   = "cloudflare:index/record:Record::"
		urn      = "urn:pulumi:test::k8s-tunnel::"
	)
	home := func(ctx *pulumi.Context) pulumi.Resource { return parent(t, ctx, "my:home:Lab") }
	own := CloudflareTunnelType + "$"
	// state is what a component of that name, below those types, has recorded.
	state := func(below, name string) map[string]resource.PropertyMap {
		return map[string]resource.PropertyMap{
			below + own + identity + name + "-identity": {"hex": resource.NewProperty(plantest.Identity)},
			below + own + record + name + "-apex":       {"id": resource.NewProperty("id"), "name": resource.NewProperty("@"), "zoneId": resource.NewProperty("zone"), "content": resource.NewProperty(plantest.TunnelID + ".cfargotunnel.com"), "comment": resource.NewProperty("Managed by Pulumi: k8s-tunnel/test [" + plantest.Identity + "]")},
		}
	}
	for name, test := range map[string]struct {
		state map[string]resource.PropertyMap
		opts  func(*pulumi.Context) []pulumi.ResourceOption
		urn   string // of the record, unless the component may have it
		warns string
	}{
		"its own": {state: state("", "edge")},
		"of a resource by itself": {
			state: map[string]resource.PropertyMap{record + "apex": {"id": resource.NewProperty("id")}}, urn: record + "apex",
		},
		"of a resource of one's own below it": {
			state: map[string]resource.PropertyMap{own + record + "edge-txt": {"id": resource.NewProperty("id"), "name": resource.NewProperty("@"), "zoneId": resource.NewProperty("zone")}},
			urn:   own + record + "edge-txt",
		},
		"of another component": {state: state("", "old"), urn: own + record + "old-apex"},
		"of another component, taken from the state": {
			state: map[string]resource.PropertyMap{own + identity + "old-identity": {"hex": resource.NewProperty(plantest.Identity)}},
			warns: "domain: this takes example.com from another component of this stack",
		},
		"of the same component, renamed": {
			state: state("", "old"),
			opts: func(*pulumi.Context) []pulumi.ResourceOption {
				return []pulumi.ResourceOption{pulumi.Aliases([]pulumi.Alias{{Name: pulumi.String("old")}})}
			},
		},
		"of the same component, with its former URN": {
			state: state("", "old"),
			opts: func(*pulumi.Context) []pulumi.ResourceOption {
				return []pulumi.ResourceOption{pulumi.Aliases([]pulumi.Alias{{URN: pulumi.URN(urn + CloudflareTunnelType + "::old")}})}
			},
		},
		"of the same component, moved without an alias": {
			state: state("", "edge"), urn: own + record + "edge-apex",
			opts: func(ctx *pulumi.Context) []pulumi.ResourceOption {
				return []pulumi.ResourceOption{pulumi.Parent(home(ctx))}
			},
		},
		"of the same component, moved": {
			state: state("", "edge"),
			opts: func(ctx *pulumi.Context) []pulumi.ResourceOption {
				return []pulumi.ResourceOption{pulumi.Parent(home(ctx)), pulumi.Aliases([]pulumi.Alias{{NoParent: pulumi.Bool(true)}})}
			},
		},
		"its own, below a parent": {
			state: state("my:home:Lab$", "edge"),
			opts: func(ctx *pulumi.Context) []pulumi.ResourceOption {
				return []pulumi.ResourceOption{pulumi.Parent(home(ctx))}
			},
		},
		"its own, below a parent of which only the URN is known": {
			state: state("my:home:Lab$", "edge"),
			opts: func(ctx *pulumi.Context) []pulumi.ResourceOption {
				var parent unknown
				require.NoError(t, ctx.RegisterComponentResource("my:home:Lab", "lab", &parent))
				return []pulumi.ResourceOption{pulumi.Parent(&parent)}
			},
		},
		"its own, below a parent's parent": {
			state: state("my:home:House$my:home:Lab$", "edge"),
			opts: func(ctx *pulumi.Context) []pulumi.ResourceOption {
				return []pulumi.ResourceOption{pulumi.Parent(parent(t, ctx, "my:home:Lab", pulumi.Parent(parent(t, ctx, "my:home:House"))))}
			},
		},
		"of the same component, whose parent was moved without an alias": {
			state: state("my:home:House$my:home:Lab$", "edge"), urn: "my:home:House$my:home:Lab$" + own + record + "edge-apex",
			opts: func(ctx *pulumi.Context) []pulumi.ResourceOption {
				return []pulumi.ResourceOption{pulumi.Parent(home(ctx))}
			},
		},
		"moved out of a parent": {state: state("my:home:Lab$", "edge"), urn: "my:home:Lab$" + own + record + "edge-apex"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
			api.Records = []apitest.Record{{
				Zone: "zone", ID: "id", Name: "example.com", Type: "CNAME", Content: plantest.TunnelID + ".cfargotunnel.com",
				Comment: "Managed by Pulumi: k8s-tunnel/test [" + plantest.Identity + "]",
			}}
			args := validArgs()
			args.API, args.AllowTakeover = apiArgs(api), test.urn != ""
			r := &plantest.Engine{State: test.state}
			err := r.Run(func(ctx *pulumi.Context) error {
				var opts []pulumi.ResourceOption
				if test.opts != nil {
					opts = test.opts(ctx)
				}
				return program(args, opts...)(ctx)
			})
			if test.urn != "" {
				require.ErrorContains(t, err, "domain: the record of example.com is another resource of this stack, "+urn+test.urn+", and would be deleted with it")
				return
			}
			require.NoError(t, err)
			if test.warns == "" {
				require.Empty(t, r.Warnings())
			} else {
				require.Len(t, r.Warnings(), 1)
				require.Contains(t, r.Warnings()[0], test.warns)
			}
		})
	}
}

// parent declares a component in which others can be.
func parent(t *testing.T, ctx *pulumi.Context, kind string, opts ...pulumi.ResourceOption) pulumi.Resource {
	t.Helper()
	var parent struct{ pulumi.ResourceState }
	require.NoError(t, ctx.RegisterComponentResource(kind, "parent", &parent, opts...))
	return &parent
}

// unknown is a resource that the SDK knows by its URN alone, as it does the parent of what a provider of
// components makes.
type unknown struct{ pulumi.ResourceState }

func (*unknown) PulumiResourceType() string { return "" }

// The URNs of two components of one name differ in the types of their parents. Each has its own names
// and its own hooks.
func TestCloudflareTunnel_SameNameBelowOtherParents(t *testing.T) {
	t.Parallel()
	run := func(domains ...string) (*plantest.Engine, error) {
		r := &plantest.Engine{}
		return r, r.Run(func(ctx *pulumi.Context) error {
			house := parent(t, ctx, "my:home:House")
			for i, below := range []pulumi.ResourceOption{pulumi.Parent(house), pulumi.Parent(parent(t, ctx, "my:home:Lab")), pulumi.Parent(parent(t, ctx, "my:home:Lab", pulumi.Parent(house)))} {
				args := validArgs()
				args.Domain = domains[i]
				if _, err := NewCloudflareTunnel(ctx, "edge", args, below); err != nil {
					return err
				}
			}
			return nil
		})
	}
	r, err := run("a.example.com", "b.example.com", "c.example.com")
	require.NoError(t, err)
	hooks, parents := map[string]bool{}, map[string]bool{}
	for _, reg := range r.Registrations() {
		if reg.Name == "edge-apex" {
			parents[reg.Parent] = true
			hooks[reg.Hooks[0]] = true
		}
	}
	require.Len(t, parents, 3)
	require.Equal(t, map[string]bool{"my:home:House$edge-take-over": true, "my:home:Lab$edge-take-over": true, "my:home:House$my:home:Lab$edge-take-over": true}, hooks)

	_, err = run("a.example.com", "b.example.com", "a.example.com")
	require.ErrorContains(t, err, `domain: a.example.com leads to component "edge" below my:home:House of the same program; remove it from one of the two`)
}

// What the component's resources would inherit must not break its promises.
func TestCloudflareTunnel_RefusedOptions(t *testing.T) {
	t.Parallel()
	r := &plantest.Engine{}
	err := r.Run(func(ctx *pulumi.Context) error {
		var cluster struct{ pulumi.ResourceState }
		require.NoError(t, ctx.RegisterComponentResource("my:home:Cluster", "cluster", &cluster))
		args := validArgs()
		args.Replicas = -1
		return program(args, pulumi.RetainOnDelete(true), pulumi.DeletedWith(&cluster))(ctx)
	})
	require.ErrorContains(t, err, "RetainOnDelete: connectors that were replaced would stay")
	require.ErrorContains(t, err, "DeletedWith: the tunnel and the records")
	require.ErrorContains(t, err, "replicas: -1 is negative")
}

// RetainOnDelete of a parent ends at the component.
func TestCloudflareTunnel_ParentsRetainOnDelete(t *testing.T) {
	t.Parallel()
	r := declare(t, validArgs())
	require.Equal(t, new(false), r.Find(t, "edge").RetainOnDelete)
	require.Nil(t, r.Find(t, "edge-apex").RetainOnDelete)
}

// A Deployment that replaces another one begins with as many connectors as the autoscaler had
// found necessary, within the limits.
func TestAutoscaling_Replacement(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ last, most, want int }{{0, 10, 2}, {1, 10, 2}, {8, 10, 8}, {8, 6, 6}, {8, 0, 2}} {
		args := validArgs()
		args.Replicas = 2
		if test.most > 0 {
			args.Autoscaling = &AutoscalingArgs{MaxReplicas: test.most}
		}
		r := &plantest.Engine{State: map[string]resource.PropertyMap{CloudflareTunnelType + "$" + deploymentKind + "::edge-cloudflared": {
			"spec": resource.NewProperty(resource.PropertyMap{"replicas": resource.NewProperty(float64(test.last))}),
		}}}
		require.NoError(t, r.Run(program(args)))
		require.InDelta(t, test.want, r.Find(t, "edge-cloudflared").Inputs["spec"].ObjectValue()["replicas"].NumberValue(), 0)
	}
}
