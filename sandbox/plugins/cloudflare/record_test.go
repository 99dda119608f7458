package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	pulumirpc "github.com/pulumi/pulumi/sdk/v3/proto/go"
	"github.com/stretchr/testify/require"
)

const (
	oldName = "t1.cfargotunnel.com"
	newName = "t2.cfargotunnel.com"
)

// recordJSON is a record of the API's.
func recordJSON(id, content string) string {
	return fmt.Sprintf(`{"id":%q,"zone_id":"z1","zone_name":"home.localhost","name":"*.home.localhost","type":"CNAME",`+
		`"content":%q,"proxied":true,"proxiable":true,"ttl":1,"comment":"by hand","tags":[],"meta":{"auto_added":false},`+
		`"created_on":"2026-01-02T03:04:05.678Z","modified_on":"2026-01-02T03:04:05.678Z"}`, id, content)
}

func recordInputs(changes ...properties) properties {
	inputs := properties{
		"zoneId": "z1", "name": "*", "type": "CNAME", "content": oldName, "proxied": true, "ttl": 1,
		"comment": "by hand", "allowOverwrite": true,
	}
	for _, change := range changes {
		for key, value := range change {
			inputs[key] = value
		}
	}
	return inputs
}

var (
	getZone  = exchange{call: "GET /zones/z1", result: `{"id":"z1","name":"home.localhost"}`}
	conflict = exchange{
		call: "POST /zones/z1/dns_records", status: http.StatusBadRequest,
		fails: `{"code":81053,"message":"An A, AAAA, or CNAME record with that host already exists."}`,
	}
	post = exchange{
		call: "POST /zones/z1/dns_records", result: recordJSON("r1", oldName),
		sent: `{"type":"CNAME","name":"*","content":"` + oldName + `","ttl":1,"proxied":true,"comment":"by hand",
			"created_on":"0001-01-01T00:00:00Z","modified_on":"0001-01-01T00:00:00Z"}`,
	}
	get   = exchange{call: "GET /zones/z1/dns_records/r1", result: recordJSON("r1", oldName)}
	patch = exchange{
		call: "PATCH /zones/z1/dns_records/r1", result: recordJSON("r1", newName),
		sent: `{"type":"CNAME","name":"*","content":"` + newName + `","ttl":1,"proxied":true,"comment":"by hand","tags":[]}`,
	}
	getNew = exchange{call: "GET /zones/z1/dns_records/r1", result: recordJSON("r1", newName)}
)

// list is the look-up of the record that is in the way.
func list(name string, ids ...string) exchange {
	var records []string
	for _, id := range ids {
		records = append(records, recordJSON(id, "elsewhere.localhost"))
	}
	return exchange{
		call:   "GET /zones/z1/dns_records?name=" + name + "&page=1&per_page=100&type=CNAME",
		result: "[" + strings.Join(records, ",") + "]",
		info:   page(len(ids)),
	}
}

func TestRecord_Create(t *testing.T) {
	t.Parallel()
	id, state, err := connect(t, newAPI(t, post, get)).create(recordToken, recordInputs(), 0)
	require.NoError(t, err)
	require.Equal(t, "r1", id)
	require.Equal(t, "*", plain(state, "name"))
	require.Equal(t, "*.home.localhost", plain(state, "hostname"))
	require.Equal(t, oldName, plain(state, "content"))
	require.Equal(t, map[string]any{"auto_added": "false"}, plain(state, "metadata"))
	require.Equal(t, "2026-01-02T03:04:05.678Z", plain(state, "createdOn"))
	require.JSONEq(t,
		`{"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":30000000000,"update":30000000000},"schema_version":"3"}`,
		plain(state, "__meta").(string), "what the official plugin writes beside the record")
	require.NotContains(t, state, resource.PropertyKey("__pulumi_raw_state_delta"))
}

func TestRecord_CreateFails(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change properties
		calls  []exchange
		want   string
	}{
		"long-lived answers of a proxied record": {
			change: properties{"ttl": 300}, want: "ttl must be set to 1 when `proxied` is true",
		},
		"address that is none": {
			change: properties{"type": "A", "content": "home.localhost"}, want: "A record must be a valid IPv4 address",
		},
		"type that can't be proxied": {
			change: properties{"type": "TXT", "content": "text"}, want: `type "TXT" cannot be proxied`,
		},
		"refusal": {
			calls: []exchange{{
				call: conflict.call, status: http.StatusBadRequest, fails: `{"code":9005,"message":"Content is invalid"}`,
			}},
			want: "failed to create DNS record: Content is invalid (9005)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, err := connect(t, newAPI(t, test.calls...)).create(recordToken, recordInputs(test.change), 0)
			require.ErrorContains(t, err, test.want)
		})
	}
}

func TestRecord_Overwrite(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		name, lookedFor string
	}{
		"wildcard":                  {"*", "%2A.home.localhost"},
		"apex":                      {"@", "home.localhost"},
		"apex by the zone's name":   {"home.localhost", "home.localhost"},
		"name relative to the zone": {"photos", "photos.home.localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			patched := patch
			patched.sent = strings.Replace(patch.sent, `"name":"*"`, fmt.Sprintf(`"name":%q`, test.name), 1)
			api := newAPI(t, conflict, getZone, list(test.lookedFor, "r1"), patched, getNew)
			id, state, err := connect(t, api).create(recordToken,
				recordInputs(properties{"name": test.name, "content": newName}), 0)
			require.NoError(t, err)
			require.Equal(t, "r1", id)
			require.Equal(t, newName, plain(state, "content"))
		})
	}

	t.Run("not without leave, until the time is up", func(t *testing.T) {
		t.Parallel()
		again := conflict
		again.always = true
		api := newAPI(t, again)
		_, _, err := connect(t, api).create(recordToken, recordInputs(properties{"allowOverwrite": false}), 2)
		require.ErrorContains(t, err, "expected DNS record to not already be present but already exists")
		require.GreaterOrEqual(t, len(api.calls()), 2, "it is tried again")
	})
	t.Run("not another type, until the time is up", func(t *testing.T) {
		t.Parallel()
		began := time.Now()
		api := newAPI(t, conflict, getZone, list("%2A.home.localhost"), conflict, getZone,
			list("%2A.home.localhost"))
		_, _, err := connect(t, api).create(recordToken, recordInputs(), 1.2)
		require.ErrorContains(t, err, "attempted to override existing record however didn't find an exact match")
		require.Less(t, time.Since(began), 10*time.Second)
	})
	t.Run("update that fails, whose reason is lost", func(t *testing.T) {
		t.Parallel()
		refused := exchange{call: patch.call, status: http.StatusBadRequest, fails: `{"code":9005,"message":"no"}`}
		api := newAPI(t, conflict, getZone, list("%2A.home.localhost", "r1"), refused)
		_, _, err := connect(t, api).create(recordToken, recordInputs(), 0)
		require.ErrorContains(t, err, "failed to update record")
	})
}

func TestRecord_Check(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		change properties
		want   string
	}{
		"unknown type":      {properties{"type": "ALIAS"}, "expected type to be one of"},
		"nothing it holds":  {properties{"content": nil}, "content"},
		"content and value": {properties{"value": oldName}, "content"},
		"no zone":           {properties{"zoneId": nil}, "zone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, failures := connect(t, newAPI(t)).check(recordToken, recordInputs(test.change))
			require.NotEmpty(t, failures)
			require.Contains(t, failures[0].Property+" "+failures[0].Reason, test.want)
		})
	}
}

func TestRecord_Diff(t *testing.T) {
	t.Parallel()
	c := connect(t, newAPI(t, post, get))
	id, state, err := c.create(recordToken, recordInputs(), 0)
	require.NoError(t, err)

	for name, same := range map[string]properties{
		"unchanged": {}, "a dot more": {"content": oldName + "."}, "a priority, which means nothing": {"priority": 10},
	} {
		response := c.diff(recordToken, id, state, recordInputs(same))
		require.Equal(t, pulumirpc.DiffResponse_DIFF_NONE, response.Changes, name)
	}
	for key, value := range map[string]string{"zoneId": "z2", "name": "@", "type": "A"} {
		response := c.diff(recordToken, id, state, recordInputs(properties{key: value}))
		require.Equal(t, "UPDATE_REPLACE", change(response, key), key)
		require.True(t, response.DeleteBeforeReplace, key)
	}
	for key, value := range map[string]any{"content": newName, "comment": "other", "proxied": false} {
		response := c.diff(recordToken, id, state, recordInputs(properties{key: value}))
		require.Equal(t, "UPDATE", change(response, key), key)
		require.Empty(t, response.Replaces, key)
	}
}

func TestRecord_Update(t *testing.T) {
	t.Parallel()
	c := connect(t, newAPI(t, post, get, patch, getNew))
	id, state, err := c.create(recordToken, recordInputs(), 0)
	require.NoError(t, err)
	state, err = c.update(recordToken, id, state, recordInputs(properties{"content": newName}))
	require.NoError(t, err)
	require.Equal(t, newName, plain(state, "content"))
}

func TestRecord_Read(t *testing.T) {
	t.Parallel()
	gone := exchange{
		call: get.call, status: http.StatusNotFound, fails: `{"code":81044,"message":"Record does not exist."}`,
	}
	for name, test := range map[string]struct {
		answer            exchange
		wantID, wantValue string
	}{
		"unchanged":               {get, "r1", oldName},
		"changed behind its back": {getNew, "r1", newName},
		"gone":                    {gone, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, newAPI(t, post, get, test.answer))
			id, state, err := c.create(recordToken, recordInputs(), 0)
			require.NoError(t, err)
			id, state, err = c.read(recordToken, id, state)
			require.NoError(t, err)
			require.Equal(t, test.wantID, id)
			if id != "" {
				require.Equal(t, test.wantValue, plain(state, "content"))
			}
		})
	}
}

func TestRecord_Import(t *testing.T) {
	t.Parallel()
	api := newAPI(t, getZone, get, get, get)
	id, state, err := connect(t, api).read(recordToken, "z1/r1", nil)
	require.NoError(t, err)
	require.Equal(t, "r1", id)
	require.Equal(t, "z1", plain(state, "zoneId"))
	require.Equal(t, "*", plain(state, "name"))
	require.Nil(t, plain(state, "content"), "only what the program says is read")
}

func TestRecord_Delete(t *testing.T) {
	t.Parallel()
	const call = "DELETE /zones/z1/dns_records/r1"
	gone := exchange{call: call, status: http.StatusNotFound, fails: `{"code":81044,"message":"Record does not exist."}`}
	for name, test := range map[string]struct {
		answer exchange
		want   string
	}{
		"there":        {exchange{call: call, result: `{"id":"r1"}`}, ""},
		"gone already": {gone, "error deleting Cloudflare Record: Record does not exist. (81044)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connect(t, newAPI(t, post, get, test.answer))
			id, state, err := c.create(recordToken, recordInputs(), 0)
			require.NoError(t, err)
			err = c.delete(recordToken, id, state)
			if test.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.want)
		})
	}
}
