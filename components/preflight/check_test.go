package preflight_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/names"
	"k8s-tunnel/components/preflight"
)

func TestMain(m *testing.M) { apitest.Main(m) }

const (
	ours    = "11111111-2222-3333-4444-555555555555"
	theirs  = "99999999-8888-7777-6666-555555555555"
	deleted = "2026-11-20T10:11:12.345678Z"
)

var (
	home = apitest.NewZone("zone-home", "example.com", "account")
	lab  = apitest.NewZone("zone-lab", "example.net", "account")
)

const (
	ourIdentity   = "0a1b2c3d"
	theirIdentity = "ffffffff"
)

// request is that of a component with a domain and a name in another zone.
func request() preflight.Request {
	return preflight.Request{
		Names:    names.Set{Domain: "example.com", Hostnames: []string{"photos.example.net"}},
		Identity: ourIdentity, Stack: "k8s-tunnel/prod",
	}
}

func check(t *testing.T, api *apitest.API, r preflight.Request) (*preflight.Findings, error) {
	t.Helper()
	client, err := preflight.New(preflight.Options{APIToken: strings.Repeat("t", 40), APIHostname: api.Hostname(), RPS: 1000})
	require.NoError(t, err)
	return client.Check(t.Context(), r)
}

func TestCheck_Zones(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home, lab)
	found, err := check(t, api, request())
	require.NoError(t, err)
	require.Equal(t, &preflight.Findings{
		AccountID: "account",
		Hosts: []names.Host{
			{Name: "example.com", Argument: "domain", Zone: "example.com"},
			{Name: "*.example.com", Argument: "domain", Zone: "example.com"},
			{Name: "photos.example.net", Argument: "hostnames[0]", Zone: "example.net"},
		},
		ZoneIDs: map[string]string{"example.com": "zone-home", "example.net": "zone-lab"},
		Kinds:   map[string]string{}, Changed: map[string]bool{}, Replaced: map[string]bool{}, Taken: map[string]preflight.TakenRecord{}, Released: map[string]names.LastRecord{},
	}, found)
	require.Equal(t, []string{
		"GET /zones?per_page=50",
		"GET /accounts/account/cfd_tunnel?page=1&per_page=1",
		"GET /zones/zone-home/dns_records?page=1&per_page=5000",
		"GET /zones/zone-lab/dns_records?page=1&per_page=5000",
	}, api.Calls(), "every call costs a quarter of a second")
}

// A name lies in the longest zone that fits; the domain may lie below a zone.
func TestCheck_LongestZone(t *testing.T) {
	t.Parallel()
	below := apitest.NewZone("zone-below", "lab.example.com", "account")
	for _, test := range []struct {
		names  names.Set
		zoneID string
		want   map[string]string // host: zone
	}{
		{names.Set{Domain: "dev.example.com"}, "", map[string]string{"dev.example.com": "example.com", "*.dev.example.com": "example.com"}},
		{names.Set{Domain: "lab.example.com"}, "", map[string]string{"lab.example.com": "lab.example.com", "*.lab.example.com": "lab.example.com"}},
		{names.Set{Hostnames: []string{"lab.example.com", "*.example.com", "xlab.example.com"}}, "", map[string]string{"lab.example.com": "lab.example.com", "*.example.com": "example.com", "xlab.example.com": "example.com"}},
		{names.Set{Hostnames: []string{"a.lab.example.com", "example.net"}}, "zone-home", map[string]string{"a.lab.example.com": "example.com", "example.net": "example.net"}},
	} {
		found, err := check(t, apitest.New(t, home, lab, below), preflight.Request{Names: test.names, ZoneID: test.zoneID})
		require.NoError(t, err)
		got := map[string]string{}
		for _, host := range found.Hosts {
			got[host.Name] = host.Zone
		}
		require.Equal(t, test.want, got)
	}
}

// Where the zone is given, only it is looked up.
func TestCheck_GivenZone(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home, lab)
	_, err := check(t, api, preflight.Request{Names: names.Set{Domain: "example.com", Hostnames: []string{"a.example.com"}}, ZoneID: "zone-home"})
	require.NoError(t, err)
	require.Equal(t, []string{"GET /zones/zone-home", "GET /accounts/account/cfd_tunnel?page=1&per_page=1", "GET /zones/zone-home/dns_records?page=1&per_page=5000"}, api.Calls())
}

// Names that lie in one zone, most likely, share the problem that the token doesn't see it.
func TestCheck_NamesInOneUnknownZone(t *testing.T) {
	t.Parallel()
	set := names.Set{Domain: "example.com", Hostnames: []string{"a.example.com", "a.lab.example.com", "*.a.example.com", "a.example.org"}}
	_, err := check(t, apitest.New(t, lab, apitest.NewZone("zone-below", "lab.example.com", "account")), preflight.Request{Names: set})
	problems := strings.Split(err.Error(), "\n")
	require.Len(t, problems, 2)
	require.Contains(t, problems[0], "domain: the token sees no zone that example.com lies in, only example.net, lab.example.com; the same goes for hostnames[0], hostnames[2]; check the name")
	require.Contains(t, problems[1], "hostnames[3]: the token sees no zone that a.example.org lies in, only example.net, lab.example.com; check the name")
}

func TestCheck_ZonesThatCantBeFound(t *testing.T) {
	t.Parallel()
	single := func(r *preflight.Request) { r.Names = names.Set{Hostnames: []string{"a.example.com"}} }
	for _, test := range []struct {
		name   string
		zones  []apitest.Zone
		refuse int
		change func(*preflight.Request)
		want   []string
	}{
		{"no zone", nil, 0, nil, []string{"domain: the token sees no zone that example.com lies in; check the name", "hostnames[0]: the token sees no zone that photos.example.net lies in", "Zone / Zone / Read"}},
		{"another zone", []apitest.Zone{lab}, 0, nil, []string{"domain: the token sees no zone that example.com lies in, only example.net; check the name"}},
		{
			"no zone in the account",
			[]apitest.Zone{home, lab},
			0, func(r *preflight.Request) { r.AccountID = "other" },
			[]string{"domain: example.com lies in zone example.com of account account, not other; correct accountId"},
		},
		{
			"a domain of two accounts",
			[]apitest.Zone{home, lab, apitest.NewZone("zone-twin", "example.com", "other")},
			0, nil,
			[]string{"domain: the token sees several zones named example.com; set accountId to the account of the right one, or zoneId"},
		},
		{
			"names of two accounts",
			[]apitest.Zone{home, apitest.NewZone("zone-lab", "example.net", "other")},
			0, nil,
			[]string{"hostnames[0]: photos.example.net lies in zone example.net of account other, but the tunnel belongs to account account, and serves names of that account only"},
		},
		{
			"another zone's identifier",
			[]apitest.Zone{home, lab},
			0, func(r *preflight.Request) { r.ZoneID = "zone-lab" },
			[]string{"zoneId: zone-lab is the zone example.net, which domain example.com doesn't lie in"},
		},
		{
			"another zone's identifier, without a domain",
			[]apitest.Zone{home, lab},
			0, func(r *preflight.Request) { single(r); r.ZoneID = "zone-lab" },
			[]string{"zoneId: zone-lab is the zone example.net, which none of hostnames lies in"},
		},
		{
			"an unknown identifier",
			[]apitest.Zone{home},
			0, func(r *preflight.Request) { r.ZoneID = "zone-x" },
			[]string{"zoneId: the token sees no zone zone-x; correct it, remove it, or give"},
		},
		{
			"another zone's identifier together with an account",
			[]apitest.Zone{home, lab},
			0, func(r *preflight.Request) { r.ZoneID, r.AccountID = "zone-lab", "account" },
			[]string{"zoneId: zone-lab is the zone example.net, which domain example.com doesn't lie in"},
		},
		{
			"another zone's identifier together with another account's",
			[]apitest.Zone{home, lab},
			0, func(r *preflight.Request) { r.ZoneID, r.AccountID = "zone-lab", "other" },
			[]string{
				"zoneId: zone-lab is the zone example.net, which domain example.com doesn't lie in",
				"domain: example.com lies in zone example.com of account account, not other; correct accountId",
			},
		},
		{
			"another account's identifier",
			[]apitest.Zone{home, apitest.NewZone("zone-lab", "example.net", "other")},
			0, func(r *preflight.Request) { r.ZoneID, r.AccountID = "zone-home", "other" },
			[]string{
				"accountId: zone example.com is in account account, not other; correct it, or remove it",
				"hostnames[0]: photos.example.net lies in zone example.net of account other, but the tunnel belongs to account account",
			},
		},
		{
			"a repeated zone",
			[]apitest.Zone{home},
			0, func(r *preflight.Request) { r.Names = names.Set{Hostnames: []string{"www.example.com.example.com"}} },
			[]string{"hostnames[0]: www.example.com.example.com has its zone, example.com, twice"},
		},
		{"an unknown token", nil, 9109, nil, []string{"Cloudflare refuses the API token", "Cloudflare Tunnel / Edit", "looking up the zones that the token sees"}},
		{"an unknown token, beside a zone's identifier", nil, 9109, func(r *preflight.Request) { r.ZoneID = "zone-home" }, []string{"Cloudflare refuses the API token", "zoneId: looking up zone zone-home"}},
		{"a token in no token's form", nil, 6003, nil, []string{"Cloudflare refuses the API token"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := apitest.New(t, test.zones...)
			api.Refusal = test.refuse
			r := request()
			if test.change != nil {
				test.change(&r)
			}
			_, err := check(t, api, r)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

// Problems with some names' zones don't hide those of others.
func TestCheck_AllProblems(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home)
	api.Records = []apitest.Record{{Zone: "zone-home", Name: "*.example.com", Type: "A", Content: "192.0.2.7"}}
	r := request()
	r.ExistingTunnel = ours
	_, err := check(t, api, r)
	require.ErrorContains(t, err, "hostnames[0]: the token sees no zone that photos.example.net lies in")
	require.ErrorContains(t, err, "domain: *.example.com has a record of type A already")
	require.ErrorContains(t, err, "existingTunnel: account account has no tunnel")

	// Nor do those with the identifiers of zone and account.
	for zoneID, accountID := range map[string]string{"zone-x": "account", "zone-home": "other"} {
		r.ZoneID, r.AccountID = zoneID, accountID
		_, all := check(t, api, r)
		require.ErrorContains(t, all, err.Error())
		require.Equal(t, 1, strings.Count(all.Error(), "\n")-strings.Count(err.Error(), "\n"), all)
	}
}

// The API may answer an internationalized name in Unicode.
func TestCheck_UnicodeName(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "münchen.example", "account"))
	for _, zoneID := range []string{"", "zone"} {
		found, err := check(t, api, preflight.Request{Names: names.Set{Domain: "xn--mnchen-3ya.example"}, ZoneID: zoneID})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"xn--mnchen-3ya.example": "zone"}, found.ZoneIDs)
	}
}

// The API may answer the names of records in Unicode too.
func TestCheck_RecordsOfAnInternationalizedZone(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "münchen.example", "account"))
	api.Records = []apitest.Record{{Zone: "zone", Name: "*.münchen.example", Type: "A", Content: "192.0.2.7"}}
	_, err := check(t, api, preflight.Request{Names: names.Set{Domain: "xn--mnchen-3ya.example"}})
	require.ErrorContains(t, err, "domain: *.xn--mnchen-3ya.example has a record of type A already")
}

// Zones that lead nowhere yet are no error: their records can be made before.
func TestCheck_ZoneStatus(t *testing.T) {
	t.Parallel()
	pending, paused := home, lab
	pending.Status, paused.Paused = "pending", true
	found, err := check(t, apitest.New(t, pending, paused), request())
	require.NoError(t, err)
	require.Len(t, found.Warnings, 2)
	require.Contains(t, found.Warnings[0], "zone example.com is pending at Cloudflare, not active, so its names lead nowhere yet; set Cloudflare's name servers at the domain's registrar")
	require.Contains(t, found.Warnings[1], "zone example.net is paused at Cloudflare")

	// There is one warning for each thing to do.
	all := home
	all.Status, all.Type, all.Paused, all.Meta = "pending", "partial", true, map[string]any{"phishing_detected": true}
	found, err = check(t, apitest.New(t, all, lab), request())
	require.NoError(t, err)
	require.Len(t, found.Warnings, 4)
	require.Contains(t, found.Warnings[0], "zone example.com is pending at Cloudflare, not active, so its names lead nowhere yet; add the TXT record for its verification")
	require.Contains(t, found.Warnings[1], "zone example.com is paused at Cloudflare")
	require.Contains(t, found.Warnings[2], "Cloudflare suspects phishing in zone example.com, so visitors see a warning page")
	require.Contains(t, found.Warnings[3], "zone example.com is a partial one")
}

// A zone has a quota of records, by its plan and its age.
func TestCheck_RecordQuota(t *testing.T) {
	t.Parallel()
	cut := time.Date(2024, time.September, 1, 0, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		plan    string
		created time.Time
		records int
		want    string
	}{
		{"free", cut, 198, ""},
		{"free", cut, 199, "zone example.com has 199 of 200 records, and this adds 2; delete some at Cloudflare (DNS, Records), or replace single names by a wildcard"},
		{"free", cut.Add(-time.Second), 998, ""},
		{"free", cut.Add(-time.Second), 1000, "zone example.com has 1000 of 1000 records, and this adds 2"},
		{"pro", cut, 3498, ""},
		{"business", cut, 3499, "zone example.com has 3499 of 3500 records, and this adds 2"},
		{"enterprise", cut, 4000, ""},
		{"", cut, 4000, ""},
	} {
		zone := home
		zone.Plan, zone.CreatedOn = map[string]string{"legacy_id": test.plan}, test.created
		api := apitest.New(t, zone)
		for i := range test.records {
			api.Records = append(api.Records, apitest.Record{Zone: "zone-home", ID: fmt.Sprint(i), Name: "example.com", Type: "TXT"})
		}
		r := preflight.Request{Names: names.Set{Domain: "example.com"}}
		found, err := check(t, api, r)
		require.NoError(t, err)
		if test.want == "" {
			require.Empty(t, found.Warnings)
		} else {
			require.Len(t, found.Warnings, 1)
			require.Contains(t, found.Warnings[0], test.want)
		}
	}

	// A record that is there already needs no room.
	zone := home
	zone.Plan, zone.CreatedOn = map[string]string{"legacy_id": "free"}, cut
	api := apitest.New(t, zone)
	comment := names.Owner{Stack: "k8s-tunnel/prod", Identity: ourIdentity}.Comment()
	for i := range 200 {
		api.Records = append(api.Records, apitest.Record{Zone: "zone-home", ID: fmt.Sprint(i), Name: fmt.Sprintf("h%d.example.com", i), Type: "CNAME", Comment: comment})
	}
	found, err := check(t, api, preflight.Request{Names: names.Set{Hostnames: []string{"h0.example.com", "h1.example.com"}}, Identity: ourIdentity})
	require.NoError(t, err)
	require.Empty(t, found.Warnings)
}

// Only the records of a full zone are what visitors see at once.
func TestCheck_ZoneTypes(t *testing.T) {
	t.Parallel()
	typed := func(kind string) apitest.Zone {
		zone := apitest.NewZone("zone-"+kind, "example.com", "account")
		zone.Type = kind
		return zone
	}
	r := preflight.Request{Names: names.Set{Domain: "example.com"}}
	found, err := check(t, apitest.New(t, typed("internal"), typed("full")), r)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"example.com": "zone-full"}, found.ZoneIDs)
	require.Empty(t, found.Warnings)

	found, err = check(t, apitest.New(t, typed("partial")), r)
	require.NoError(t, err)
	require.Len(t, found.Warnings, 1)
	require.Contains(t, found.Warnings[0], "zone example.com is a partial one")
	require.Contains(t, found.Warnings[0], "www.example.com.cdn.cloudflare.net")
	require.True(t, found.Hosts[0].Partial)

	_, err = check(t, apitest.New(t, typed("secondary")), r)
	require.ErrorContains(t, err, "domain: example.com lies in zone example.com, whose records come from another DNS server")

	api := apitest.New(t, typed("internal"))
	_, err = check(t, api, r)
	require.ErrorContains(t, err, "domain: the token sees no zone that example.com lies in")
	r.ZoneID = "zone-internal"
	_, err = check(t, api, r)
	require.ErrorContains(t, err, "zoneId: zone-internal is the internal zone example.com")
}

// A record that moves to another zone wasn't deleted, and one that is about to be deleted hides no name.
func TestCheck_RecordsThatGo(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home, lab)
	comment := names.Owner{Stack: "k8s-tunnel/prod", Identity: ourIdentity}.Comment()
	api.Records = []apitest.Record{{Zone: "zone-home", ID: "1", Name: "app.example.com", Type: "CNAME", Comment: comment}}
	r := preflight.Request{Names: names.Set{Domain: "example.com"}, Identity: ourIdentity, LastRecords: map[string]names.LastRecord{
		"edge-record-app.example.com": {ID: "1", ZoneID: "zone-home", Name: "app", Hostname: "app.example.com"},
		"edge-apex":                   {ID: "2", ZoneID: "zone-below", Name: "@", Hostname: "example.com"},
	}}
	found, err := check(t, api, r)
	require.NoError(t, err)
	require.Empty(t, found.Warnings)
	require.Empty(t, found.Kinds)

	api.Records = append(api.Records, apitest.Record{Zone: "zone-home", ID: "3", Name: "app.example.com", Type: "TXT"})
	found, err = check(t, api, r)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"app.example.com": "TXT"}, found.Kinds)
}

// Names may lead to the tunnel by records of others.
func TestCheck_RecordsOfOthers(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home)
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: ours, Name: "home"}}
	record := func(id, name, tunnel string, proxied bool) apitest.Record {
		return apitest.Record{Zone: "zone-home", ID: id, Name: name, Type: "CNAME", Content: names.TunnelCNAME(tunnel), Proxied: &proxied}
	}
	api.Records = []apitest.Record{
		record("1", "app.example.com", ours, true), record("2", "theirs.example.com", theirs, true), record("3", "direct.example.com", ours, false),
		record("4", "dropped.example.com", ours, true), record("5", "shared.example.com", ours, true),
	}
	api.Records[4].Comment = names.Owner{Stack: "k8s-tunnel/other", Identity: "ffffffff"}.Comment()
	for _, test := range []struct {
		request preflight.Request
		want    []string
	}{
		{preflight.Request{ExistingTunnel: ours}, []string{"app.example.com", "shared.example.com"}},
		{preflight.Request{OwnTunnel: ours}, []string{"shared.example.com"}}, // the other one is in danger
	} {
		r := test.request
		r.Names = names.Set{Hostnames: []string{"example.com"}}
		r.LastRecords = map[string]names.LastRecord{"edge-record-dropped.example.com": {ID: "4", ZoneID: "zone-home", Name: "dropped", Content: names.TunnelCNAME(ours)}}
		found, err := check(t, api, r)
		require.NoError(t, err)
		var others []names.Host
		for _, name := range test.want {
			others = append(others, names.Host{Name: name, Zone: "example.com"})
		}
		require.Equal(t, others, found.Others)
	}
	api.Zones[0].Type = "partial"
	found, err := check(t, api, preflight.Request{Names: names.Set{Hostnames: []string{"example.com"}}, ExistingTunnel: ours})
	require.NoError(t, err)
	require.True(t, found.Others[0].Partial)
}

// A listing that fails doesn't say whose a record is.
func TestCheck_FailedListing(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home, lab)
	api.FailRecords = "zone-lab"
	_, err := check(t, api, preflight.Request{Names: names.Set{Domain: "example.com"}, LastRecords: map[string]names.LastRecord{
		"edge-record-example.net": {ID: "1", ZoneID: "zone-lab", Name: "example.net", Hostname: "example.net"},
	}})
	require.ErrorContains(t, err, "looking up the records of zone zone-lab, in which example.net was")

	api.Zones = api.Zones[:1] // the token doesn't see it any more
	_, err = check(t, api, preflight.Request{Names: names.Set{Domain: "example.com"}, LastRecords: map[string]names.LastRecord{
		"edge-record-example.net": {ID: "1", ZoneID: "zone-lab", Name: "example.net", Hostname: "example.net"},
	}})
	require.NoError(t, err)
}

// A zone that isn't active yet takes no names from the zone that it lies in, nor from one of the same name.
func TestCheck_InactiveZoneBelowAnother(t *testing.T) {
	t.Parallel()
	below, twin := apitest.NewZone("zone-below", "dev.example.com", "account"), apitest.NewZone("zone-twin", "example.com", "other")
	below.Status, twin.Status = "pending", "initializing"
	paused := below
	paused.Paused = true
	for _, below := range []apitest.Zone{below, paused} {
		found, err := check(t, apitest.New(t, below, twin, home), preflight.Request{Names: names.Set{Hostnames: []string{"app.dev.example.com"}}})
		require.NoError(t, err)
		require.Equal(t, map[string]string{"example.com": "zone-home"}, found.ZoneIDs)
		require.Equal(t, []string{"hostnames[0]: app.dev.example.com stays in zone example.com as long as zone dev.example.com is pending; " +
			"the first update after that moves its record there"}, found.Warnings)
	}

	api := apitest.New(t, below, home)
	api.Records = []apitest.Record{{Zone: "zone-home", Name: "dev.example.com", Type: "NS", Content: "ada.ns.cloudflare.com"}}
	_, err := check(t, api, preflight.Request{Names: names.Set{Hostnames: []string{"app.dev.example.com"}}})
	require.ErrorContains(t, err, "hostnames[0]: app.dev.example.com can't be exposed yet, because dev.example.com is delegated to \"ada.ns.cloudflare.com\", and its own zone is pending at Cloudflare; try again when that is active, or set zoneId to zone-below")
	_, err = check(t, api, preflight.Request{Names: names.Set{Domain: "example.com", Hostnames: []string{"app.dev.example.com"}}})
	require.ErrorContains(t, err, "try again when that is active")
	require.NotContains(t, err.Error(), "zoneId")
	found, err := check(t, api, preflight.Request{Names: names.Set{Hostnames: []string{"app.dev.example.com"}}, ZoneID: "zone-below"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"dev.example.com": "zone-below"}, found.ZoneIDs)

	// What doesn't move isn't warned of.
	other := apitest.NewZone("zone-below", "dev.example.com", "other")
	other.Status = "pending"
	for _, r := range []preflight.Request{
		{Names: names.Set{Hostnames: []string{"app.dev.example.com", "example.net"}}, ZoneID: "zone-home"},
		{Names: names.Set{Hostnames: []string{"app.dev.example.com"}}, AccountID: "account"},
	} {
		zones := []apitest.Zone{home, lab, other}
		if r.ZoneID != "" {
			zones[2] = below
		}
		found, err := check(t, apitest.New(t, zones...), r)
		require.NoError(t, err)
		require.Empty(t, found.Warnings)
	}

	found, err = check(t, apitest.New(t, below), preflight.Request{Names: names.Set{Hostnames: []string{"app.dev.example.com"}}})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"dev.example.com": "zone-below"}, found.ZoneIDs)
}

func TestCheck_Names(t *testing.T) {
	t.Parallel()
	record := func(name, kind, content, comment string) apitest.Record {
		zone := "zone-home"
		if strings.HasSuffix(name, "example.net") {
			zone = "zone-lab"
		}
		return apitest.Record{Zone: zone, Name: name, Type: kind, Content: content, Comment: comment}
	}
	comment := func(stack, identity string) string { return names.Owner{Stack: stack, Identity: identity}.Comment() }
	const older = "Managed by Pulumi: k8s-tunnel/staging" // without an identity
	others := comment("k8s-tunnel/staging", theirIdentity)
	toTheirs, toOurs := names.TunnelCNAME(theirs), names.TunnelCNAME(ours)
	for _, test := range []struct {
		name    string
		records []apitest.Record
		change  func(*preflight.Request)
		want    []string // errors; none: fine
		warning string
	}{
		{name: "of the stack", records: []apitest.Record{record("example.com", "CNAME", toTheirs, comment("k8s-tunnel/prod", ourIdentity))}},
		{name: "of the stack under a former name", records: []apitest.Record{record("example.com", "CNAME", toTheirs, comment("k8s-tunnel/test", ourIdentity))}},
		{
			name:    "made by hand",
			records: []apitest.Record{record("*.example.com", "CNAME", "home.example.org", "my server\x1b[31m")},
			warning: `domain: this takes over *.example.com, which leads to "home.example.org" so far (comment "my server\x1b[31m")`,
		},
		{name: "beside records that don't matter", records: []apitest.Record{record("example.com", "MX", "mail.example.com", ""), record("example.com", "TXT", "v=spf1", ""), record("example.com", "NS", "ada.ns.cloudflare.com", "")}},
		{
			name: "with addresses",
			records: []apitest.Record{
				record("example.com", "A", "192.0.2.7", ""), record("example.com", "AAAA", "2001:db8::7", ""),
				record("photos.example.net", "A", "192.0.2.8", others),
			},
			want: []string{
				`domain: example.com has a record of type A already, "192.0.2.7", and only a CNAME can be taken over`,
				`domain: example.com has a record of type AAAA already, "2001:db8::7"`,
				`hostnames[0]: photos.example.net has a record of type A already, "192.0.2.8"`,
				`delete that record at Cloudflare (DNS, Records) and try again; for a name in use, see "Move a name that has an address"`,
			},
		},
		{
			name: "managed by Cloudflare",
			records: []apitest.Record{
				{Zone: "zone-home", Name: "example.com", Type: "AAAA", Content: "100::", Meta: map[string]any{"read_only": true}},
				{Zone: "zone-lab", Name: "photos.example.net", Type: "CNAME", Content: "public.r2.dev", Meta: map[string]any{"read_only": true}},
			},
			want: []string{
				`domain: example.com has a record of type AAAA, "100::", which Cloudflare manages itself and lets nobody change; remove the name where it was set up`,
				`hostnames[0]: photos.example.net has a record of type CNAME, "public.r2.dev", which Cloudflare manages itself`,
			},
		},
		{
			name:    "managed by Cloudflare, for mail",
			records: []apitest.Record{{Zone: "zone-home", Name: "example.com", Type: "MX", Content: "route1.mx.cloudflare.net", Meta: map[string]any{"read_only": true}}},
		},
		{
			name:    "delegated",
			records: []apitest.Record{record("photos.example.net", "NS", "ns.example.org", "")},
			want:    []string{`hostnames[0]: photos.example.net can't be exposed, because photos.example.net is delegated to "ns.example.org"; delete its NS records`},
		},
		{
			name:    "the domain delegated to several name servers",
			records: []apitest.Record{record("dev.example.com", "NS", "a.example.org", ""), record("dev.example.com", "NS", "b.example.org", "")},
			change:  func(r *preflight.Request) { r.Names.Domain = "dev.example.com" },
			want:    []string{`domain: dev.example.com can't be exposed, because dev.example.com is delegated to "a.example.org", "b.example.org"; delete`},
		},
		{
			name:    "below a delegated name",
			records: []apitest.Record{record("b.example.net", "NS", "ns.example.org", "")},
			change:  func(r *preflight.Request) { r.Names.Hostnames = []string{"a.b.example.net"} },
			want:    []string{"hostnames[0]: a.b.example.net can't be exposed, because b.example.net is delegated"},
		},
		{
			name:    "of another stack",
			records: []apitest.Record{record("*.example.com", "CNAME", toTheirs, others)},
			want: []string{
				`domain: *.example.com belongs to stack "k8s-tunnel/staging", which points it at "` + toTheirs + `"`,
				"set allowTakeover to true",
			},
		},
		{
			name:    "of a stack of the same name",
			records: []apitest.Record{record("*.example.com", "CNAME", toTheirs, comment("k8s-tunnel/prod", theirIdentity))},
			want:    []string{`*.example.com belongs to stack "k8s-tunnel/prod" of another Pulumi backend or organization`},
		},
		{
			name:    "of a stack of the same name, of an older version",
			records: []apitest.Record{record("*.example.com", "CNAME", toTheirs, "Managed by Pulumi: k8s-tunnel/prod")},
			change:  func(r *preflight.Request) { r.Identity, r.LastTunnel = "", ours },
			want:    []string{`*.example.com belongs to stack "k8s-tunnel/prod" of another`},
		},
		{
			name:    "of another stack, which is allowed",
			records: []apitest.Record{record("*.example.com", "CNAME", toTheirs, others)},
			change:  func(r *preflight.Request) { r.AllowTakeover = true },
			warning: `domain: this takes *.example.com from stack "k8s-tunnel/staging"`,
		},
		{
			name:    "of this stack, of an older version",
			records: []apitest.Record{record("*.example.com", "CNAME", toOurs, older)},
			change:  func(r *preflight.Request) { r.Identity, r.LastTunnel = "", ours },
		},
		{
			name:    "made by hand, for the stack's tunnel",
			records: []apitest.Record{record("*.example.com", "CNAME", toOurs, "")},
			change:  func(r *preflight.Request) { r.OwnTunnel, r.LastTunnel = ours, ours },
			warning: `domain: this takes over *.example.com, which leads to "` + toOurs + `" so far`,
		},
		{
			name:    "made by hand, for the existing tunnel",
			records: []apitest.Record{record("*.example.com", "CNAME", toOurs, "my server")},
			change:  func(r *preflight.Request) { r.ExistingTunnel, r.ReadTunnel, r.LastTunnel = ours, ours, ours },
			warning: `domain: this takes over *.example.com, which leads to "` + toOurs + `" so far (comment "my server")`,
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := apitest.New(t, home, lab)
			api.Records = test.records
			api.Tunnels = []apitest.Tunnel{{Account: "account", ID: ours, Name: "home"}}
			r := request()
			if test.change != nil {
				test.change(&r)
			}
			found, err := check(t, api, r)
			for _, want := range test.want {
				require.ErrorContains(t, err, want)
			}
			if len(test.want) > 0 {
				return
			}
			require.NoError(t, err)
			if test.warning == "" {
				require.Empty(t, found.Warnings)
				return
			}
			require.Len(t, found.Warnings, 1)
			require.Contains(t, found.Warnings[0], test.warning)
		})
	}
}

// Records are taken over at a pace of their own, because the provider makes calls at the same time.
func TestClient_TakeOverPace(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home)
	api.Records = []apitest.Record{{Zone: "zone-home", ID: "1", Name: "example.com", Type: "CNAME", Content: "home.example.org"}}
	client, err := preflight.New(preflight.Options{APIToken: strings.Repeat("t", 40), APIHostname: api.Hostname(), RPS: 4})
	require.NoError(t, err)
	found, err := client.Check(t.Context(), preflight.Request{Names: names.Set{Hostnames: []string{"example.com"}}})
	require.NoError(t, err)
	began := time.Now()
	require.NoError(t, client.TakeOver(t.Context(), "zone-home", found.Taken["example.com"], names.TunnelCNAME(ours), "mine"))
	require.Greater(t, time.Since(began), 900*time.Millisecond, "two calls, of which the second has to wait")
}

// losing returns a client of an API whose answers to some calls are lost, after these took effect.
func losing(t *testing.T, api *apitest.API, lost func(*http.Request) bool) *preflight.Client {
	t.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if lost(r) {
			api.ServeHTTP(httptest.NewRecorder(), r)
			http.Error(w, "{}", http.StatusInternalServerError)
			return
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	client, err := preflight.New(preflight.Options{APIToken: strings.Repeat("t", 40), APIHostname: strings.TrimPrefix(server.URL, "https://"), RPS: 1000, Retries: 1})
	require.NoError(t, err)
	return client
}

// Zones aren't waited for, one after the other, while there are no answers.
func TestCheck_RecordsWithoutAnswer(t *testing.T) {
	t.Parallel()
	api := &apitest.API{Zones: []apitest.Zone{home, lab}}
	client := losing(t, api, func(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/dns_records") })
	_, err := client.Check(t.Context(), request())
	require.ErrorContains(t, err, "looking up the records of zone example.com: ")
	require.NotContains(t, err.Error(), "example.net")
	require.NotContains(t, strings.Join(api.Calls(), "\n"), "GET /zones/zone-lab/dns_records")
}

// A record whose change has no answer isn't said to be as it was.
func TestClient_TakeOverWithoutAnswer(t *testing.T) {
	t.Parallel()
	api := &apitest.API{Zones: []apitest.Zone{home}}
	api.Records = []apitest.Record{{Zone: "zone-home", ID: "1", Name: "example.com", Type: "CNAME", Content: "home.example.org"}}
	client := losing(t, api, func(r *http.Request) bool { return r.Method == http.MethodPatch })
	found, err := client.Check(t.Context(), preflight.Request{Names: names.Set{Hostnames: []string{"example.com"}}})
	require.NoError(t, err)
	err = client.TakeOver(t.Context(), "zone-home", found.Taken["example.com"], names.TunnelCNAME(ours), "mine")
	require.ErrorContains(t, err, "taking over the record of example.com, which may have been changed already; run the same command again, also before pulumi destroy: ")
	require.Equal(t, names.TunnelCNAME(ours), api.Records[0].Content)
}

// What others did to the stack's own records since the state was last refreshed is told from the listing.
func TestCheck_OwnRecords(t *testing.T) {
	t.Parallel()
	comment := names.Owner{Stack: "k8s-tunnel/prod", Identity: ourIdentity}.Comment()
	others := names.Owner{Stack: "k8s-tunnel/staging", Identity: theirIdentity}.Comment()
	toOurs, toTheirs := names.TunnelCNAME(ours), names.TunnelCNAME(theirs)
	last := func(id, name string) names.LastRecord {
		return names.LastRecord{ID: id, ZoneID: "zone-home", Name: name, Hostname: name + ".example.com", Content: toOurs, Comment: comment, Proxied: true}
	}
	now := func(change func(*apitest.Record)) []apitest.Record {
		record := apitest.Record{Zone: "zone-home", ID: "1", Name: "app.example.com", Type: "CNAME", Content: toOurs, Comment: comment, Proxied: new(true)}
		change(&record)
		return []apitest.Record{record}
	}
	another := apitest.Record{Zone: "zone-home", ID: "2", Name: "app.example.com", Type: "CNAME", Content: "home.example.org"}
	for _, test := range []struct {
		name     string
		records  []apitest.Record
		hosts    []string // instead of app.example.com
		change   func(*preflight.Request)
		err      string
		warnings []string
		changed  bool
		replaced bool
		released bool
	}{
		{name: "as it was", records: now(func(*apitest.Record) {})},
		{name: "deleted", warnings: []string{"hostnames[0]: the record of app.example.com was deleted at Cloudflare; pulumi up --refresh creates it again"}},
		{
			name: "leading elsewhere", records: now(func(r *apitest.Record) { r.Content = "other.example.org" }), changed: true,
			warnings: []string{`hostnames[0]: the record of app.example.com was changed at Cloudflare, and leads to "other.example.org"; this changes it back`},
		},
		{
			name: "leading to the new tunnel since an update that was interrupted", change: func(r *preflight.Request) { r.OwnTunnel = theirs },
			records: now(func(r *apitest.Record) { r.Content = toTheirs }), changed: true,
		},
		{
			name: "leading to an existing tunnel since an update that was interrupted", change: func(r *preflight.Request) { r.OwnTunnel, r.ReadTunnel = ours, theirs },
			records: now(func(r *apitest.Record) { r.Content = toTheirs }), changed: true,
		},
		{
			name: "leading to the existing tunnel of two stacks", change: func(r *preflight.Request) { r.ExistingTunnel, r.AllowTakeover = theirs, true },
			records: now(func(r *apitest.Record) { r.Content, r.Comment = toTheirs, others }), changed: true,
			warnings: []string{`this takes app.example.com from stack "k8s-tunnel/staging"`, "the record of app.example.com was changed at Cloudflare"},
		},
		{
			name: "not proxied", records: now(func(r *apitest.Record) { r.Proxied = new(false) }), changed: true,
			warnings: []string{"hostnames[0]: the record of app.example.com was switched to another proxy status"},
		},
		{name: "without its comment", records: now(func(r *apitest.Record) { r.Comment = "" }), changed: true},
		{
			name: "renamed", records: now(func(r *apitest.Record) { r.Name = "old.example.com" }), changed: true,
			warnings: []string{`hostnames[0]: the record of app.example.com was renamed to "old.example.com" at Cloudflare; this renames it back`},
		},
		{
			name: "renamed, and another one in its place", records: append(now(func(r *apitest.Record) { r.Name = "old.example.com" }), another),
			err: `hostnames[0]: the record of app.example.com was renamed to "old.example.com" at Cloudflare, and there is another one of its name`,
		},
		{
			name: "deleted, and another one in its place", records: []apitest.Record{another}, replaced: true,
			warnings: []string{"hostnames[0]: this takes over app.example.com", "hostnames[0]: the record of app.example.com was deleted at Cloudflare"},
		},
		{
			name: "renamed to another name of the stack", records: now(func(r *apitest.Record) { r.Name = "new.example.com" }), hosts: []string{"app.example.com", "new.example.com"},
			err: "hostnames[1]: the record of new.example.com is that of app.example.com, which was renamed at Cloudflare",
		},
		{
			name: "renamed, which the stack follows", records: now(func(r *apitest.Record) { r.Name = "new.example.com" }), hosts: []string{"new.example.com"},
			released: true,
		},
		{name: "replaced by an address", records: now(func(r *apitest.Record) { r.Type = "A" }), err: "app.example.com has a record of type A already"},
		{name: "not asked for any more", records: now(func(*apitest.Record) {}), hosts: []string{"example.com"}},
		{name: "not asked for any more, and deleted", hosts: []string{"example.com"}},
		{name: "not asked for any more, nor any name in its zone", records: now(func(r *apitest.Record) { r.Content, r.Comment = toTheirs, others }), hosts: []string{"example.net"}, released: true, warnings: []string{"the record of app.example.com isn't this stack's any more"}},
		{
			name: "taken by another stack, and not asked for any more", records: now(func(r *apitest.Record) { r.Content, r.Comment = toTheirs, others }), hosts: []string{"example.com"},
			released: true, warnings: []string{`the record of app.example.com isn't this stack's any more, as it leads to "` + toTheirs + `" (comment "` + others + `"); this forgets it, and leaves it there`},
		},
		{
			name: "changed by hand, and not asked for any more", records: now(func(r *apitest.Record) { r.Content, r.Comment = "home.example.org", "" }), hosts: []string{"example.com"},
			released: true, warnings: []string{`the record of app.example.com isn't this stack's any more, as it leads to "home.example.org"; this forgets it`},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := apitest.New(t, home, lab)
			api.Records = test.records
			api.Tunnels = []apitest.Tunnel{{Account: "account", ID: ours, Name: "home"}, {Account: "account", ID: theirs, Name: "another"}}
			r := preflight.Request{
				Names: names.Set{Hostnames: []string{"app.example.com"}}, Identity: ourIdentity, Stack: "k8s-tunnel/prod", LastTunnel: ours,
			}
			if test.hosts != nil {
				r.Names.Hostnames = test.hosts
			}
			if test.change != nil {
				test.change(&r)
			}
			r.LastRecords = map[string]names.LastRecord{"edge-record-app.example.com": last("1", "app")}
			found, err := check(t, api, r)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			require.Len(t, found.Warnings, len(test.warnings), found.Warnings)
			for i, want := range test.warnings {
				require.Contains(t, found.Warnings[i], want)
			}
			require.Equal(t, test.changed, found.Changed["app.example.com"])
			require.Equal(t, test.replaced, found.Replaced["app.example.com"])
			_, released := found.Released["edge-record-app.example.com"]
			require.Equal(t, test.released, released)
		})
	}
}

// An update from a version without identities may be interrupted when the state has a new tunnel,
// but the records are still as that version had written them.
func TestCheck_RecordsOfAnInterruptedUpgrade(t *testing.T) {
	t.Parallel()
	const before = "22222222-2222-3333-4444-555555555555"
	made := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		name     string
		change   func(now *apitest.Record, last *names.LastRecord)
		err      string
		released bool // if the name is dropped
	}{
		{"as it was", func(*apitest.Record, *names.LastRecord) {}, "", false},
		{"taken by a stack of the same name", func(now *apitest.Record, _ *names.LastRecord) { now.Content = names.TunnelCNAME(theirs) }, `app.example.com belongs to stack "k8s-tunnel/prod" of another`, true},
		{"taken by a stack of the same name, which a refresh has seen", func(now *apitest.Record, last *names.LastRecord) {
			now.Content, now.ModifiedOn, last.Content = names.TunnelCNAME(theirs), made.Add(time.Hour), names.TunnelCNAME(theirs)
		}, `app.example.com belongs to stack "k8s-tunnel/prod" of another`, true},
		{"taken by another stack, which a refresh has seen", func(now *apitest.Record, last *names.LastRecord) {
			now.Content, now.Comment, last.Content = names.TunnelCNAME(theirs), "Managed by Pulumi: k8s-tunnel/staging", names.TunnelCNAME(theirs)
		}, `app.example.com belongs to stack "k8s-tunnel/staging"`, true},
		{"deleted, and made by another stack", func(now *apitest.Record, _ *names.LastRecord) { now.ID = "2" }, `app.example.com belongs to stack "k8s-tunnel/prod" of another`, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			now := apitest.Record{Zone: "zone-home", ID: "1", Name: "app.example.com", Type: "CNAME", Content: names.TunnelCNAME(before), Comment: "Managed by Pulumi: k8s-tunnel/prod", ModifiedOn: made.Add(-time.Hour)}
			last := names.LastRecord{ID: "1", ZoneID: "zone-home", Name: "app", Content: names.TunnelCNAME(before), Comment: now.Comment}
			test.change(&now, &last)
			api := apitest.New(t, home, lab)
			api.Records = []apitest.Record{now}
			api.Tunnels = []apitest.Tunnel{{Account: "account", ID: ours, Name: "home", CreatedAt: made}}
			r := request()
			r.LastTunnel, r.OwnTunnel, r.LastRecords = ours, ours, map[string]names.LastRecord{"edge-record-app.example.com": last}
			r.Names.Hostnames = []string{"app.example.com"}
			found, err := check(t, api, r)
			if test.err != "" {
				require.ErrorContains(t, err, test.err)
			} else {
				require.NoError(t, err)
				require.Empty(t, found.Warnings)
			}
			r.Names.Hostnames = nil // which drops the name
			found, err = check(t, api, r)
			require.NoError(t, err)
			_, released := found.Released["edge-record-app.example.com"]
			require.Equal(t, test.released, released)
		})
	}
}

func TestCheck_Tunnel(t *testing.T) {
	t.Parallel()
	when := deleted
	live := apitest.Tunnel{Account: "account", ID: ours, Name: "home-a1b2c3"}
	gone := apitest.Tunnel{Account: "account", ID: ours, Name: "home-a1b2c3", DeletedAt: &when}
	for _, test := range []struct {
		name    string
		tunnels []apitest.Tunnel
		change  func(*preflight.Request)
		deleted string
		want    string
	}{
		{"none yet", nil, func(*preflight.Request) {}, "", ""},
		{"there", []apitest.Tunnel{live}, func(r *preflight.Request) { r.LastTunnel = ours }, "", ""},
		{"deleted", []apitest.Tunnel{gone}, func(r *preflight.Request) { r.LastTunnel = ours }, `"home-a1b2c3" (` + ours + ", until 2026-11-20 10:11:12 UTC)", ""},
		{"deleted, of others", []apitest.Tunnel{gone}, func(r *preflight.Request) { r.LastTunnel, r.ReadTunnel = ours, ours }, "", ""},
		{"deleted, after a failed change from one of others", []apitest.Tunnel{gone}, func(r *preflight.Request) { r.OwnTunnel, r.LastTunnel, r.ReadTunnel = ours, ours, theirs }, `"home-a1b2c3" (` + ours + ", until 2026-11-20 10:11:12 UTC)", ""},
		{"of another account", nil, func(r *preflight.Request) { r.LastTunnel = ours }, "", ""},
		{"made by hand", []apitest.Tunnel{live}, func(r *preflight.Request) { r.ExistingTunnel = ours }, "", ""},
		{"made by hand, in place of a deleted one", []apitest.Tunnel{live}, func(r *preflight.Request) { r.ExistingTunnel, r.LastTunnel = ours, theirs }, "", ""},
		{"made by the stack itself", []apitest.Tunnel{live}, func(r *preflight.Request) { r.ExistingTunnel, r.OwnTunnel = ours, ours }, "", "existingTunnel: tunnel " + ours + " is the one that this stack has made"},
		{"made by the stack before an update that failed", []apitest.Tunnel{live}, func(r *preflight.Request) {
			r.ExistingTunnel, r.OwnTunnel = ours, theirs
			r.LastRecords = map[string]names.LastRecord{"edge-apex": {Content: ours + ".cfargotunnel.com"}}
		}, "", "complete the last update without existingTunnel first"},
		{"made by hand, and read before an update failed", []apitest.Tunnel{live}, func(r *preflight.Request) {
			r.ExistingTunnel, r.OwnTunnel, r.ReadTunnel = ours, theirs, ours
			r.LastRecords = map[string]names.LastRecord{"edge-apex": {Content: ours + ".cfargotunnel.com"}}
		}, "", ""},
		{"made by hand and deleted", []apitest.Tunnel{gone}, func(r *preflight.Request) { r.ExistingTunnel = ours }, "", `existingTunnel: tunnel "home-a1b2c3" (` + ours + ", until 2026-11-20 10:11:12 UTC) was deleted"},
		{"made by hand, configured at Cloudflare", []apitest.Tunnel{{Account: "account", ID: ours, Name: "home", RemoteConfig: true}}, func(r *preflight.Request) { r.ExistingTunnel = ours }, "", "which overrides ingress, origin and originRequest"},
		{"never made", nil, func(r *preflight.Request) { r.ExistingTunnel = ours }, "", "existingTunnel: account account has no tunnel " + ours},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := apitest.New(t, home, lab)
			api.Tunnels = test.tunnels
			r := request()
			test.change(&r)
			found, err := check(t, api, r)
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			if test.deleted == "" {
				require.Nil(t, found.Deleted)
				return
			}
			require.Equal(t, test.deleted, found.Deleted.String())
		})
	}
}

// A token that may do nothing with tunnels is refused before anything is created.
func TestCheck_TunnelPermission(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home, lab)
	api.RefuseTunnels = true
	_, err := check(t, api, request())
	require.ErrorIs(t, err, preflight.ErrTokenRefused)
	require.ErrorContains(t, err, "Account / Cloudflare Tunnel / Edit")
	require.ErrorContains(t, err, "looking up the tunnels of account account")
}

// A refused token comes before what was found earlier.
func TestCheck_RefusedTokenComesFirst(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home, lab)
	api.FailRecords = lab.ID
	api.Records = []apitest.Record{{Zone: home.ID, ID: "1", Name: "example.com", Type: "A", Content: "192.0.2.7"}}
	r := request()
	r.Names.Hostnames = []string{"example.org"}
	r.LastRecords = map[string]names.LastRecord{"edge-record-old.example.net": {ID: "2", ZoneID: lab.ID, Name: "old"}}
	_, err := check(t, api, r)
	problems := strings.Split(err.Error(), "\n")
	require.Len(t, problems, 3)
	require.Contains(t, problems[0], preflight.ErrTokenRefused.Error())
	require.Contains(t, problems[1], "domain: example.com has a record of type A already")
	require.Contains(t, problems[2], "hostnames[0]: the token sees no zone that example.org lies in")
}

// A switch to a configuration at Cloudflare is noticed.
func TestCheck_TunnelSwitchedOver(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home, lab)
	r := request()
	r.LastTunnel = ours
	for _, tunnel := range []apitest.Tunnel{{RemoteConfig: true}, {ConfigSrc: "cloudflare"}} {
		tunnel.Account, tunnel.ID, tunnel.Name = "account", ours, "home"
		api.Tunnels = []apitest.Tunnel{tunnel}
		found, err := check(t, api, r)
		require.NoError(t, err)
		require.True(t, found.Remote)
		require.Len(t, found.Warnings, 1)
		require.Contains(t, found.Warnings[0], "was switched to a configuration at Cloudflare")

		other := request()
		other.ExistingTunnel = ours
		_, err = check(t, api, other)
		require.ErrorContains(t, err, "existingTunnel: tunnel \"home\" ("+ours+") has its configuration at Cloudflare")
	}
}

// Only what can't be anything but left over is deleted.
func TestRemoveLeftover(t *testing.T) {
	t.Parallel()
	const own = "22222222-2222-3333-4444-555555555555"
	for _, test := range []struct {
		name    string
		tunnel  apitest.Tunnel
		removed bool
		wantErr string
	}{
		{"left over", apitest.Tunnel{Account: "account", ID: ours, Name: "home-a1b2c3", Status: "inactive"}, true, ""},
		{"of another name", apitest.Tunnel{Account: "account", ID: ours, Name: "home", Status: "inactive"}, false, ""},
		{"spelt in another way", apitest.Tunnel{Account: "account", ID: ours, Name: "Home-a1b2c3", Status: "inactive"}, false, ""},
		{"of another account", apitest.Tunnel{Account: "other", ID: ours, Name: "home-a1b2c3", Status: "inactive"}, false, ""},
		{"in use", apitest.Tunnel{Account: "account", ID: ours, Name: "home-a1b2c3", Status: "healthy", Connectors: 1}, false, `a tunnel named "home-a1b2c3" exists already (` + ours + `, healthy, 1 connectors)`},
		{"in use before", apitest.Tunnel{Account: "account", ID: ours, Name: "home-a1b2c3", Status: "down"}, false, "it has been in use"},
		{"being connected", apitest.Tunnel{Account: "account", ID: ours, Name: "home-a1b2c3", Status: "inactive", Connectors: 1}, false, "it has been in use"},
		{"the stack's own", apitest.Tunnel{Account: "account", ID: own, Name: "home-a1b2c3", Status: "healthy", Connectors: 1}, false, `tunnel "home-a1b2c3" (` + own + `) is the stack's own, and can't be replaced by another one of its name; to replace it, set rotation`},
		{"the stack's own, never connected", apitest.Tunnel{Account: "account", ID: own, Name: "home-a1b2c3", Status: "inactive"}, false, "set rotation to another label"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			api := apitest.New(t)
			api.Tunnels = []apitest.Tunnel{test.tunnel}
			client, err := preflight.New(preflight.Options{APIToken: strings.Repeat("t", 40), APIHostname: api.Hostname(), RPS: 1000})
			require.NoError(t, err)
			id, err := client.RemoveLeftover(t.Context(), "account", "home-a1b2c3", own)
			if test.wantErr != "" {
				require.ErrorContains(t, err, test.wantErr)
			} else {
				require.NoError(t, err)
			}
			deleted := strings.Contains(strings.Join(api.Calls(), "\n"), "DELETE ")
			require.Equal(t, test.removed, deleted)
			require.Equal(t, test.removed, id == ours)
		})
	}
}

// A deletion whose answer is lost is repeated, and the tunnel is gone by then.
func TestRemoveLeftover_LostAnswer(t *testing.T) {
	t.Parallel()
	api := apitest.New(t)
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: ours, Name: "home", Status: "inactive"}}
	deletions := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			if deletions++; deletions == 1 {
				api.ServeHTTP(httptest.NewRecorder(), r)
				panic(http.ErrAbortHandler)
			}
		}
		api.ServeHTTP(w, r)
	}))
	defer server.Close()
	client, err := preflight.New(preflight.Options{APIToken: strings.Repeat("t", 40), APIHostname: strings.TrimPrefix(server.URL, "https://"), RPS: 1000})
	require.NoError(t, err)
	id, err := client.RemoveLeftover(t.Context(), "account", "home", "")
	require.NoError(t, err)
	require.Equal(t, ours, id)
	require.Equal(t, 2, deletions)
}

// Zones with more records than a page holds are read to their end.
func TestCheck_ManyRecords(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, home, lab)
	for i := range 7500 {
		api.Records = append(api.Records, apitest.Record{Zone: "zone-home", Name: fmt.Sprintf("h%d.example.com", i), Type: "A", Content: "192.0.2.7"})
	}
	api.Records = append(api.Records, apitest.Record{Zone: "zone-home", Name: "*.example.com", Type: "A", Content: "192.0.2.8"})
	_, err := check(t, api, request())
	require.ErrorContains(t, err, "domain: *.example.com has a record of type A already")
}

// An answer that isn't JSON is retried, and the error names the call.
func TestClient_AnswerThatIsNotJSON(t *testing.T) {
	t.Parallel()
	answers := 0
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if answers++; answers == 2 {
			_, _ = w.Write([]byte(`{"success": true, "result": []}`))
			return
		}
		_, _ = w.Write([]byte("<html>502</html>"))
	}))
	defer server.Close()
	client, err := preflight.New(preflight.Options{APIToken: strings.Repeat("t", 40), APIHostname: strings.TrimPrefix(server.URL, "https://"), RPS: 1000, Retries: 1})
	require.NoError(t, err)
	_, err = client.Check(t.Context(), request())
	require.ErrorContains(t, err, "domain: the token sees no zone that example.com lies in", "the second answer counts")
	_, err = client.Check(t.Context(), request())
	require.ErrorContains(t, err, "looking up the zones that the token sees")
	require.ErrorContains(t, err, "the answer to GET /client/v4/zones isn't JSON (HTTP status 200, 16 bytes)")
}
