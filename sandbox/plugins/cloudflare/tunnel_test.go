package main

import (
	"net/http"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

const (
	tunnelJSON  = `{"id":"t1","name":"home","created_at":"2026-01-02T03:04:05Z","remote_config":false}`
	deletedJSON = `{"id":"t1","name":"home","deleted_at":"2026-01-02T03:04:05Z","remote_config":false}`
)

func tunnelInputs(changes ...properties) properties {
	inputs := properties{
		"accountId": "a1", "name": "home", "secret": "c2VjcmV0", "configSrc": "local",
	}
	for _, change := range changes {
		for key, value := range change {
			inputs[key] = value
		}
	}
	return inputs
}

// made are the calls that creating a tunnel takes.
func made() []exchange {
	return []exchange{
		{
			call: "POST /accounts/a1/cfd_tunnel", result: tunnelJSON,
			sent: `{"name":"home","tunnel_secret":"c2VjcmV0","config_src":"local"}`,
		},
		{call: "GET /accounts/a1/cfd_tunnel/t1", result: tunnelJSON},
		{call: "GET /accounts/a1/cfd_tunnel/t1/token", result: `"token-of-t1"`},
	}
}

func TestTunnel_Create(t *testing.T) {
	t.Parallel()
	api := newAPI(t, made()...)
	id, state, err := connect(t, api).create(tunnelToken, tunnelInputs(), 0)
	require.NoError(t, err)

	require.Equal(t, "t1", id)
	require.Equal(t, "t1.cfargotunnel.com", plain(state, "cname"))
	require.Equal(t, "token-of-t1", plain(state, "tunnelToken"))
	require.Equal(t, "local", plain(state, "configSrc"))
	for _, key := range []resource.PropertyKey{"secret", "tunnelToken"} {
		require.True(t, state[key].IsSecret(), key)
	}
	for _, key := range []resource.PropertyKey{"name", "cname", "accountId", "configSrc"} {
		require.False(t, state[key].IsSecret(), key)
	}
	require.NotContains(t, state, resource.PropertyKey("__pulumi_raw_state_delta"),
		"the official plugin doesn't know it")

	for _, header := range api.headers {
		require.Equal(t, "Bearer "+apiToken, header.Get("Authorization"))
		require.Equal(t, "application/json", header.Get("Content-Type"))
		require.Equal(t, "terraform-provider-cloudflare/ terraform-plugin-sdk/2.35.0 terraform/",
			header.Get("User-Agent"))
	}
}

func TestTunnel_CreateFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		calls []exchange
		want  string
	}{
		"name that is taken": {
			calls: []exchange{{
				call: "POST /accounts/a1/cfd_tunnel", status: http.StatusConflict,
				fails: `{"code":1013,"message":"You already have a tunnel with this name"}`,
			}},
			want: "failed to create Argo Tunnel: You already have a tunnel with this name (1013)",
		},
		"token that is wrong, without a second try": {
			calls: []exchange{{
				call: "POST /accounts/a1/cfd_tunnel", status: http.StatusForbidden,
				fails: `{"code":9109,"message":"Invalid access token"}`,
			}},
			want: "Invalid access token (9109)",
		},
		"server error after a tunnel was made": {
			calls: []exchange{
				{call: "POST /accounts/a1/cfd_tunnel", status: http.StatusBadGateway},
				{
					call: "POST /accounts/a1/cfd_tunnel", status: http.StatusConflict,
					fails: `{"code":1013,"message":"You already have a tunnel with this name"}`,
				},
			},
			want: "1013",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := connect(t, newAPI(t, test.calls...)).create(tunnelToken, tunnelInputs(), 0)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestTunnel_Check(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		inputs properties
		want   string
	}{
		"unknown place of the configuration": {tunnelInputs(properties{"configSrc": "file"}), "config_src"},
		"no secret":                          {properties{"accountId": "a1", "name": "home"}, "secret"},
		"no name, as there is no autonaming": {properties{"accountId": "a1", "secret": "c2VjcmV0"}, "name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, failures := connect(t, newAPI(t)).check(tunnelToken, test.inputs)
			require.Len(t, failures, 1)
			require.Contains(t, failures[0].Property+" "+failures[0].Reason, test.want)
		})
	}
}

func TestTunnel_Diff(t *testing.T) {
	t.Parallel()
	api := newAPI(t, made()...)
	c := connect(t, api)
	id, state, err := c.create(tunnelToken, tunnelInputs(), 0)
	require.NoError(t, err)

	require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, c.diff(tunnelToken, id, state, tunnelInputs()).Changes)
	for key, value := range map[string]string{
		"accountId": "a2", "name": "other", "secret": "b3RoZXI=", "configSrc": "cloudflare",
	} {
		response := c.diff(tunnelToken, id, state, tunnelInputs(properties{key: value}))
		require.Equal(t, "UPDATE_REPLACE", change(response, key), key)
		require.Equal(t, []string{key}, response.Replaces, key)
		require.False(t, response.DeleteBeforeReplace, key)
	}
}

func TestTunnel_Read(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		calls []exchange
		check func(t *testing.T, id string, state resource.PropertyMap, err error)
	}{
		"unchanged": {
			calls: made()[1:],
			check: func(t *testing.T, id string, state resource.PropertyMap, err error) {
				require.NoError(t, err)
				require.Equal(t, "t1", id)
				require.Equal(t, "c2VjcmV0", plain(state, "secret"))
				require.True(t, state["tunnelToken"].IsSecret())
			},
		},
		"deleted behind its back, which isn't noticed": {
			calls: []exchange{
				{call: "GET /accounts/a1/cfd_tunnel/t1", result: deletedJSON},
				{call: "GET /accounts/a1/cfd_tunnel/t1/token", result: `"token-of-t1"`},
			},
			check: func(t *testing.T, id string, _ resource.PropertyMap, err error) {
				require.NoError(t, err)
				require.Equal(t, "t1", id)
			},
		},
		"unknown to the API, which is an error": {
			calls: []exchange{{
				call: "GET /accounts/a1/cfd_tunnel/t1", status: http.StatusNotFound,
				fails: `{"code":1003,"message":"Tunnel not found"}`,
			}},
			check: func(t *testing.T, _ string, _ resource.PropertyMap, err error) {
				require.ErrorContains(t, err, "failed to fetch Argo Tunnel")
			},
		},
		"configured at Cloudflare since": {
			calls: []exchange{
				{call: "GET /accounts/a1/cfd_tunnel/t1", result: `{"id":"t1","name":"home","remote_config":true}`},
				{call: "GET /accounts/a1/cfd_tunnel/t1/token", result: `"token-of-t1"`},
			},
			check: func(t *testing.T, _ string, state resource.PropertyMap, err error) {
				require.NoError(t, err)
				require.Equal(t, "cloudflare", plain(state, "configSrc"))
			},
		},
		"token that can't be read": {
			calls: []exchange{
				{call: "GET /accounts/a1/cfd_tunnel/t1", result: tunnelJSON},
				{
					call: "GET /accounts/a1/cfd_tunnel/t1/token", status: http.StatusForbidden,
					fails: `{"code":10000,"message":"Authentication error"}`,
				},
			},
			check: func(t *testing.T, _ string, state resource.PropertyMap, err error) {
				require.NoError(t, err)
				require.Empty(t, plain(state, "tunnelToken"))
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, newAPI(t, append(made(), test.calls...)...))
			id, state, err := c.create(tunnelToken, tunnelInputs(), 0)
			require.NoError(t, err)
			id, state, err = c.read(tunnelToken, id, state)
			test.check(t, id, state, err)
		})
	}
}

func TestTunnel_Import(t *testing.T) {
	t.Parallel()
	t.Run("by account and tunnel", func(t *testing.T) {
		t.Parallel()
		first := exchange{call: "GET /accounts/a1/cfd_tunnel/t1", result: tunnelJSON}
		api := newAPI(t, append(append([]exchange{first}, made()[1:]...), made()[1:]...)...)
		id, state, err := connect(t, api).read(tunnelToken, "a1/t1", nil)
		require.NoError(t, err)
		require.Equal(t, "t1", id)
		require.Equal(t, "a1", plain(state, "accountId"))
		require.Equal(t, "home", plain(state, "name"))
		require.Empty(t, plain(state, "secret"), "the API keeps it to itself")
	})
	t.Run("by tunnel alone, which to the engine doesn't exist", func(t *testing.T) {
		t.Parallel()
		id, _, err := connect(t, newAPI(t)).read(tunnelToken, "t1", nil)
		require.NoError(t, err)
		require.Empty(t, id)
	})
}

func TestTunnel_Delete(t *testing.T) {
	t.Parallel()
	cleanUp := exchange{call: "DELETE /accounts/a1/cfd_tunnel/t1/connections", result: "null"}
	for name, test := range map[string]struct {
		calls []exchange
		want  string
	}{
		"connections first": {
			calls: []exchange{cleanUp, {call: "DELETE /accounts/a1/cfd_tunnel/t1", result: deletedJSON}},
		},
		"connectors that are still there": {
			calls: []exchange{cleanUp, {
				call: "DELETE /accounts/a1/cfd_tunnel/t1", status: http.StatusBadRequest,
				fails: `{"code":1022,"message":"The tunnel has active connections"}`,
			}},
			want: "failed to delete Argo Tunnel: The tunnel has active connections (1022)",
		},
		"gone already": {
			calls: []exchange{{
				call: cleanUp.call, status: http.StatusNotFound, fails: `{"code":1003,"message":"Tunnel not found"}`,
			}},
			want: "failed to clean up Argo Tunnel connections: Tunnel not found (1003)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, newAPI(t, append(made(), test.calls...)...))
			id, state, err := c.create(tunnelToken, tunnelInputs(), 0)
			require.NoError(t, err)
			err = c.delete(tunnelToken, id, state)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}
