package api_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

func createRecord(w *world, body object) string {
	w.t.Helper()
	return get[object](w, "POST", recordsPath, body)["id"].(string)
}

func TestAPI_CreateRecord(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		given, want object
	}{
		"the apex by its name": {
			object{"type": "CNAME", "name": "home.localhost", "content": "X.cfargotunnel.com.", "proxied": true, "ttl": 1},
			object{"name": "home.localhost", "content": "x.cfargotunnel.com", "proxied": true, "proxiable": true, "ttl": 1.0},
		},
		"the wildcard, defaults": {
			object{"type": "cname", "name": "*", "content": "x.example"},
			object{"name": "*.home.localhost", "type": "CNAME", "proxied": false, "ttl": 1.0, "comment": nil, "tags": []any{}},
		},
		"a proxied record's TTL is automatic": {
			object{"type": "CNAME", "name": "@", "content": "x.example", "proxied": true, "ttl": 300},
			object{"name": "home.localhost", "ttl": 1.0},
		},
		"a TTL without the proxy": {
			object{"type": "A", "name": "a", "content": "192.0.2.1", "ttl": 300, "comment": "mine"},
			object{"name": "a.home.localhost", "ttl": 300.0, "comment": "mine", "proxiable": true},
		},
		"a name outside the zone lands inside": {
			object{"type": "A", "name": "www.other.example", "content": "192.0.2.1"},
			object{"name": "www.other.example.home.localhost"},
		},
		"an address in its short form": {
			object{"type": "AAAA", "name": "@", "content": "2001:DB8:0:0::1"},
			object{"content": "2001:db8::1"},
		},
		"mail": {
			object{"type": "MX", "name": "@", "content": "mail.example.", "priority": 10},
			object{"content": "mail.example", "priority": 10.0, "proxiable": false},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			created := get[object](w, "POST", recordsPath, c.given)
			for key, want := range c.want {
				require.Equal(t, want, created[key], key)
			}
			require.Equal(t, created, get[object](w, "GET", recordsPath+"/"+created["id"].(string), nil))
		})
	}
}

func TestAPI_RecordErrors(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range []object{
		{"type": "CNAME", "name": "cname", "content": "x.example"},
		{"type": "A", "name": "a", "content": "192.0.2.1"},
		{"type": "AAAA", "name": "aaaa", "content": "2001:db8::1"},
		{"type": "NS", "name": "ns", "content": "ns.example"},
	} {
		createRecord(w, r)
	}
	gone := recordsPath + "/" + createRecord(w, object{"type": "TXT", "name": "t", "content": "t"})
	require.Contains(t, string(w.do("DELETE", gone, nil).Result), "id")
	record := func(kind, name, content string) object { return object{"type": kind, "name": name, "content": content} }
	with := func(o object, key string, value any) object { o[key] = value; return o }

	for name, c := range map[string]struct {
		method, path string
		body         any
		status, code int
	}{
		"a CNAME beside a CNAME":      {"POST", recordsPath, record("CNAME", "cname", "y.example"), 400, 81053},
		"the same CNAME":              {"POST", recordsPath, record("CNAME", "cname", "x.example"), 400, 81053},
		"a CNAME beside an A":         {"POST", recordsPath, record("CNAME", "a", "y.example"), 400, 81053},
		"a CNAME beside an AAAA":      {"POST", recordsPath, record("CNAME", "aaaa", "y.example"), 400, 81053},
		"a CNAME beside an NS":        {"POST", recordsPath, record("CNAME", "ns", "y.example"), 400, 81056},
		"an NS beside an A":           {"POST", recordsPath, record("NS", "a", "ns.example"), 400, 81055},
		"an A beside a CNAME":         {"POST", recordsPath, record("A", "cname", "192.0.2.2"), 400, 81054},
		"the same A":                  {"POST", recordsPath, record("A", "a", "192.0.2.1"), 400, 81058},
		"no JSON":                     {"POST", recordsPath, "{", 400, 9207},
		"an empty body":               {"POST", recordsPath, nil, 400, 9207},
		"a TTL of the wrong type":     {"POST", recordsPath, object{"ttl": "x"}, 400, 9207},
		"no name":                     {"POST", recordsPath, record("A", "", "192.0.2.1"), 400, 9000},
		"a name with an empty label":  {"POST", recordsPath, record("A", "a..b", "192.0.2.1"), 400, 9000},
		"a name with a space":         {"POST", recordsPath, record("A", "a b", "192.0.2.1"), 400, 9000},
		"an A that is no address":     {"POST", recordsPath, record("A", "x", "x.example"), 400, 9005},
		"an A that is IPv6":           {"POST", recordsPath, record("A", "x", "2001:db8::1"), 400, 9005},
		"an AAAA that is IPv4":        {"POST", recordsPath, record("AAAA", "x", "192.0.2.1"), 400, 9006},
		"a CNAME that is an address":  {"POST", recordsPath, record("CNAME", "x", "192.0.2.1"), 400, 9007},
		"a CNAME without content":     {"POST", recordsPath, record("CNAME", "x", ""), 400, 9007},
		"a CNAME to itself":           {"POST", recordsPath, record("CNAME", "x", "x.home.localhost"), 400, 9039},
		"a proxied TXT":               {"POST", recordsPath, with(record("TXT", "x", "x"), "proxied", true), 400, 9004},
		"a proxied private address":   {"POST", recordsPath, with(record("A", "x", "192.168.1.2"), "proxied", true), 400, 9003},
		"a TTL below a minute":        {"POST", recordsPath, with(record("A", "x", "192.0.2.1"), "ttl", 30), 400, 9021},
		"a TTL above a day":           {"POST", recordsPath, with(record("A", "x", "192.0.2.1"), "ttl", 86401), 400, 9021},
		"a comment that is too long":  {"POST", recordsPath, with(record("A", "x", "192.0.2.1"), "comment", strings.Repeat("é", 101)), 400, 9313},
		"tags, on the free plan":      {"POST", recordsPath, with(record("A", "x", "192.0.2.1"), "tags", []string{"a:b"}), 400, 9300},
		"a type that isn't imitated":  {"POST", recordsPath, record("SRV", "x", "x"), 400, 9001},
		"getting one that is gone":    {"GET", gone, nil, 404, 81044},
		"changing one that is gone":   {"PATCH", gone, object{}, 404, 81044},
		"replacing one that is gone":  {"PUT", gone, object{}, 404, 81044},
		"deleting one that is gone":   {"DELETE", gone, nil, 404, 81044},
		"sorting by what isn't there": {"GET", recordsPath + "?order=colour", nil, 400, 9207},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := w.do(c.method, c.path, c.body)
			require.Equal(t, c.status, a.Status, "%v", a.Errors)
			require.Equal(t, c.code, a.code())
		})
	}

	t.Run("the provider looks for these words", func(t *testing.T) {
		t.Parallel()
		for _, body := range []object{record("CNAME", "a", "y.example"), record("CNAME", "ns", "y.example"), record("A", "cname", "192.0.2.2"), record("A", "a", "192.0.2.1")} {
			require.Contains(t, w.do("POST", recordsPath, body).Errors[0].Message, "already exist")
		}
	})
}

// The API says internationalized names of zones in Unicode and those of records in ASCII,
// and looks for either in the form in which it says them.
func TestAPI_InternationalizedNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	zone, err := w.store.PutZone(state.Zone{Name: "münchen.localhost", AccountID: state.SeedAccountID})
	require.NoError(t, err)
	records := "/zones/" + zone.ID + "/dns_records"
	require.Equal(t, "münchen.localhost", get[object](w, "GET", "/zones/"+zone.ID, nil)["name"])
	require.Len(t, get[[]object](w, "GET", "/zones?name=münchen.localhost", nil), 1)
	require.Empty(t, get[[]object](w, "GET", "/zones?name=xn--mnchen-3ya.localhost", nil))
	for name, want := range map[string]string{
		"münchen.localhost":            "xn--mnchen-3ya.localhost",
		"xn--mnchen-3ya.localhost":     "xn--mnchen-3ya.localhost",
		"*":                            "*.xn--mnchen-3ya.localhost",
		"bücher":                       "xn--bcher-kva.xn--mnchen-3ya.localhost",
		"www.xn--mnchen-3ya.localhost": "www.xn--mnchen-3ya.localhost",
	} {
		record := get[object](w, "POST", records, object{"type": "TXT", "name": name, "content": name})
		require.Equal(t, want, record["name"])
	}
	require.Len(t, get[[]object](w, "GET", records+"?name=xn--mnchen-3ya.localhost", nil), 2)
	require.Empty(t, get[[]object](w, "GET", records+"?name=münchen.localhost", nil))
}

func TestAPI_RecordQuota(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	zone, _ := w.store.Zone(state.HomeZoneID)
	zone.RecordQuota = 1
	_, err := w.store.PutZone(zone)
	require.NoError(t, err)
	_, id := createTunnel(w, "edge")
	createRecord(w, object{"type": "A", "name": "a", "content": "192.0.2.1"})

	refused := w.do("POST", recordsPath, object{"type": "A", "name": "b", "content": "192.0.2.1"})
	require.Equal(t, 400, refused.Status)
	require.Equal(t, []api.Message{{Code: 81045, Message: "Record quota exceeded."}}, refused.Errors)
	for _, overwrite := range []bool{false, true} {
		refused = w.do("PUT", zonePath+"/tunnels/"+id+"/routes", object{"type": "dns", "user_hostname": "b", "overwrite_existing": overwrite})
		require.Equal(t, 1003, refused.code())
		require.Contains(t, refused.Errors[0].Message, "Record quota exceeded.")
	}
	require.Len(t, w.store.Records(state.HomeZoneID), 1)
}

func TestAPI_UpdateRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path := recordsPath + "/" + createRecord(w, object{"type": "CNAME", "name": "x", "content": "a.example", "proxied": true, "comment": "mine"})
	createRecord(w, object{"type": "CNAME", "name": "y", "content": "a.example"})
	before := get[object](w, "GET", path, nil)

	patched := get[object](w, "PATCH", path, object{"content": "b.example"})
	for key, want := range (object{"id": before["id"], "content": "b.example", "proxied": true, "comment": "mine", "name": "x.home.localhost", "created_on": before["created_on"]}) {
		require.Equal(t, want, patched[key], key)
	}
	require.NotEqual(t, before["modified_on"], patched["modified_on"])
	require.Nil(t, get[object](w, "PATCH", path, object{"comment": ""})["comment"])
	longest := strings.Repeat("é", 100)
	require.Equal(t, longest, get[object](w, "PATCH", path, object{"comment": longest})["comment"])

	replaced := get[object](w, "PUT", path, object{"type": "cname", "name": "x", "content": "c.example", "ttl": 120})
	for key, want := range (object{"id": before["id"], "type": "CNAME", "proxied": false, "ttl": 120.0, "comment": nil}) {
		require.Equal(t, want, replaced[key], key)
	}
	require.Equal(t, 81053, w.do("PATCH", path, object{"name": "y"}).code())
	require.Equal(t, 9000, w.do("PUT", path, object{"type": "CNAME", "content": "c.example"}).code(), "PUT keeps nothing")
	for _, method := range []string{"PATCH", "PUT"} {
		refused := w.do(method, path, object{"type": "A", "name": "x", "content": "192.0.2.1"})
		require.Equal(t, 400, refused.Status)
		require.Equal(t, 1004, refused.code(), "the type stays")
	}
	require.Equal(t, replaced, get[object](w, "GET", path, nil), "a refused change changes nothing")
}

func TestAPI_ListRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, r := range []object{
		{"type": "CNAME", "name": "@", "content": "apex.example", "proxied": true, "comment": "managed by Pulumi"},
		{"type": "CNAME", "name": "*", "content": "wild.example", "proxied": true},
		{"type": "A", "name": "nas", "content": "192.0.2.1", "ttl": 600},
		{"type": "TXT", "name": "@", "content": "v=spf1 -all", "comment": "By Hand"},
	} {
		createRecord(w, r)
	}
	apex, wild, nas, text := "apex.example", "wild.example", "192.0.2.1", "v=spf1 -all"
	for name, c := range map[string]struct {
		query string
		want  []any
	}{
		"all, by type":                  {"", []any{nas, wild, apex, text}},
		"by name":                       {"name=home.localhost", []any{apex, text}},
		"by name, in capitals":          {"name=HOME.localhost", []any{apex, text}},
		"by exact name":                 {"name.exact=*.home.localhost", []any{wild}},
		"by name and type":              {"name=home.localhost&type=CNAME", []any{apex}},
		"a name relative to the zone":   {"name=nas", []any{}},
		"by the start of the name":      {"name.startswith=na", []any{nas}},
		"by the end of the name":        {"name.endswith=s.home.localhost", []any{nas}},
		"by part of the name":           {"name.contains=as.", []any{nas}},
		"by content":                    {"content=wild.example", []any{wild}},
		"by exact content":              {"content.exact=192.0.2.1", []any{nas}},
		"by part of the content":        {"content.contains=.example", []any{wild, apex}},
		"proxied":                       {"proxied=true", []any{wild, apex}},
		"not proxied":                   {"proxied=false", []any{nas, text}},
		"by comment":                    {"comment=by%20hand", []any{text}},
		"by part of the comment":        {"comment.contains=pulumi", []any{apex}},
		"with a comment":                {"comment.present", []any{apex, text}},
		"without a comment":             {"comment.absent", []any{nas, wild}},
		"matching any":                  {"match=any&type=A&content=wild.example", []any{nas, wild}},
		"matching all":                  {"match=all&type=A&content=wild.example", []any{}},
		"any of nothing is all":         {"match=any", []any{nas, wild, apex, text}},
		"searched":                      {"search=spf", []any{text}},
		"by name, descending":           {"order=name&direction=desc", []any{nas, text, apex, wild}},
		"by TTL, descending":            {"order=ttl&direction=desc&type=A", []any{nas}},
		"sorted by content":             {"order=content", []any{nas, apex, text, wild}},
		"by proxy":                      {"order=proxied&type=CNAME", []any{wild, apex}},
		"a page":                        {"order=content&per_page=1&page=2", []any{apex}},
		"a filter in no spelling known": {"name.like=x", []any{nas, wild, apex, text}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, field(get[[]object](w, "GET", recordsPath+"?"+c.query, nil), "content"))
		})
	}
}

func TestAPI_ReadOnlyRecord(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	r, err := w.store.CreateRecord(state.Record{ZoneID: state.HomeZoneID, Name: state.HomeZoneName, Type: "AAAA", Content: "100::", Proxied: true, ReadOnly: true})
	require.NoError(t, err)
	path := recordsPath + "/" + r.ID
	require.Equal(t, object{"read_only": true}, get[object](w, "GET", path, nil)["meta"])
	for _, method := range []string{"PATCH", "PUT", "DELETE"} {
		require.Equal(t, 400, w.do(method, path, object{"content": "2001:db8::1"}).Status, method)
	}
	require.Equal(t, "100::", get[object](w, "GET", path, nil)["content"])
}
