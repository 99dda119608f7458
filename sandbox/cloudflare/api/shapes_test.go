package api_test

import (
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// The shapes of answers: which fields there are, what they hold, and where null is. Those
// about tunnels are as recorded from the original in September 2026, less the field
// that it announced to drop in October; those about zones and records are as documented.
var (
	tunnelShape = object{
		"id": "uuid", "account_tag": "id", "created_at": "time", "deleted_at": "null", "name": "text",
		"conns_active_at": "null", "conns_inactive_at": "time", "tun_type": "text", "metadata": object{},
		"status": "text", "remote_config": "bool", "config_src": "text",
	}
	newTunnelShape = with(tunnelShape, object{
		"credentials_file": object{"AccountTag": "id", "TunnelID": "uuid", "TunnelName": "text", "TunnelSecret": "text"},
		"token":            "text",
	})
	connectedShape = with(tunnelShape, object{"conns_active_at": "time", "conns_inactive_at": "null"})
	deletedShape   = without(with(tunnelShape, object{"deleted_at": "time"}), "config_src")
	connectorShape = object{
		"id": "uuid", "features": []any{"text"}, "version": "text", "arch": "text", "run_at": "time", "ha_status": "null",
		"conns": []any{object{
			"colo_name": "text", "uuid": "uuid", "id": "uuid", "is_pending_reconnect": "bool", "origin_ip": "text",
			"opened_at": "time", "client_id": "uuid", "client_version": "text",
		}},
	}
	recordShape = object{
		"id": "id", "name": "text", "type": "text", "content": "text", "proxiable": "bool", "proxied": "bool", "ttl": "number",
		"settings": object{}, "meta": object{}, "comment": "null", "tags": []any{}, "created_on": "time", "modified_on": "time",
	}
	zoneShape = object{
		"id": "id", "name": "text", "status": "text", "paused": "bool", "type": "text", "development_mode": "number",
		"name_servers": []any{"text"}, "created_on": "time", "modified_on": "time", "activated_on": "time",
		"meta":        object{"step": "number", "page_rule_quota": "number", "phishing_detected": "bool"},
		"owner":       object{"id": "null", "type": "text", "email": "null"},
		"account":     object{"id": "id", "name": "text"},
		"permissions": []any{"text"},
		"plan":        object{"id": "id", "name": "text", "legacy_id": "text", "currency": "text", "price": "number"},
	}
	tunnelPage = object{"page": "number", "per_page": "number", "count": "number", "total_count": "number"}
	otherPage  = with(tunnelPage, object{"total_pages": "number"})
)

// with is an object with some fields more, or other ones.
func with(o, more object) object {
	out := object{}
	for _, fields := range []object{o, more} {
		for key, value := range fields {
			out[key] = value
		}
	}
	return out
}

func without(o object, key string) object {
	out := with(o, nil)
	delete(out, key)
	return out
}

// answered is the shape of an envelope, with result_info if there is a page.
func answered(result any, page object) object {
	out := object{"success": "bool", "errors": []any{}, "messages": []any{}, "result": result}
	if page != nil {
		out["result_info"] = page
	}
	return out
}

func refused() object {
	return with(answered("null", nil), object{"errors": []any{object{"code": "number", "message": "text"}}})
}

var (
	idShape = regexp.MustCompile(`^[0-9a-f]{32}$`)
	// timeShape is to the microsecond, less trailing zeros.
	timeShape = regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z$`)
)

// shape replaces the values in decoded JSON by what they are, and the elements of an
// array by their different shapes.
func shape(v any) any {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return "bool"
	case float64:
		return "number"
	case []any:
		out := []any{}
		for _, element := range v {
			s := shape(element)
			if !slices.ContainsFunc(out, func(known any) bool { return reflect.DeepEqual(known, s) }) {
				out = append(out, s)
			}
		}
		return out
	case map[string]any:
		out := object{}
		for key, value := range v {
			out[key] = shape(value)
		}
		return out
	case string:
		switch {
		case idShape.MatchString(v):
			return "id"
		case timeShape.MatchString(v):
			return "time"
		case len(v) == 36 && uuid.Validate(v) == nil:
			return "uuid"
		}
	}
	return "text"
}

func TestAPI_Shapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	idle, _ := createTunnel(w, "idle")
	connected, id := createTunnel(w, "connected")
	client := uuid.NewString()
	for range 4 {
		w.connectors.add(connection(id, client, time.Now().UTC().Truncate(time.Microsecond)))
	}
	left, leftID := createTunnel(w, "left")
	require.NoError(t, w.store.NoteConnections(uuid.MustParse(leftID), true, time.Now().UTC().Truncate(time.Microsecond)))
	require.NoError(t, w.store.NoteConnections(uuid.MustParse(leftID), false, time.Now().UTC().Truncate(time.Microsecond)))
	deleted, _ := createTunnel(w, "deleted")
	w.do("DELETE", deleted, nil)
	doomed, _ := createTunnel(w, "doomed")
	cname := object{"type": "CNAME", "name": "x", "content": "x.example", "proxied": true}
	record := recordsPath + "/" + createRecord(w, with(cname, object{"name": "y", "comment": "mine"}))
	commented := with(recordShape, object{"comment": "text"})

	for _, c := range []struct {
		name, method, path string
		body               any
		want               object
	}{
		{"a new tunnel", "POST", tunnelsPath, object{"name": "new"}, answered(newTunnelShape, nil)},
		{"a tunnel that was never connected", "GET", idle, nil, answered(tunnelShape, nil)},
		{"a connected tunnel", "GET", connected, nil, answered(connectedShape, nil)},
		{"a tunnel that has lost its connections", "GET", left, nil, answered(tunnelShape, nil)},
		{"a deleted tunnel", "GET", deleted, nil, answered(deletedShape, nil)},
		{"a tunnel's deletion", "DELETE", doomed, nil, answered(deletedShape, nil)},
		{"a refused deletion", "DELETE", connected, nil, refused()},
		{"a tunnel's token", "GET", idle + "/token", nil, answered("text", nil)},
		{"a tunnel's connections", "GET", connected + "/connections", nil, answered([]any{connectorShape}, nil)},
		{"no connections", "GET", idle + "/connections", nil, answered([]any{}, nil)},
		{"cleaned-up connections", "DELETE", idle + "/connections", nil, answered("null", nil)},
		{"tunnels", "GET", tunnelsPath + "?name=idle", nil, answered([]any{tunnelShape}, tunnelPage)},
		{"no tunnels", "GET", tunnelsPath + "?name=none&is_deleted=false", nil, answered([]any{}, tunnelPage)},
		{"a new record", "POST", recordsPath, cname, answered(recordShape, nil)},
		{"a record", "GET", record, nil, answered(commented, nil)},
		{"a changed record", "PATCH", record, object{"ttl": 1}, answered(commented, nil)},
		{"records", "GET", recordsPath + "?name=y.home.localhost", nil, answered([]any{commented}, otherPage)},
		{"a record that exists already", "POST", recordsPath, cname, refused()},
		{"a record's deletion", "DELETE", record, nil, answered(object{"id": "id"}, nil)},
		{"zones", "GET", "/zones", nil, answered([]any{zoneShape}, otherPage)},
		{"a zone", "GET", zonePath, nil, answered(zoneShape, nil)},
	} {
		var got any
		require.NoError(t, json.Unmarshal(w.do(c.method, c.path, c.body).Raw, &got))
		require.Equal(t, any(c.want), shape(got), c.name)
	}
}
