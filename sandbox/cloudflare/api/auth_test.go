package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

func TestAPI_Credentials(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	wrong, newKey := "Bearer "+strings.Repeat("x", 40), "cfk_"+strings.Repeat("x", 48)
	for name, c := range map[string]struct {
		path, header, value string
		status, code, chain int
	}{
		"none":                       {"/zones", "X", "", 400, 9106, 0},
		"none to verify":             {"/user/tokens/verify", "X", "", 400, 1001, 0},
		"no bearer":                  {"/zones", "Authorization", state.SeedToken, 400, 6003, 6111},
		"a token that is too short":  {"/zones", "Authorization", "Bearer short", 400, 6003, 6111},
		"a global key as token":      {"/zones", "Authorization", "Bearer " + strings.Repeat("a", 37), 400, 6003, 6111},
		"a new global key as token":  {"/zones", "Authorization", "Bearer " + newKey, 400, 6003, 6111},
		"a token as global key":      {"/zones", "X-Auth-Key", state.SeedToken, 400, 6003, 6103},
		"a global key":               {"/zones", "X-Auth-Key", strings.Repeat("a", 37), 403, 9103, 0},
		"a new global key":           {"/zones", "X-Auth-Key", newKey, 403, 9103, 0},
		"an unknown token":           {"/zones", "Authorization", wrong, 403, 9109, 0},
		"an unknown token, a zone":   {zonePath, "Authorization", wrong, 403, 9109, 0},
		"an unknown token, records":  {recordsPath, "Authorization", wrong, 401, 10000, 0},
		"an unknown token, tunnels":  {tunnelsPath, "Authorization", wrong, 401, 10000, 0},
		"an unknown token to verify": {"/user/tokens/verify", "Authorization", wrong, 401, 1000, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := w.send("GET", c.path, nil, http.Header{c.header: {c.value}})
			require.Equal(t, c.status, a.Status)
			require.Equal(t, c.code, a.code())
			if c.chain != 0 {
				require.Equal(t, c.chain, a.Errors[0].Chain[0].Code)
			}
			require.Equal(t, "null", string(a.Result))
		})
	}
}

func TestAPI_WithdrawnTokens(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	token, known := w.store.Token(state.SeedToken)
	require.True(t, known)
	for _, withdrawn := range []bool{true, false} {
		token.Withdrawn = withdrawn
		_, err := w.store.PutToken(token)
		require.NoError(t, err)
		for path, code := range map[string]int{"/user/tokens/verify": 1000, "/zones": 9109, zonePath: 9109, recordsPath: 10000, tunnelsPath: 10000} {
			if !withdrawn {
				code = 0
			}
			require.Equal(t, code, w.do("GET", path, nil).code(), path)
		}
	}
}

func TestAPI_VerifyToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do("GET", "/user/tokens/verify", nil)
	require.Equal(t, []api.Message{{Code: 10000, Message: "This API Token is valid and active"}}, a.Messages)
	require.Contains(t, string(a.Result), `"status":"active"`)
	require.NotContains(t, string(a.Result), state.SeedToken)
}

func TestAPI_TokensWithAPrefix(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for prefix, verified := range map[string]int{"cfut_": 200, "cfat_": 401} {
		w := *w
		w.token = prefix + strings.Repeat("x", 48)
		_, err := w.store.PutToken(state.Token{Value: w.token, Grants: []state.Grant{{Resource: "*", Permissions: []state.Permission{state.ZoneRead}}}})
		require.NoError(t, err)
		require.Equal(t, 200, w.do("GET", "/zones", nil).Status)
		require.Equal(t, verified, w.do("GET", "/user/tokens/verify", nil).Status, "an account's token has its own call")
	}
}

func TestAPI_RateLimitHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for path, want := range map[string][]string{
		"/zones":              {`"list_zones";r=1200;t=1`, `"list_zones";q=1201;w=300`},
		zonePath:              {`"default";r=1199;t=1`, `"default";q=1200;w=300`},
		tunnelsPath + "/edge": {`"default";r=1199;t=1`, `"default";q=1200;w=300`},
		"/user/tokens/verify": {"", ""},
	} {
		header := w.do("GET", path, nil).Header
		require.Equal(t, want, []string{header.Get("Ratelimit"), header.Get("Ratelimit-Policy")}, path)
	}
}

func TestAPI_Permissions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tunnel := get[object](w, "POST", tunnelsPath, object{"name": "t", "tunnel_secret": secret})
	tunnelPath := tunnelsPath + "/" + tunnel["id"].(string)
	record := get[object](w, "POST", recordsPath, object{"type": "TXT", "name": "@", "content": "t"})
	recordPath := recordsPath + "/" + record["id"].(string)
	route := zonePath + "/tunnels/" + tunnel["id"].(string) + "/routes"
	newRecord := object{"type": "TXT", "name": "@", "content": "u"}
	newTunnel := object{"name": "u", "tunnel_secret": secret}

	on := func(resource string, permissions ...state.Permission) []state.Grant {
		return []state.Grant{{Resource: resource, Permissions: permissions}}
	}
	for name, c := range map[string]struct {
		grants       []state.Grant
		method, path string
		body         any
		status, code int
	}{
		"nothing, zones":                {nil, "GET", "/zones", nil, 403, 0},
		"dns without zone, zones":       {on(state.HomeZoneID, state.DNSEdit), "GET", "/zones", nil, 403, 0},
		"another zone, the zone":        {on(state.LabZoneID, state.ZoneRead), "GET", zonePath, nil, 403, 9109},
		"no such zone":                  {on("*", state.ZoneRead), "GET", "/zones/" + strings.Repeat("0", 32), nil, 403, 9109},
		"another zone, records":         {on(state.LabZoneID, state.DNSEdit), "GET", recordsPath, nil, 403, 10000},
		"zone without dns, records":     {on(state.HomeZoneID, state.ZoneRead), "GET", recordsPath, nil, 403, 10000},
		"reading dns, read":             {on(state.HomeZoneID, state.DNSRead), "GET", recordPath, nil, 200, 0},
		"reading dns, create":           {on(state.HomeZoneID, state.DNSRead), "POST", recordsPath, newRecord, 403, 10000},
		"reading dns, change":           {on(state.HomeZoneID, state.DNSRead), "PATCH", recordPath, newRecord, 403, 10000},
		"reading dns, delete":           {on(state.HomeZoneID, state.DNSRead), "DELETE", recordPath, nil, 403, 10000},
		"reading dns, route":            {on(state.HomeZoneID, state.DNSRead), "PUT", route, object{"type": "dns"}, 403, 10000},
		"zones only, tunnels":           {on(state.HomeZoneID, state.DNSEdit, state.ZoneRead), "GET", tunnelsPath, nil, 403, 10000},
		"zones only, account":           {on(state.HomeZoneID, state.ZoneRead), "GET", accountPath, nil, 403, 9109},
		"reading tunnels, account":      {on(state.SeedAccountID, state.TunnelRead), "GET", accountPath, nil, 200, 0},
		"reading tunnels, read":         {on(state.SeedAccountID, state.TunnelRead), "GET", tunnelPath, nil, 200, 0},
		"reading tunnels, token":        {on(state.SeedAccountID, state.TunnelRead), "GET", tunnelPath + "/token", nil, 401, 1001},
		"reading tunnels, create":       {on(state.SeedAccountID, state.TunnelRead), "POST", tunnelsPath, newTunnel, 403, 10000},
		"reading tunnels, delete":       {on(state.SeedAccountID, state.TunnelRead), "DELETE", tunnelPath, nil, 403, 10000},
		"reading tunnels, cutting them": {on(state.SeedAccountID, state.TunnelRead), "DELETE", tunnelPath + "/connections", nil, 403, 10000},
		"another account":               {on("*", state.TunnelEdit), "GET", "/accounts/" + strings.Repeat("0", 32) + "/cfd_tunnel", nil, 403, 10000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := w.as(c.grants...).do(c.method, c.path, c.body)
			require.Equal(t, c.status, a.Status)
			require.Equal(t, c.code, a.code())
		})
	}
}

func TestAPI_Routing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		method, path string
		status, code int
	}{
		"an unknown path":                  {"GET", "/nothing", 404, 7003},
		"a zone's name for its ID":         {"GET", "/zones/home.localhost", 400, 7003},
		"no zone ID at all":                {"GET", "/zones//dns_records", 400, 7003},
		"an account's name for its ID":     {"GET", "/accounts/Home%20Lab/cfd_tunnel", 400, 7003},
		"an account's name alone":          {"GET", "/accounts/Home%20Lab", 400, 7003},
		"a tunnel's name for its ID":       {"GET", tunnelsPath + "/edge", 400, 7003},
		"a tunnel's name in a route":       {"PUT", zonePath + "/tunnels/edge/routes", 400, 7003},
		"a record ID of the wrong form":    {"GET", recordsPath + "/1", 400, 7003},
		"a method that isn't there":        {"PUT", "/zones", 405, 10000},
		"a trailing slash is forgiven":     {"GET", "/zones/", 200, 0},
		"a path outside the API's version": {"GET", "/../v3/zones", 404, 7003},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := w.do(c.method, c.path, nil)
			require.Equal(t, c.status, a.Status)
			require.Equal(t, c.code, a.code())
		})
	}
	require.Equal(t, "PUT method not allowed for the api_token authentication scheme", w.do("PUT", "/zones", nil).Errors[0].Message)
}

func TestAPI_Directory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	second, err := w.store.PutAccount(state.Account{Name: "Second"})
	require.NoError(t, err)
	_, err = w.store.PutZone(state.Zone{Name: "home.localhost", AccountID: second.ID})
	require.NoError(t, err)

	t.Run("zones of the token's account", func(t *testing.T) {
		t.Parallel()
		a := w.do("GET", "/zones?per_page=50", nil)
		require.Equal(t, 2, a.Info.TotalCount)
		zones := get[[]object](w, "GET", "/zones", nil)
		require.Equal(t, []any{"home.localhost", "lab.localhost"}, field(zones, "name"))
		require.Equal(t, object{"id": state.SeedAccountID, "name": state.SeedAccountName}, zones[0]["account"])
	})
	t.Run("a zone by name", func(t *testing.T) {
		t.Parallel()
		zones := get[[]object](w, "GET", "/zones?name=home.localhost&status=active", nil)
		require.Equal(t, []any{state.HomeZoneID}, field(zones, "id"))
		require.Equal(t, []any{"#dns_records:edit", "#dns_records:read", "#zone:read"}, zones[0]["permissions"])
	})
	t.Run("two zones of a name in two accounts", func(t *testing.T) {
		t.Parallel()
		all := w.as(state.Grant{Resource: "*", Permissions: []state.Permission{state.ZoneRead}})
		require.Len(t, get[[]object](all, "GET", "/zones?name=home.localhost", nil), 2)
		require.Len(t, get[[]object](all, "GET", "/zones?name=home.localhost&account.id="+second.ID, nil), 1)
		require.Len(t, get[[]object](all, "GET", "/zones?account.name=Second", nil), 1)
		require.Empty(t, get[[]object](all, "GET", "/zones?status=pending", nil))
		require.Equal(t, []any{"lab.localhost", "home.localhost", "home.localhost"},
			field(get[[]object](all, "GET", "/zones?direction=desc", nil), "name"))
	})
	t.Run("an unknown zone is an empty list, not an error", func(t *testing.T) {
		t.Parallel()
		a := w.do("GET", "/zones?name=nowhere.example", nil)
		require.Equal(t, "[]", string(a.Result))
		require.Equal(t, 0, a.Info.TotalCount)
	})
	t.Run("a zone by ID", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "home.localhost", get[object](w, "GET", zonePath, nil)["name"])
	})
	t.Run("zones that aren't served", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		pending, err := w.store.PutZone(state.Zone{Name: "new.example", AccountID: state.SeedAccountID, Status: state.ZonePending})
		require.NoError(t, err)
		home, _ := w.store.Zone(state.HomeZoneID)
		home.Paused = true
		_, err = w.store.PutZone(home)
		require.NoError(t, err)

		listed := get[[]object](w, "GET", "/zones?status=pending", nil)
		require.Equal(t, []any{pending.ID}, field(listed, "id"))
		require.Equal(t, "pending", listed[0]["status"])
		require.Equal(t, false, listed[0]["paused"])
		require.Nil(t, listed[0]["activated_on"])
		paused := get[object](w, "GET", zonePath, nil)
		require.Equal(t, "active", paused["status"])
		require.Equal(t, true, paused["paused"])
		require.NotNil(t, paused["activated_on"])
		for _, id := range []string{pending.ID, home.ID} {
			record := object{"type": "A", "name": "@", "content": "192.0.2.1"}
			require.Equal(t, 200, w.do("POST", "/zones/"+id+"/dns_records", record).Status, "they take writes")
		}
	})
	t.Run("accounts", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, []any{state.SeedAccountID}, field(get[[]object](w, "GET", "/accounts", nil), "id"))
		require.Empty(t, get[[]object](w, "GET", "/accounts?name=Other", nil))
		require.Equal(t, state.SeedAccountName, get[object](w, "GET", accountPath, nil)["name"])
	})
	t.Run("pages", func(t *testing.T) {
		t.Parallel()
		a := w.do("GET", "/zones?per_page=1&page=2", nil)
		require.Equal(t, [5]int{2, 1, 1, 2, 2}, [5]int{a.Info.Page, a.Info.PerPage, a.Info.Count, a.Info.TotalCount, a.Info.TotalPages})
		require.Contains(t, string(a.Result), "lab.localhost")
		a = w.do("GET", "/zones?per_page=1&page=3", nil)
		require.Equal(t, "[]", string(a.Result))
		require.Equal(t, 0, a.Info.Count)
	})
}
