package main

import (
	"context"
	"maps"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource/plugin"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/types/known/structpb"

	"k8s-tunnel/sandbox/plugins/cloudflare/bridge"
)

const (
	recordToken = "cloudflare:index/record:Record"
	tunnelToken = "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared"

	apiToken = "abcdefghijklmnopqrstuvwxyz-0123456789_AB" // 40 characters of the right kind
)

// properties are inputs or outputs in plain values.
type properties map[string]any

// client talks to the plugin as the engine does, without a network between.
type client struct {
	t      *testing.T
	server pulumirpc.ResourceProviderServer
}

// newClient starts the plugin.
func newClient(t *testing.T) *client {
	t.Helper()
	server, err := bridge.Server(context.Background(), schema)(nil)
	require.NoError(t, err)
	return &client{t: t, server: server}
}

// connect starts the plugin and points it at an API, in no hurry about the rate.
func connect(t *testing.T, api *fakeAPI, changes ...properties) *client {
	t.Helper()
	config := properties{"apiToken": apiToken, "apiHostname": api.host(), "rps": 1000, "retries": 1}
	for _, change := range changes {
		maps.Copy(config, change)
	}
	c := newClient(t)
	checked, failures := c.checkConfig(config)
	require.Empty(t, failures)
	require.NoError(t, c.configure(checked))
	return c
}

func (c *client) checkConfig(config properties) (*structpb.Struct, []*pulumirpc.CheckFailure) {
	c.t.Helper()
	response, err := c.server.CheckConfig(c.t.Context(), &pulumirpc.CheckRequest{
		Urn:  "urn:pulumi:dev::k8s-tunnel::pulumi:providers:cloudflare::cloudflare",
		News: c.marshal(config),
	})
	require.NoError(c.t, err)
	return response.Inputs, response.Failures
}

func (c *client) configure(checked *structpb.Struct) error {
	_, err := c.server.Configure(c.t.Context(), &pulumirpc.ConfigureRequest{
		Args: checked, AcceptSecrets: true, AcceptResources: true, SendsOldInputs: true,
		SendsOldInputsToDelete: true,
	})
	return err
}

// check returns the inputs with defaults.
func (c *client) check(token string, inputs properties) (*structpb.Struct, []*pulumirpc.CheckFailure) {
	c.t.Helper()
	response, err := c.server.Check(c.t.Context(), &pulumirpc.CheckRequest{
		Urn: urn(token), News: c.marshal(inputs), RandomSeed: make([]byte, 32),
	})
	require.NoError(c.t, err)
	return response.Inputs, response.Failures
}

// create checks and creates. Seconds, unless zero, is a custom timeout.
func (c *client) create(token string, inputs properties, seconds float64) (string, resource.PropertyMap, error) {
	c.t.Helper()
	checked, failures := c.check(token, inputs)
	require.Empty(c.t, failures)
	response, err := c.server.Create(c.t.Context(), &pulumirpc.CreateRequest{
		Urn: urn(token), Properties: checked, Timeout: seconds,
	})
	if err != nil {
		return "", nil, err
	}
	return response.Id, c.unmarshal(response.Properties), nil
}

// diff compares a state with new inputs.
func (c *client) diff(token, id string, state resource.PropertyMap, inputs properties) *pulumirpc.DiffResponse {
	c.t.Helper()
	checked, failures := c.check(token, inputs)
	require.Empty(c.t, failures)
	response, err := c.server.Diff(c.t.Context(), &pulumirpc.DiffRequest{
		Id: id, Urn: urn(token), Olds: c.marshalMap(state), News: checked,
	})
	require.NoError(c.t, err)
	return response
}

func (c *client) update(
	token, id string, state resource.PropertyMap, inputs properties,
) (resource.PropertyMap, error) {
	c.t.Helper()
	checked, failures := c.check(token, inputs)
	require.Empty(c.t, failures)
	response, err := c.server.Update(c.t.Context(), &pulumirpc.UpdateRequest{
		Id: id, Urn: urn(token), Olds: c.marshalMap(state), News: checked,
	})
	if err != nil {
		return nil, err
	}
	return c.unmarshal(response.Properties), nil
}

// read refreshes a state, or imports where the state is nil.
func (c *client) read(token, id string, state resource.PropertyMap) (string, resource.PropertyMap, error) {
	c.t.Helper()
	request := &pulumirpc.ReadRequest{Id: id, Urn: urn(token), Properties: &structpb.Struct{}}
	if state != nil {
		request.Properties, request.Inputs = c.marshalMap(state), &structpb.Struct{}
	}
	response, err := c.server.Read(c.t.Context(), request)
	if err != nil {
		return "", nil, err
	}
	return response.Id, c.unmarshal(response.Properties), nil
}

func (c *client) delete(token, id string, state resource.PropertyMap) error {
	c.t.Helper()
	_, err := c.server.Delete(c.t.Context(), &pulumirpc.DeleteRequest{
		Id: id, Urn: urn(token), Properties: c.marshalMap(state),
	})
	return err
}

func urn(token string) string {
	return "urn:pulumi:dev::k8s-tunnel::" + token + "::edge"
}

var marshalling = plugin.MarshalOptions{KeepSecrets: true, KeepUnknowns: true}

func (c *client) marshal(values properties) *structpb.Struct {
	c.t.Helper()
	return c.marshalMap(resource.NewPropertyMapFromMap(values))
}

func (c *client) marshalMap(values resource.PropertyMap) *structpb.Struct {
	c.t.Helper()
	message, err := plugin.MarshalProperties(values, marshalling)
	require.NoError(c.t, err)
	return message
}

func (c *client) unmarshal(message *structpb.Struct) resource.PropertyMap {
	c.t.Helper()
	values, err := plugin.UnmarshalProperties(message, marshalling)
	require.NoError(c.t, err)
	return values
}

// plain is a property's value, secret or not.
func plain(values resource.PropertyMap, key resource.PropertyKey) any {
	value := values[key]
	if value.IsSecret() {
		value = value.SecretValue().Element
	}
	return value.Mappable()
}

// change is a short form of one property's entry in a diff.
func change(response *pulumirpc.DiffResponse, key string) string {
	detail, ok := response.DetailedDiff[key]
	if !ok {
		return ""
	}
	return detail.Kind.String()
}
