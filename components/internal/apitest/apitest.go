// Package apitest is a stand-in for Cloudflare's API in tests. It answers the calls
// of package preflight, over HTTPS like the real one.
package apitest

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// Main runs a package's tests. The process trusts the certificates of all APIs by
// SSL_CERT_FILE, which is the program's only way and is read once.
//
// The functions run before the tests.
func Main(m *testing.M, before ...func()) {
	code, err := run(m, before)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M, before []func()) (code int, err error) {
	directory, err := os.MkdirTemp("", "apitest")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(directory)) }()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	bundle := filepath.Join(directory, "ca.pem")
	block := pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}
	server.Close()
	if err := errors.Join(os.WriteFile(bundle, pem.EncodeToMemory(&block), 0o600), os.Setenv("SSL_CERT_FILE", bundle)); err != nil {
		return 0, err
	}
	for _, f := range before {
		f()
	}
	return m.Run(), nil
}

// API is what Cloudflare knows. Set the fields before the first call.
type API struct {
	Zones   []Zone
	Records []Record
	Tunnels []Tunnel
	// FailRecords is the ID of a zone whose records can't be listed.
	FailRecords string
	// FailChanges says that records can't be changed.
	FailChanges bool
	// RefuseTunnels says that the token has no permission for tunnels.
	RefuseTunnels bool
	// Refusal is the code of the error with which all calls are refused, unless it
	// is 0.
	Refusal int

	server *httptest.Server
	mu     sync.Mutex
	calls  []string
}

// Zone is a zone as the API describes it.
type Zone struct {
	ID      string            `json:"id"`
	Name    string            `json:"name"`
	Account map[string]string `json:"account"`
	Status  string            `json:"status"`
	Type    string            `json:"type,omitempty"`
	Paused  bool              `json:"paused"`
	// Meta may say phishing_detected.
	Meta map[string]any `json:"meta,omitempty"`
	// Plan has the plan's legacy_id.
	Plan      map[string]string `json:"plan,omitempty"`
	CreatedOn time.Time         `json:"created_on,omitzero"`
}

// NewZone returns a zone of an account.
func NewZone(id, name, account string) Zone {
	return Zone{ID: id, Name: name, Account: map[string]string{"id": account}, Status: "active"}
}

// Record is a DNS record as the API describes it. Zone is the zone's ID.
type Record struct {
	Zone    string `json:"-"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	Type    string `json:"type"`
	Content string `json:"content"`
	Comment string `json:"comment,omitempty"`
	Proxied *bool  `json:"proxied,omitempty"`
	// ModifiedOn is when it was last changed.
	ModifiedOn time.Time `json:"modified_on,omitzero"`
	// Meta may say that the record is read_only.
	Meta map[string]any `json:"meta,omitempty"`
}

// Tunnel is a tunnel as the API describes it.
type Tunnel struct {
	Account   string    `json:"-"`
	ID        string    `json:"id"`
	Name      string    `json:"name"`
	CreatedAt time.Time `json:"created_at,omitzero"`
	DeletedAt *string   `json:"deleted_at"`
	// Status is inactive until a connector has served the tunnel.
	Status string `json:"status,omitempty"`
	// RemoteConfig is set if the configuration is kept at Cloudflare.
	RemoteConfig bool `json:"remote_config"`
	// ConfigSrc is local or cloudflare.
	ConfigSrc string `json:"config_src,omitempty"`
	// Connectors is the number of connectors that serve the tunnel.
	Connectors int `json:"-"`
}

// New starts an API, which stops with the test.
func New(t testing.TB, zones ...Zone) *API {
	t.Helper()
	api := Start(zones...)
	t.Cleanup(api.server.Close)
	return api
}

// Start starts an API that runs until the process ends, for all tests of a package.
func Start(zones ...Zone) *API {
	api := &API{Zones: zones}
	api.server = httptest.NewTLSServer(api)
	return api
}

// Hostname is what apiHostname has to be set to.
func (a *API) Hostname() string { return strings.TrimPrefix(a.server.URL, "https://") }

// Calls lists all calls in their order, as method, path and query.
func (a *API) Calls() []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.calls)
}

func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	a.calls = append(a.calls, r.Method+" "+strings.TrimPrefix(r.URL.RequestURI(), "/client/v4"))
	a.mu.Unlock()
	path := strings.Split(strings.TrimPrefix(r.URL.Path, "/client/v4/"), "/")
	query := r.URL.Query()
	switch {
	case a.Refusal != 0:
		status := http.StatusForbidden
		if a.Refusal == 6003 {
			status = http.StatusBadRequest
		}
		fail(w, status, a.Refusal, "refused by the test")
	case len(path) == 1: // zones
		list(w, a.Zones, func(z Zone) bool {
			account := query.Get("account.id")
			return account == "" || z.Account["id"] == account
		})
	case len(path) == 2: // zones/<zone>
		if !slices.ContainsFunc(a.Zones, func(z Zone) bool { return z.ID == path[1] }) {
			fail(w, http.StatusForbidden, 9109, "Invalid zone identifier")
			return
		}
		one(w, a.Zones, func(z Zone) bool { return z.ID == path[1] })
	case path[2] == "dns_records" && path[1] == a.FailRecords:
		fail(w, http.StatusForbidden, 10000, "Authentication error")
	case path[2] == "dns_records" && r.Method == http.MethodPatch: // zones/<zone>/dns_records/<record>
		a.change(w, r, path[3])
	case path[2] == "dns_records" && len(path) == 4: // zones/<zone>/dns_records/<record>
		one(w, a.records(), func(r Record) bool { return r.Zone == path[1] && r.ID == path[3] })
	case path[2] == "dns_records": // zones/<zone>/dns_records
		records := slices.DeleteFunc(slices.Clone(a.Records), func(r Record) bool { return r.Zone != path[1] })
		page, _ := strconv.Atoi(query.Get("page"))
		length, _ := strconv.Atoi(query.Get("per_page"))
		first := min(max(page-1, 0)*length, len(records))
		list(w, records[first:min(first+length, len(records))], func(Record) bool { return true })
	case path[2] == "cfd_tunnel" && a.RefuseTunnels:
		fail(w, http.StatusForbidden, 10000, "Authentication error")
	case path[2] == "cfd_tunnel" && len(path) == 3: // accounts/<account>/cfd_tunnel
		list(w, a.tunnels(), func(t Tunnel) bool {
			return t.Account == path[1] && t.DeletedAt == nil && (t.Name == query.Get("name") || !query.Has("name"))
		})
	case path[2] == "cfd_tunnel" && len(path) == 5: // accounts/<account>/cfd_tunnel/<tunnel>/connections
		connectors := 0
		for _, t := range a.tunnels() {
			if t.ID == path[3] {
				connectors = t.Connectors
			}
		}
		answer(w, http.StatusOK, map[string]any{"success": true, "result": make([]struct{}, connectors)})
	case path[2] == "cfd_tunnel" && r.Method == http.MethodDelete: // accounts/<account>/cfd_tunnel/<tunnel>
		match := func(t Tunnel) bool { return t.ID == path[3] }
		one(w, a.tunnels(), match)
		a.mu.Lock()
		a.Tunnels = slices.DeleteFunc(a.Tunnels, match)
		a.mu.Unlock()
	case path[2] == "cfd_tunnel" && len(path) == 4: // accounts/<account>/cfd_tunnel/<tunnel>
		one(w, a.tunnels(), func(t Tunnel) bool { return t.Account == path[1] && t.ID == path[3] })
	default:
		fail(w, http.StatusBadRequest, 7003, "Could not route")
	}
}

// change changes a record.
func (a *API) change(w http.ResponseWriter, r *http.Request, id string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := slices.IndexFunc(a.Records, func(record Record) bool { return record.ID == id })
	switch {
	case i < 0:
		fail(w, http.StatusNotFound, 81044, "Record does not exist.")
	case a.FailChanges:
		fail(w, http.StatusBadRequest, 9207, "Request body is invalid.")
	case json.NewDecoder(r.Body).Decode(&a.Records[i]) == nil:
		answer(w, http.StatusOK, map[string]any{"success": true, "result": a.Records[i]})
	}
}

func (a *API) records() []Record {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.Records)
}

func (a *API) tunnels() []Tunnel {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.Tunnels)
}

func list[T any](w http.ResponseWriter, all []T, match func(T) bool) {
	found := []T{}
	for _, item := range all {
		if match(item) {
			found = append(found, item)
		}
	}
	answer(w, http.StatusOK, map[string]any{
		"success": true, "result": found,
		"result_info": map[string]int{"page": 1, "per_page": 100, "count": len(found), "total_count": len(found), "total_pages": 1},
	})
}

func one[T any](w http.ResponseWriter, all []T, match func(T) bool) {
	if i := slices.IndexFunc(all, match); i >= 0 {
		answer(w, http.StatusOK, map[string]any{"success": true, "result": all[i]})
		return
	}
	fail(w, http.StatusNotFound, 1003, "Tunnel not found")
}

func fail(w http.ResponseWriter, status, code int, message string) {
	answer(w, status, map[string]any{"errors": []any{map[string]any{"code": code, "message": message}}})
}

func answer(w http.ResponseWriter, status int, envelope map[string]any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(envelope)
}
