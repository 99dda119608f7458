package api_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

var secret = base64.StdEncoding.EncodeToString([]byte("0123456789abcdef0123456789ABCDEF"))

func createTunnel(w *world, name string) (path, id string) {
	w.t.Helper()
	id = get[object](w, "POST", tunnelsPath, object{"name": name, "tunnel_secret": secret})["id"].(string)
	return tunnelsPath + "/" + id, id
}

func connection(tunnel, client string, opened time.Time) state.Connection {
	return state.Connection{
		ID: uuid.New(), TunnelID: uuid.MustParse(tunnel), ClientID: uuid.MustParse(client),
		OriginIP: "127.0.0.1", ClientVersion: "2026.3.0", Arch: "linux_amd64", Location: "sbx01",
		Features: []string{"ha-origin"}, OpenedAt: opened,
	}
}

func TestAPI_CreateTunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	created := get[object](w, "POST", tunnelsPath, object{"name": "edge", "tunnel_secret": secret, "config_src": "local"})
	id := created["id"].(string)

	require.Equal(t, object{
		"AccountTag": state.SeedAccountID, "TunnelID": id, "TunnelName": "edge", "TunnelSecret": secret,
	}, created["credentials_file"])
	token, err := base64.StdEncoding.DecodeString(created["token"].(string))
	require.NoError(t, err)
	var parts object
	require.NoError(t, json.Unmarshal(token, &parts))
	require.Equal(t, object{"a": state.SeedAccountID, "t": id, "s": secret}, parts)

	for key, want := range (object{
		"name": "edge", "account_tag": state.SeedAccountID, "deleted_at": nil, "tun_type": "cfd_tunnel",
		"status": "inactive", "remote_config": false, "config_src": "local",
		"conns_active_at": nil, "conns_inactive_at": created["created_at"],
	}) {
		require.Equal(t, want, created[key], key)
	}
	require.Equal(t, created["token"], get[string](w, "GET", tunnelsPath+"/"+id+"/token", nil))

	for _, path := range []string{tunnelsPath, tunnelsPath + "/" + id} {
		a := w.do("GET", path, nil)
		require.NotContains(t, string(a.Result), secret, "secrets are shown once only")
		require.NotContains(t, string(a.Result), created["token"].(string))
	}
	remote := get[object](w, "POST", tunnelsPath, object{"name": "remote", "config_src": "cloudflare"})
	require.Equal(t, true, remote["remote_config"])
	made, err := base64.StdEncoding.DecodeString(remote["credentials_file"].(object)["TunnelSecret"].(string))
	require.NoError(t, err)
	require.Len(t, made, 32, "a tunnel without a secret gets one")
}

func TestAPI_TunnelErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	taken, _ := createTunnel(w, "taken")
	deleted, _ := createTunnel(w, "deleted")
	w.do("DELETE", deleted, nil)
	unknown := tunnelsPath + "/" + uuid.NewString()
	short := base64.StdEncoding.EncodeToString([]byte("31 bytes are not enough for it."))

	for name, c := range map[string]struct {
		method, path string
		body         any
		status, code int
	}{
		"a name that is taken":        {"POST", tunnelsPath, object{"name": "taken", "tunnel_secret": secret}, 409, 1013},
		"renamed to what it is":       {"PATCH", taken, object{"name": "taken"}, 200, 0},
		"no JSON":                     {"POST", tunnelsPath, "{", 400, 1030},
		"a name of the wrong type":    {"POST", tunnelsPath, object{"name": 1}, 400, 1030},
		"no name":                     {"POST", tunnelsPath, object{"tunnel_secret": secret}, 400, 1001},
		"an empty name":               {"POST", tunnelsPath, object{"name": "", "tunnel_secret": secret}, 400, 1001},
		"an empty secret":             {"POST", tunnelsPath, object{"name": "x", "tunnel_secret": ""}, 400, 1001},
		"a short secret":              {"POST", tunnelsPath, object{"name": "x", "tunnel_secret": short}, 400, 1001},
		"a secret that isn't base64":  {"POST", tunnelsPath, object{"name": "x", "tunnel_secret": strings.Repeat("-", 44)}, 400, 1001},
		"an unknown source":           {"POST", tunnelsPath, object{"name": "x", "tunnel_secret": secret, "config_src": "x"}, 400, 1001},
		"getting an unknown one":      {"GET", unknown, nil, 404, 1003},
		"deleting an unknown one":     {"DELETE", unknown, nil, 404, 1003},
		"changing an unknown one":     {"PATCH", unknown, object{}, 404, 1003},
		"the token of an unknown one": {"GET", unknown + "/token", nil, 404, 1003},
		"cleaning an unknown one":     {"DELETE", unknown + "/connections", nil, 404, 1003},
		"deleting a deleted one":      {"DELETE", deleted, nil, 404, 1003},
		"changing a deleted one":      {"PATCH", deleted, object{"name": "x"}, 404, 1003},
		"an unreadable time":          {"GET", tunnelsPath + "?existed_at=today", nil, 400, 1001},
		"an unreadable connector":     {"DELETE", taken + "/connections?client_id=x", nil, 400, 1001},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := w.do(c.method, c.path, c.body)
			require.Equal(t, c.status, a.Status, "%v", a.Errors)
			require.Equal(t, c.code, a.code())
		})
	}
}

func TestAPI_DeletedTunnelIsStillThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path, id := createTunnel(w, "edge")
	require.Equal(t, false, get[object](w, "GET", path, nil)["remote_config"])
	for _, method := range []string{"DELETE", "GET"} {
		deleted := get[object](w, method, path, nil)
		require.NotNil(t, deleted["deleted_at"])
		require.NotContains(t, deleted, "config_src")
		require.Equal(t, false, deleted["remote_config"])
		require.Equal(t, "down", deleted["status"])
	}
	require.NotEmpty(t, get[string](w, "GET", path+"/token", nil))
	again := get[object](w, "POST", tunnelsPath, object{"name": "edge", "tunnel_secret": secret})
	require.NotEqual(t, id, again["id"])
	require.Equal(t, []any{again["id"]}, field(get[[]object](w, "GET", tunnelsPath+"?name=edge", nil), "id"))
	require.Equal(t, []any{id}, field(get[[]object](w, "GET", tunnelsPath+"?name=edge&is_deleted=true", nil), "id"))
}

func TestAPI_UpdateTunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path, id := createTunnel(w, "edge")
	before := get[string](w, "GET", path+"/token", nil)
	other := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", 32)))
	require.Equal(t, "renamed", get[object](w, "PATCH", path, object{"name": "renamed", "tunnel_secret": other})["name"])
	require.NotEqual(t, before, get[string](w, "GET", path+"/token", nil))
	stored, _ := w.store.Tunnel(uuid.MustParse(id))
	require.Equal(t, strings.Repeat("x", 32), string(stored.Secret))
}

func TestAPI_SwitchTunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path, id := createTunnel(w, "edge")
	require.Equal(t, id, get[object](w, "PUT", path+"/configurations", object{"config": object{}})["tunnel_id"])
	switched := get[object](w, "GET", path, nil)
	require.Equal(t, true, switched["remote_config"])
	require.Equal(t, "cloudflare", switched["config_src"])

	require.NoError(t, w.api.SetSettings(api.Settings{NoRemoteConfig: true}))
	switched = get[object](w, "GET", path, nil)
	require.NotContains(t, switched, "remote_config")
	require.Equal(t, "cloudflare", switched["config_src"])
	require.Equal(t, 404, w.do("PUT", tunnelsPath+"/"+uuid.NewString()+"/configurations", object{}).Status)
}

func TestAPI_Connections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path, id := createTunnel(w, "edge")
	tunnelID := uuid.MustParse(id)
	start := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)
	old, young := uuid.NewString(), uuid.NewString()
	leaving := connection(id, uuid.NewString(), start)
	leaving.Draining = true
	w.connectors.add(leaving)
	require.Equal(t, "inactive", get[object](w, "GET", path, nil)["status"], "one that said goodbye doesn't count")

	for i := range 4 {
		w.connectors.add(connection(id, old, start.Add(time.Duration(i)*time.Second)))
	}
	tunnel := get[object](w, "GET", path, nil)
	require.Equal(t, "healthy", tunnel["status"])
	require.NotContains(t, tunnel, "connections")
	require.Equal(t, "2025-01-01T00:00:00Z", tunnel["conns_active_at"])
	require.Nil(t, tunnel["conns_inactive_at"])
	w.connectors.add(connection(id, young, start.Add(time.Minute)))
	require.Equal(t, "degraded", get[object](w, "GET", path, nil)["status"])

	list := get[[]object](w, "GET", path+"/connections", nil)
	require.Equal(t, []any{old, young}, field(list, "id"))
	require.Len(t, list[0]["conns"], 4)
	require.Equal(t, "2025-01-01T00:00:00Z", list[0]["run_at"])
	require.Equal(t, []any{"ha-origin"}, list[0]["features"])
	require.Nil(t, w.do("GET", path+"/connections", nil).Info)

	refused := w.do("DELETE", path, nil)
	require.Equal(t, 400, refused.Status)
	require.Equal(t, 1022, refused.code())
	require.Contains(t, refused.Errors[0].Message, "wait a few minutes for connections to close")

	require.Equal(t, "null", string(w.do("DELETE", path+"/connections?client_id="+young, nil).Result))
	require.Equal(t, []any{old}, field(get[[]object](w, "GET", path+"/connections", nil), "id"))
	w.do("DELETE", path+"/connections", nil)
	require.Empty(t, get[[]object](w, "GET", path+"/connections", nil))
	require.NoError(t, w.store.NoteConnections(tunnelID, true, start))
	require.NoError(t, w.store.NoteConnections(tunnelID, false, start.Add(time.Hour)))
	left := get[object](w, "GET", path, nil)
	require.Equal(t, "down", left["status"])
	require.Nil(t, left["conns_active_at"])
	require.Equal(t, "2025-01-01T01:00:00Z", left["conns_inactive_at"])

	killed := connection(id, old, start)
	killed.PendingReconnect = true
	w.connectors.add(killed)
	require.Equal(t, "down", get[object](w, "GET", path, nil)["status"], "one that broke carries nothing")
	conns := get[[]object](w, "GET", path+"/connections", nil)[0]["conns"].([]any)
	require.Equal(t, true, conns[0].(object)["is_pending_reconnect"])
	require.Equal(t, 1022, w.do("DELETE", path, nil).code(), "but the tunnel can't be deleted")
	w.do("DELETE", path+"/connections", nil)
	require.Empty(t, get[[]object](w, "GET", path+"/connections", nil))

	w.connectors.add(connection(id, old, start))
	require.NotNil(t, get[object](w, "DELETE", path+"?cascade=true", nil)["deleted_at"])
	require.Empty(t, w.connectors.Connections(tunnelID))
}
