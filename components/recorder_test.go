package components

import (
	"encoding/json"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

const (
	testTunnelID = "11111111-2222-3333-4444-555555555555"
	testSecret   = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3I="
)

// registration is one resource as the engine was asked for it.
type registration struct {
	Type, Name, Parent string
	ID                 string // of what is read
	Protect            bool
	Read               bool // read, not managed
	IgnoreChanges      []string
	Dependencies       []string // URNs
	Providers          map[string]string
	Inputs             resource.PropertyMap
}

// recorder is an engine's stand-in that keeps what a program registers and
// answers as the providers would.
type recorder struct {
	mu            sync.Mutex
	registrations []registration
	preview       bool                      // leave IDs and computed outputs unknown
	services      map[string]map[string]any // specs by namespace/name
}

func (r *recorder) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	reg := registration{Type: args.TypeToken, Name: args.Name, Inputs: args.Inputs}
	if rpc := args.RegisterRPC; rpc != nil {
		reg.Parent, reg.Protect = rpc.GetParent(), rpc.GetProtect()
		reg.IgnoreChanges = rpc.GetIgnoreChanges()
		reg.Dependencies, reg.Providers = rpc.GetDependencies(), rpc.GetProviders()
	}
	if rpc := args.ReadRPC; rpc != nil {
		reg.Parent, reg.Read, reg.ID = rpc.GetParent(), true, args.ID
	}
	r.registrations = append(r.registrations, reg)
	return r.outputs(args)
}

func (r *recorder) outputs(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	out := args.Inputs.Copy()
	id := args.Name + "-id"
	switch args.TypeToken {
	case "random:index/randomBytes:RandomBytes":
		out["base64"] = resource.MakeSecret(resource.NewProperty(testSecret))
	case "random:index/randomId:RandomId":
		out["hex"] = resource.NewProperty("a1b2c3")
	case "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared":
		id = testTunnelID
	case "kubernetes:core/v1:Service":
		out["spec"] = resource.NewProperty(r.service(args.ID))
	case "kubernetes:core/v1:Namespace", "kubernetes:core/v1:ConfigMap", "kubernetes:core/v1:Secret", "kubernetes:apps/v1:Deployment":
		out["metadata"] = resource.NewProperty(resource.PropertyMap{"name": resource.NewProperty(args.Name + "-0a1b2c")})
	}
	if r.preview {
		// The SDK's mock engine can't carry an unknown value that is marked
		// secret, so what the credentials are made of stays known.
		delete(out, "hex")
		delete(out, "metadata")
	}
	return id, out, nil
}

// service is the Service of that ID, by default one as ingress-nginx has it.
func (r *recorder) service(id string) resource.PropertyMap {
	if spec, ok := r.services[id]; ok {
		return resource.NewPropertyMapFromMap(spec)
	}
	return resource.NewPropertyMapFromMap(map[string]any{
		"type":      "ClusterIP",
		"clusterIP": "10.0.0.80",
		"selector":  map[string]any{"app.kubernetes.io/name": "ingress"},
		"ports": []any{
			map[string]any{"name": "http", "port": 80, "protocol": "TCP", "targetPort": "http"},
			map[string]any{"name": "https", "port": 443, "protocol": "TCP", "targetPort": 8443},
			map[string]any{"name": "web", "port": 8000, "protocol": "TCP", "targetPort": 80},
		},
	})
}

func (r *recorder) Call(pulumi.MockCallArgs) (resource.PropertyMap, error) {
	return resource.PropertyMap{}, nil
}

// find returns the one registration of that name.
func (r *recorder) find(t *testing.T, name string) registration {
	t.Helper()
	for _, reg := range r.registrations {
		if reg.Name == name {
			return reg
		}
	}
	require.Failf(t, "not registered", "%s", name)
	return registration{}
}

// inventory lists type::name of everything that was registered.
func (r *recorder) inventory() []string {
	var all []string
	for _, reg := range r.registrations {
		all = append(all, reg.Type+"::"+reg.Name)
	}
	return all
}

// plain turns inputs into what they look like as JSON. Secrets are shown as
// such, so that a golden file tells them from plain text.
func plain(t *testing.T, v resource.PropertyMap) any {
	t.Helper()
	mapped := v.MapRepl(nil, func(v resource.PropertyValue) (any, bool) {
		switch {
		case v.IsSecret():
			return map[string]any{"secret": v.SecretValue().Element.Mappable()}, true
		case v.IsComputed():
			return "unknown", true
		}
		return nil, false
	})
	raw, err := json.Marshal(mapped)
	require.NoError(t, err)
	var out any
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

// validArgs are the least that a component takes.
func validArgs() *CloudflareTunnelArgs {
	return &CloudflareTunnelArgs{
		Domain:    "example.com",
		ZoneID:    pulumi.String("zone"),
		AccountID: pulumi.String("account"),
	}
}

// declare runs a program of one component under the recorder.
func declare(t *testing.T, args *CloudflareTunnelArgs, opts ...pulumi.ResourceOption) *recorder {
	t.Helper()
	r := &recorder{}
	require.NoError(t, r.declare(args, opts...))
	return r
}

func (r *recorder) declare(args *CloudflareTunnelArgs, opts ...pulumi.ResourceOption) error {
	return r.run(func(ctx *pulumi.Context) error {
		_, err := NewCloudflareTunnel(ctx, "edge", args, opts...)
		return err
	})
}

func (r *recorder) run(program pulumi.RunFunc) error {
	return pulumi.RunErr(program, pulumi.WithMocks("k8s-tunnel", "test", r), func(info *pulumi.RunInfo) { info.DryRun = r.preview })
}
