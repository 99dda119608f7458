package main

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const zoneJSON = `{"id":"z1","name":"home.localhost","status":"active","paused":false,` +
	`"account":{"id":"a1","name":"Home Lab"},"plan":{"name":"Free Website"},` +
	`"name_servers":["ns1.localhost","ns2.localhost"]}`

func TestLookup_Zone(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arguments properties
		answer    exchange
		want      string
	}{
		"by name": {
			arguments: properties{"name": "home.localhost"},
			answer: exchange{
				call:   "GET /zones?name=home.localhost&per_page=50",
				result: "[" + zoneJSON + "]", info: page(1),
			},
		},
		"by name and account": {
			arguments: properties{"name": "home.localhost", "accountId": "a1"},
			answer: exchange{
				call:   "GET /zones?account.id=a1&name=home.localhost&per_page=50",
				result: "[" + zoneJSON + "]", info: page(1),
			},
		},
		"by ID": {
			arguments: properties{"zoneId": "z1"},
			answer:    exchange{call: "GET /zones/z1", result: zoneJSON},
		},
		"that the token can't see": {
			arguments: properties{"name": "home.localhost"},
			answer: exchange{
				call: "GET /zones?name=home.localhost&per_page=50", result: "[]", info: page(0),
			},
			want: "no zone found",
		},
		"of which there are several": {
			arguments: properties{"name": "home.localhost"},
			answer: exchange{
				call:   "GET /zones?name=home.localhost&per_page=50",
				result: "[" + zoneJSON + "," + zoneJSON + "]", info: page(2),
			},
			want: "more than one zone was returned",
		},
		"that isn't there": {
			arguments: properties{"zoneId": "z1"},
			answer: exchange{
				call: "GET /zones/z1", status: http.StatusNotFound, fails: `{"code":7003,"message":"Could not route"}`,
			},
			want: "error getting zone details",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			zone, err := connect(t, newAPI(t, test.answer)).invoke("getZone", test.arguments)
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, map[string]any{
				"id": "z1", "zoneId": "z1", "accountId": "a1", "name": "home.localhost", "status": "active",
				"paused": false, "plan": "Free Website", "vanityNameServers": []any{},
				"nameServers": []any{"ns1.localhost", "ns2.localhost"},
			}, zone.Mappable())
		})
	}
}

func TestLookup_Zones(t *testing.T) {
	t.Parallel()
	api := newAPI(t, exchange{
		call:   "GET /zones?name=contains%3Alocalhost&per_page=50",
		result: `[` + zoneJSON + `,{"id":"z2","name":"lab.localhost"},{"id":"z3","name":"off.localhost","paused":true}]`,
		info:   page(3),
	})
	found, err := connect(t, api).invoke("getZones", properties{"filter": map[string]any{
		"name": "localhost", "lookupType": "contains", "match": "^(lab|off)[.]",
	}})
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{"id": "z2", "name": "lab.localhost"}}, plain(found, "zones"))
}

func TestLookup_Accounts(t *testing.T) {
	t.Parallel()
	api := newAPI(t, exchange{
		call:   "GET /accounts?name=Home+Lab",
		result: `[{"id":"a1","name":"Home Lab","type":"standard","settings":{"enforce_twofactor":true}}]`,
		info:   page(1),
	})
	found, err := connect(t, api).invoke("getAccounts", properties{"name": "Home Lab"})
	require.NoError(t, err)
	require.Equal(t, []any{map[string]any{
		"id": "a1", "name": "Home Lab", "type": "standard", "enforceTwofactor": true,
	}}, plain(found, "accounts"))
}

func TestLookup_Record(t *testing.T) {
	t.Parallel()
	const call = "GET /zones/z1/dns_records?name=%2A.home.localhost&page=1&per_page=100&type=CNAME"
	for name, test := range map[string]struct {
		result, info, want string
	}{
		"there":     {result: "[" + recordJSON("r1", "t1.cfargotunnel.com") + "]", info: page(1)},
		"not there": {result: "[]", info: page(0), want: "didn't get any DNS records for hostname"},
		"there twice": {
			result: "[" + recordJSON("r1", "one.localhost") + "," + recordJSON("r2", "two.localhost") + "]",
			info:   page(2), want: "only wanted 1 DNS record. Got 2 records",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := newAPI(t, exchange{call: call, result: test.result, info: test.info})
			record, err := connect(t, api).invoke("getRecord", properties{
				"zoneId": "z1", "hostname": "*.home.localhost", "type": "CNAME",
			})
			if test.want != "" {
				require.ErrorContains(t, err, test.want)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "r1", plain(record, "id"))
			require.Equal(t, "t1.cfargotunnel.com", plain(record, "value"))
			require.Equal(t, true, plain(record, "proxied"))
		})
	}
}

func TestLookup_Tunnel(t *testing.T) {
	t.Parallel()
	api := newAPI(t,
		exchange{
			call:   "GET /accounts/a1/cfd_tunnel?is_deleted=false&name=home&page=1&per_page=100",
			result: "[" + tunnelJSON + "]", info: page(1),
		},
		exchange{
			call:   "GET /accounts/a1/cfd_tunnel?name=other&page=1&per_page=100",
			result: "[]", info: page(0),
		},
	)
	c := connect(t, api)
	tunnel, err := c.invoke("getZeroTrustTunnelCloudflared", properties{
		"accountId": "a1", "name": "home", "isDeleted": false,
	})
	require.NoError(t, err)
	require.Equal(t, "t1", plain(tunnel, "id"))

	_, err = c.invoke("getZeroTrustTunnelCloudflared", properties{"accountId": "a1", "name": "other"})
	require.ErrorContains(t, err, "No tunnels with name: other")
}
