package api_test

import (
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

func TestAPI_RouteTunnel(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, id := createTunnel(w, "edge")
	_, otherID := createTunnel(w, "other")
	deleted, deletedID := createTunnel(w, "deleted")
	w.do("DELETE", deleted, nil)
	route := func(tunnel string) string { return zonePath + "/tunnels/" + tunnel + "/routes" }
	body := func(host string, overwrite bool) object {
		return object{"type": "dns", "user_hostname": host, "overwrite_existing": overwrite}
	}

	first := get[object](w, "PUT", route(id), body("photos.home.localhost", false))
	require.Equal(t, "new", first["cname"])
	require.Equal(t, "photos.home.localhost", first["name"])
	record := get[object](w, "GET", recordsPath+"/"+first["dns_tag"].(string), nil)
	require.Equal(t, id+state.TunnelSuffix, record["content"])
	require.Equal(t, true, record["proxied"])

	require.Equal(t, "unchanged", get[object](w, "PUT", route(id), body("photos.home.localhost", false))["cname"])
	require.Equal(t, "unchanged", get[object](w, "PUT", route(id), body("photos.home.localhost", true))["cname"])
	refused := w.do("PUT", route(otherID), body("photos.home.localhost", false))
	require.Equal(t, 1003, refused.code())
	require.Contains(t, refused.Errors[0].Message, "An A, AAAA, or CNAME record with that host already exists.")
	require.Equal(t, "new", get[object](w, "PUT", route(otherID), body("photos.home.localhost", true))["cname"])

	createRecord(w, object{"type": "A", "name": "@", "content": "192.0.2.1"})
	createRecord(w, object{"type": "AAAA", "name": "@", "content": "2001:db8::1"})
	require.Equal(t, 1003, w.do("PUT", route(id), body("home.localhost", false)).code())
	require.Equal(t, "home.localhost", get[object](w, "PUT", route(id), body("home.localhost", true))["name"])
	require.Equal(t, []any{id + state.TunnelSuffix}, field(get[[]object](w, "GET", recordsPath+"?name=home.localhost", nil), "content"))
	require.Equal(t, "*.home.localhost", get[object](w, "PUT", route(id), body("*.home.localhost", true))["name"])
	require.Equal(t, "a.other.example.home.localhost", get[object](w, "PUT", route(id), body("a.other.example", true))["name"])

	require.Equal(t, 404, w.do("PUT", route(deletedID), body("x", true)).Status)
	require.Equal(t, 404, w.do("PUT", route(uuid.NewString()), body("x", true)).Status)
	require.Equal(t, 400, w.do("PUT", route("edge"), body("x", true)).Status)
	require.Equal(t, 1030, w.do("PUT", route(id), "{").code())
	require.Equal(t, 1003, w.do("PUT", route(id), object{"type": "lb"}).code())
	require.Equal(t, 1003, w.do("PUT", route(id), body("a..b", true)).code())
}
