//go:build e2e

package e2e

import (
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
)

// endpoint is a call of Cloudflare's API, whatever the identifiers in its path are.
type endpoint struct{ method, path string }

func (e endpoint) String() string { return e.method + " " + e.path }

var identifiers = regexp.MustCompile(`/([0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27})(/|$)`)

func endpointOf(call api.Call) endpoint {
	path := call.Path
	for range 2 { // matches that touch don't overlap
		path = identifiers.ReplaceAllString(path, "/*$2")
	}
	return endpoint{call.Method, path}
}

// callMoment is the n-th call of an endpoint, from 0 on.
type callMoment struct {
	endpoint
	n int
}

func (c callMoment) String() string { return fmt.Sprintf("%s #%d", c.endpoint, c.n+1) }

// recording is what an undisturbed operation does.
type recording struct {
	took       time.Duration
	boundaries []boundary
	calls      []callMoment
}

// record runs an operation undisturbed.
func (s *subject) record(t *testing.T, o operation) recording {
	t.Helper()
	s.prepare(t, o)
	forgetCalls(t)
	r := s.start(t, o.args...)
	require.NoError(t, r.wait(t), "%s", &r.out)
	recorded := recording{took: r.took, boundaries: r.boundaries(t)}
	seen := map[endpoint]int{}
	for _, call := range calls(t) {
		e := endpointOf(call)
		recorded.calls = append(recorded.calls, callMoment{e, seen[e]})
		seen[e]++
	}
	t.Logf("%s takes %s, %d boundaries and %d calls:", o.name, r.took.Round(time.Millisecond), len(recorded.boundaries), len(recorded.calls))
	for _, b := range recorded.boundaries {
		t.Log("  ", b)
	}
	for _, c := range recorded.calls {
		t.Log("  ", c)
	}
	require.NoError(t, s.converged(t, o))
	return recorded
}

// usual is the part of a recording that matters most, for short runs that record nothing: where
// something has come into being, or has gone, of which Pulumi doesn't know yet. The deletion of a
// tunnel isn't among the calls: where its answer is lost, the provider leaves no way but the one in
// the table of problems in docs/troubleshooting.md.
var usual = map[string]recording{
	"create": {
		took:       10 * time.Second,
		boundaries: []boundary{{"after", "create", "edge-identity"}, {"after", "create", "edge-tunnel"}, {"before", "create", "edge-cloudflared"}},
		calls:      []callMoment{{listZones, 0}, {createTunnel, 0}, {createRecord, 0}, {createRecord, 1}},
	},
	"rotate": {
		took:       15 * time.Second,
		boundaries: []boundary{{"after", "create-replacement", "edge-tunnel"}, {"before", "create-replacement", "edge-cloudflared"}, {"before", "delete-replaced", "edge-cloudflared"}},
		calls:      []callMoment{{createTunnel, 0}, {updateRecord, 0}, {updateRecord, 1}, {deleteConnections, 0}},
	},
	"origin": {
		took:       15 * time.Second,
		boundaries: []boundary{{"after", "create-replacement", "edge-config"}, {"before", "create-replacement", "edge-cloudflared"}, {"before", "delete-replaced", "edge-cloudflared"}},
		calls:      []callMoment{{listZones, 0}, {readTunnel, 1}, {listRecords, 0}},
	},
	"destroy": {
		took:       10 * time.Second,
		boundaries: []boundary{{"after", "delete", "edge-apex"}, {"before", "delete", "edge-cloudflared"}, {"after", "delete", "edge-tunnel"}},
		calls:      []callMoment{{deleteRecord, 0}, {deleteRecord, 1}, {deleteConnections, 0}},
	},
}

var (
	listZones         = endpoint{"GET", "/zones"}
	readTunnel        = endpoint{"GET", "/accounts/*/cfd_tunnel/*"}
	listRecords       = endpoint{"GET", "/zones/*/dns_records"}
	createTunnel      = endpoint{"POST", "/accounts/*/cfd_tunnel"}
	deleteConnections = endpoint{"DELETE", "/accounts/*/cfd_tunnel/*/connections"}
	createRecord      = endpoint{"POST", "/zones/*/dns_records"}
	readRecord        = endpoint{"GET", "/zones/*/dns_records/*"}
	deleteOldTunnel   = endpoint{"DELETE", "/accounts/*/cfd_tunnel/*"}
	updateRecord      = endpoint{"PATCH", "/zones/*/dns_records/*"}
	deleteRecord      = endpoint{"DELETE", "/zones/*/dns_records/*"}
)
