package api_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

const (
	accountPath = "/accounts/" + state.SeedAccountID
	tunnelsPath = accountPath + "/cfd_tunnel"
	zonePath    = "/zones/" + state.HomeZoneID
	recordsPath = zonePath + "/dns_records"
)

// connectors stands in for the edge, with connections that the test makes up.
type connectors struct {
	mu    sync.Mutex
	table map[uuid.UUID][]state.Connection
}

func (c *connectors) Connections(tunnel uuid.UUID) []state.Connection {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.table[tunnel]
}

func (c *connectors) Disconnect(tunnel uuid.UUID, client *uuid.UUID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var left []state.Connection
	for _, connection := range c.table[tunnel] {
		if client != nil && connection.ClientID != *client {
			left = append(left, connection)
		}
	}
	c.table[tunnel] = left
}

func (c *connectors) add(connections ...state.Connection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, connection := range connections {
		c.table[connection.TunnelID] = append(c.table[connection.TunnelID], connection)
	}
}

// world is an API with a fresh store behind a real HTTP server.
type world struct {
	t          *testing.T
	api        *api.API
	store      *state.Store
	connectors *connectors
	url        string
	token      string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	store, err := state.Open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, store.Close()) })
	require.NoError(t, store.Seed())
	w := &world{t: t, store: store, connectors: &connectors{table: map[uuid.UUID][]state.Connection{}}, token: state.SeedToken}
	w.api = api.New(api.Config{Store: store, Connectors: w.connectors})
	server := httptest.NewServer(w.api)
	t.Cleanup(server.Close)
	w.url = server.URL + api.BasePath
	return w
}

// as returns the same world, used with another token.
func (w world) as(grants ...state.Grant) *world {
	w.t.Helper()
	w.token = rand.Text() + rand.Text() // sub-tests that run side by side each need their own
	_, err := w.store.PutToken(state.Token{Value: w.token, Name: "other", Grants: grants})
	require.NoError(w.t, err)
	return &w
}

// answer is an envelope as a client reads it.
type answer struct {
	Status   int
	Header   http.Header
	Raw      []byte
	Success  bool            `json:"success"`
	Errors   []api.Message   `json:"errors"`
	Messages []api.Message   `json:"messages"`
	Result   json.RawMessage `json:"result"`
	Info     *struct {
		Page       int `json:"page"`
		PerPage    int `json:"per_page"`
		Count      int `json:"count"`
		TotalCount int `json:"total_count"`
		TotalPages int `json:"total_pages"`
	} `json:"result_info"`
}

// code is the answer's first error code, or 0.
func (a answer) code() int {
	if len(a.Errors) == 0 {
		return 0
	}
	return a.Errors[0].Code
}

func (w *world) do(method, path string, body any) answer {
	w.t.Helper()
	return w.send(method, path, body, http.Header{"Authorization": {"Bearer " + w.token}})
}

func (w *world) send(method, path string, body any, header http.Header) answer {
	w.t.Helper()
	var reader io.Reader
	switch body := body.(type) {
	case nil:
	case string:
		reader = bytes.NewBufferString(body)
	default:
		data, err := json.Marshal(body)
		require.NoError(w.t, err)
		reader = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, reader)
	require.NoError(w.t, err)
	req.Header = header
	resp, err := http.DefaultClient.Do(req)
	require.NoError(w.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(w.t, err)
	a := answer{Status: resp.StatusCode, Header: resp.Header, Raw: data}
	require.NoError(w.t, json.Unmarshal(data, &a), "%s", data)
	require.Equal(w.t, "application/json", resp.Header.Get("Content-Type"))
	require.Equal(w.t, a.Status < 400, a.Success)
	require.Equal(w.t, a.Success, len(a.Errors) == 0)
	return a
}

// get decodes the result of a call that must succeed.
func get[T any](w *world, method, path string, body any) T {
	w.t.Helper()
	a := w.do(method, path, body)
	require.Equal(w.t, http.StatusOK, a.Status, "%v", a.Errors)
	var out T
	require.NoError(w.t, json.Unmarshal(a.Result, &out))
	return out
}

type object = map[string]any

// field returns the values of a field in a list of objects.
func field(list []object, key string) []any {
	out := []any{}
	for _, o := range list {
		out = append(out, o[key])
	}
	return out
}
