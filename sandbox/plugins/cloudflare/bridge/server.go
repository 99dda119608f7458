package bridge

import (
	"context"

	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/provider"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"google.golang.org/protobuf/types/known/structpb"
)

// Server returns what makes the plugin's server for an engine.
func Server(ctx context.Context, schema []byte) func(*provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
	mapped := Provider()
	return func(engine *provider.HostClient) (pulumirpc.ResourceProviderServer, error) {
		return officialState{tfbridge.NewProvider(ctx, engine, Name, Version, mapped.P, mapped, schema)}, nil
	}
}

// rawState is a property that bridges newer than the official plugin's add to every state, to restore
// from it what Terraform knew.
const rawState = "__pulumi_raw_state_delta"

// officialState is a server whose states have no property that the official plugin's bridge doesn't
// know. Without it both go the same way from Pulumi's state to Terraform's.
type officialState struct {
	pulumirpc.ResourceProviderServer
}

// Create answers without the raw state.
func (s officialState) Create(
	ctx context.Context, request *pulumirpc.CreateRequest,
) (*pulumirpc.CreateResponse, error) {
	response, err := s.ResourceProviderServer.Create(ctx, request)
	withoutRawState(response.GetProperties())
	return response, err
}

// Read answers without the raw state.
func (s officialState) Read(ctx context.Context, request *pulumirpc.ReadRequest) (*pulumirpc.ReadResponse, error) {
	response, err := s.ResourceProviderServer.Read(ctx, request)
	withoutRawState(response.GetProperties())
	return response, err
}

// Update answers without the raw state.
func (s officialState) Update(
	ctx context.Context, request *pulumirpc.UpdateRequest,
) (*pulumirpc.UpdateResponse, error) {
	response, err := s.ResourceProviderServer.Update(ctx, request)
	withoutRawState(response.GetProperties())
	return response, err
}

func withoutRawState(properties *structpb.Struct) {
	delete(properties.GetFields(), rawState)
}
