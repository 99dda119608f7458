package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

func TestAPI_BatchRecords(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	address := createRecord(w, object{"type": "A", "name": "www", "content": "192.0.2.1", "proxied": true})
	text := createRecord(w, object{"type": "TXT", "name": "t", "content": "before", "comment": "mine"})
	mail := createRecord(w, object{"type": "MX", "name": "@", "content": "mail.example", "priority": 10, "comment": "mine"})
	other := createRecord(w, object{"type": "A", "name": "other", "content": "192.0.2.2"})

	// Records that are created last take the places of those that are deleted first.
	out := get[map[string][]object](w, "POST", recordsPath+"/batch", object{
		"posts":   []object{{"type": "CNAME", "name": "www", "content": "x.cfargotunnel.com", "proxied": true}, {"type": "A", "name": "b", "content": "192.0.2.3"}},
		"puts":    []object{{"id": mail, "type": "MX", "name": "@", "content": "other.example", "priority": 20}},
		"patches": []object{{"id": text, "content": "after"}},
		"deletes": []object{{"id": address}},
	})
	require.Len(t, out, 4)
	require.Equal(t, address, out["deletes"][0]["id"])
	require.Equal(t, []any{"after", "mine"}, []any{out["patches"][0]["content"], out["patches"][0]["comment"]})
	require.Equal(t, []any{"other.example", nil}, []any{out["puts"][0]["content"], out["puts"][0]["comment"]})
	require.Len(t, out["posts"], 2)
	require.Len(t, w.store.Records(state.HomeZoneID), 5)
	require.Equal(t, out["posts"][0], get[object](w, "GET", recordsPath+"/"+out["posts"][0]["id"].(string), nil))
	found, ok := w.store.Lookup("www." + state.HomeZoneName)
	require.True(t, ok)
	require.Equal(t, "CNAME", found.Type)

	// All are made, or none.
	before := w.store.Records(state.HomeZoneID)
	for name, c := range map[string]struct {
		body object
		code int
	}{
		"a record that is in the way": {object{"posts": []object{{"type": "CNAME", "name": "b", "content": "x.example"}}}, 81053},
		"two that exclude each other": {object{"posts": []object{{"type": "A", "name": "c", "content": "192.0.2.3"}, {"type": "CNAME", "name": "c", "content": "x.example"}}}, 81053},
		"no record":                   {object{"patches": []object{{"id": address, "content": "x"}}}, 81044},
		"another type":                {object{"puts": []object{{"id": text, "type": "A", "name": "t", "content": "192.0.2.3"}}}, 1004},
		"a wrong field":               {object{"posts": []object{{"type": "A", "name": "c", "content": "nothing"}}}, 9005},
		"no list":                     {object{"posts": "x"}, 9207},
	} {
		t.Run(name, func(t *testing.T) {
			c.body["deletes"] = []object{{"id": other}}
			refused := w.do("POST", recordsPath+"/batch", c.body)
			require.Equal(t, c.code, refused.code(), refused.Errors)
			require.Equal(t, before, w.store.Records(state.HomeZoneID))
		})
	}

	// What is deleted makes room.
	zone, _ := w.store.Zone(state.HomeZoneID)
	zone.RecordQuota = len(before)
	_, err := w.store.PutZone(zone)
	require.NoError(t, err)
	another := []object{{"type": "A", "name": "c", "content": "192.0.2.3"}}
	require.Equal(t, 81045, w.do("POST", recordsPath+"/batch", object{"posts": another}).code())
	require.Equal(t, 200, w.do("POST", recordsPath+"/batch", object{"posts": another, "deletes": []object{{"id": other}}}).Status)
}
