package plantest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	"github.com/pulumi/pulumi/sdk/v3/go/common/tokens"
	"github.com/pulumi/pulumi/sdk/v3/go/common/util/rpcutil"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/structpb"
)

// The project and the stack of every program.
const (
	Project = "k8s-tunnel"
	Stack   = "test"
)

// Engine is the stand-in. Set its fields before a run; its methods tell what the
// last run did.
type Engine struct {
	// Config is the stack's configuration, and Secrets its keys that are secret.
	Config  map[string]string
	Secrets []string
	// Version is that of Pulumi's command line, or empty for one that is new enough.
	Version string
	// Preview makes runs previews: identifiers and outputs of resources that would
	// be created are unknown.
	Preview bool
	// Services are the specs of Services in the cluster, by namespace/name. Others
	// are like that of ingress-nginx.
	Services map[string]map[string]any
	// ConfigMaps are the data of ConfigMaps in the cluster, by namespace/name.
	ConfigMaps map[string]map[string]any
	// State are the outputs of resources in the stack's state, by their URNs' ends,
	// such as k8s-tunnel:index:CloudflareTunnel::edge.
	State map[string]resource.PropertyMap
	// Legacy makes the state one of a backend whose stacks don't belong to projects.
	Legacy bool
	// FailFirst are the logical names of resources whose creation fails at first, so that
	// their hooks are called. Those of other resources aren't.
	FailFirst []string
	// Failures are what the provider says of each attempt to create them, the last one first.
	// They default to one.
	Failures []string
	// Options are added to every run.
	Options []pulumi.RunOption

	mu            sync.Mutex
	registrations []Registration
	outputs       map[string]resource.PropertyMap // by URN
	infos         []string
	warnings      []string
	errors        []string
}

// Registration is a resource as the program registered it.
type Registration struct {
	Type, Name string
	// Parent is the parent's URN.
	Parent string
	// Read reports whether the resource is only read, under this ID.
	Read bool
	ID   string
	// Provider is the URN of an explicit provider and its ID; Providers are those
	// of a component by package.
	Provider  string
	Providers map[string]string
	// Replaceable reports whether the resource is replaced new before old, if the provider
	// wants it so: it isn't only read, nor a component, nor set to be deleted before.
	Replaceable bool
	// The resource's options.
	Protect                         bool
	RetainOnDelete                  *bool // nil for the parent's
	IgnoreChanges, ReplaceOnChanges []string
	// Hooks are the names of the resource's hooks, those for errors included. Retried
	// reports whether these create it again if it is in FailFirst.
	Hooks   []string
	Retried bool
	// Dependencies are URNs.
	Dependencies []string
	// CreateTimeout and UpdateTimeout are empty for the provider's own.
	CreateTimeout, UpdateTimeout string
	Inputs                       resource.PropertyMap
}

// Run runs a program. What an earlier run registered is forgotten.
func (e *Engine) Run(program pulumi.RunFunc) error {
	e.registrations, e.outputs, e.infos, e.warnings, e.errors = nil, map[string]resource.PropertyMap{}, nil, nil, nil
	stop := make(chan bool)
	server, err := rpcutil.ServeWithOptions(rpcutil.ServeOptions{Cancel: stop, Init: func(s *grpc.Server) error {
		pulumirpc.RegisterResourceMonitorServer(s, &monitor{engine: e})
		pulumirpc.RegisterEngineServer(s, &messages{engine: e})
		return nil
	}})
	if err != nil {
		return fmt.Errorf("starting the engine's stand-in: %w", err)
	}
	address := fmt.Sprintf("127.0.0.1:%d", server.Port)
	err = pulumi.RunErr(program, append([]pulumi.RunOption{func(info *pulumi.RunInfo) {
		info.Project, info.Stack, info.Organization = Project, Stack, "organization"
		info.MonitorAddr, info.EngineAddr = address, address
		info.Config, info.ConfigSecretKeys, info.DryRun = e.Config, e.Secrets, e.Preview
	}}, e.Options...)...)
	close(stop)
	return errors.Join(err, <-server.Done)
}

// Registrations lists what was registered, but for the stack itself.
func (e *Engine) Registrations() []Registration { return e.registrations }

// Find returns the registration with a logical name, of which there has to be one.
func (e *Engine) Find(t testing.TB, name string) Registration {
	t.Helper()
	var found []Registration
	for _, r := range e.registrations {
		if r.Name == name {
			found = append(found, r)
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d resources named %s are registered; there are %s", len(found), name, strings.Join(e.Inventory(), ", "))
	}
	return found[0]
}

// Inventory lists type::name of everything that was registered.
func (e *Engine) Inventory() []string {
	all := []string{}
	for _, r := range e.registrations {
		all = append(all, r.Type+"::"+r.Name)
	}
	return all
}

// Replaceable lists the types of the resources that are replaced new before old.
func (e *Engine) Replaceable() []string {
	kinds := map[string]bool{}
	for _, r := range e.registrations {
		if r.Replaceable {
			kinds[r.Type] = true
		}
	}
	return slices.Sorted(maps.Keys(kinds))
}

// Outputs returns the outputs that were registered for a component, or for the
// stack.
func (e *Engine) Outputs(t testing.TB, name string) resource.PropertyMap {
	t.Helper()
	for urn, outputs := range e.outputs {
		if strings.HasSuffix(urn, "::"+name) {
			return outputs
		}
	}
	t.Fatalf("no outputs are registered for %s", name)
	return nil
}

// Warnings lists the messages of warnings, in their order.
func (e *Engine) Warnings() []string { return e.warnings }

// Infos lists the messages that aren't warnings, in their order.
func (e *Engine) Infos() []string { return e.infos }

// Errors lists the messages of errors, in their order.
func (e *Engine) Errors() []string { return e.errors }

func newURN(parent, kind, name string) string {
	var parentType tokens.Type
	if urn := resource.URN(parent); urn != "" && urn.QualifiedType() != resource.RootStackType {
		parentType = urn.QualifiedType()
	}
	return string(resource.NewURN(Stack, Project, parentType, tokens.Type(kind), name))
}

// monitor is the engine's service for resources.
type monitor struct {
	pulumirpc.UnimplementedResourceMonitorServer
	engine    *Engine
	callbacks map[string]*pulumirpc.Callback // by the names of hooks
}

func (m *monitor) SupportsFeature(_ context.Context, r *pulumirpc.SupportsFeatureRequest) (*pulumirpc.SupportsFeatureResponse, error) {
	switch r.GetId() {
	case "secrets", "resourceReferences", "aliasSpecs", "deletedWith", "resourceHooks", "errorHooks":
		return &pulumirpc.SupportsFeatureResponse{HasSupport: true}, nil
	}
	return &pulumirpc.SupportsFeatureResponse{}, nil
}

func (m *monitor) RegisterResource(ctx context.Context, r *pulumirpc.RegisterResourceRequest) (*pulumirpc.RegisterResourceResponse, error) {
	urn := newURN(r.GetParent(), r.GetType(), r.GetName())
	if r.GetType() == string(resource.RootStackType) {
		return &pulumirpc.RegisterResourceResponse{Urn: urn}, nil
	}
	inputs, err := unmarshal(r.GetObject())
	if err != nil {
		return nil, err
	}
	retried, err := m.create(ctx, r)
	if err != nil {
		return nil, err
	}
	id, outputs := m.engine.answer(r.GetType(), r.GetName(), "", inputs, r.GetCustom())
	m.engine.record(Registration{
		Type: r.GetType(), Name: r.GetName(), Parent: r.GetParent(), Inputs: inputs,
		Provider: r.GetProvider(), Providers: r.GetProviders(), Protect: r.GetProtect(), RetainOnDelete: r.RetainOnDelete,
		Replaceable:   r.GetCustom() && !r.GetDeleteBeforeReplace(),
		IgnoreChanges: r.GetIgnoreChanges(), ReplaceOnChanges: r.GetReplaceOnChanges(), Dependencies: r.GetDependencies(),
		Hooks:         append(r.GetHooks().GetBeforeCreate(), r.GetHooks().GetOnError()...),
		Retried:       retried,
		CreateTimeout: r.GetCustomTimeouts().GetCreate(), UpdateTimeout: r.GetCustomTimeouts().GetUpdate(),
	})
	object, err := marshal(outputs)
	return &pulumirpc.RegisterResourceResponse{Urn: urn, Id: id, Object: object}, err
}

func (m *monitor) ReadResource(_ context.Context, r *pulumirpc.ReadResourceRequest) (*pulumirpc.ReadResourceResponse, error) {
	inputs, err := unmarshal(r.GetProperties())
	if err != nil {
		return nil, err
	}
	m.engine.record(Registration{
		Type: r.GetType(), Name: r.GetName(), Parent: r.GetParent(), Inputs: inputs, Provider: r.GetProvider(), Read: true, ID: r.GetId(),
	})
	_, outputs := m.engine.answer(r.GetType(), r.GetName(), r.GetId(), inputs, true)
	properties, err := marshal(outputs)
	return &pulumirpc.ReadResourceResponse{Urn: newURN(r.GetParent(), r.GetType(), r.GetName()), Properties: properties}, err
}

func (m *monitor) RegisterResourceOutputs(_ context.Context, r *pulumirpc.RegisterResourceOutputsRequest) (*emptypb.Empty, error) {
	outputs, err := unmarshal(r.GetOutputs())
	m.engine.mu.Lock()
	defer m.engine.mu.Unlock()
	m.engine.outputs[r.GetUrn()] = outputs
	return &emptypb.Empty{}, err
}

// Invoke answers the one function that the program calls, which is the engine's
// own: the outputs of the resources in the state.
func (m *monitor) Invoke(_ context.Context, r *pulumirpc.ResourceInvokeRequest) (*pulumirpc.ResourceInvokeResponse, error) {
	args, err := unmarshal(r.GetArgs())
	if err != nil {
		return nil, err
	}
	name := "organization/" + Project + "/" + Stack
	if m.engine.Legacy {
		name = Stack
	}
	if r.GetTok() != "pulumi:pulumi:readStackResourceOutputs" || args["stackName"].StringValue() != name {
		return nil, fmt.Errorf("unexpected call of %s with %v", r.GetTok(), args)
	}
	resources := resource.PropertyMap{}
	for urnEnd, outputs := range m.engine.State {
		resources[resource.PropertyKey("urn:pulumi:"+Stack+"::"+Project+"::"+urnEnd)] = resource.NewProperty(resource.PropertyMap{
			"outputs": resource.NewProperty(outputs),
		})
	}
	object, err := marshal(resource.PropertyMap{"outputs": resource.NewProperty(resources)})
	return &pulumirpc.ResourceInvokeResponse{Return: object}, err
}

// SignalAndWaitForShutdown ends a program with hooks, which are then not called any
// more.
func (m *monitor) SignalAndWaitForShutdown(context.Context, *emptypb.Empty) (*emptypb.Empty, error) {
	return &emptypb.Empty{}, nil
}

// messages is the engine's service for messages.
type messages struct {
	pulumirpc.UnimplementedEngineServer
	engine *Engine
	root   string
}

func (m *messages) Log(_ context.Context, r *pulumirpc.LogRequest) (*emptypb.Empty, error) {
	m.engine.mu.Lock()
	defer m.engine.mu.Unlock()
	switch r.GetSeverity() {
	case pulumirpc.LogSeverity_INFO:
		m.engine.infos = append(m.engine.infos, r.GetMessage())
	case pulumirpc.LogSeverity_WARNING:
		m.engine.warnings = append(m.engine.warnings, r.GetMessage())
	case pulumirpc.LogSeverity_ERROR:
		m.engine.errors = append(m.engine.errors, r.GetMessage())
	}
	return &emptypb.Empty{}, nil
}

// RequirePulumiVersion answers as the real engine does.
func (m *messages) RequirePulumiVersion(_ context.Context, r *pulumirpc.RequirePulumiVersionRequest) (*pulumirpc.RequirePulumiVersionResponse, error) {
	return &pulumirpc.RequirePulumiVersionResponse{}, plugin.ValidatePulumiVersionRange(r.GetPulumiVersionRange(), m.engine.Version)
}

func (m *messages) SetRootResource(_ context.Context, r *pulumirpc.SetRootResourceRequest) (*pulumirpc.SetRootResourceResponse, error) {
	m.root = r.GetUrn()
	return &pulumirpc.SetRootResourceResponse{}, nil
}

func (m *messages) GetRootResource(context.Context, *pulumirpc.GetRootResourceRequest) (*pulumirpc.GetRootResourceResponse, error) {
	return &pulumirpc.GetRootResourceResponse{Urn: m.root}, nil
}

func (e *Engine) record(r Registration) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.registrations = append(e.registrations, r)
}

var wire = plugin.MarshalOptions{KeepUnknowns: true, KeepSecrets: true, KeepResources: true}

func marshal(properties resource.PropertyMap) (*structpb.Struct, error) {
	return plugin.MarshalProperties(properties, wire)
}

func unmarshal(object *structpb.Struct) (resource.PropertyMap, error) {
	return plugin.UnmarshalProperties(object, wire)
}
