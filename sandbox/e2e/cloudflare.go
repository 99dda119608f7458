//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/wait"
)

func currentState(t *testing.T) control.State {
	t.Helper()
	state, err := testWorld.Control().State(context.Background())
	require.NoError(t, err)
	return state
}

// live lists the tunnels that aren't deleted.
func live(t *testing.T) []control.Tunnel {
	t.Helper()
	return currentState(t).Live()
}

// requireConnectors requires that a tunnel has exactly that many connectors, with four connections
// each.
func requireConnectors(t *testing.T, tunnelID string, want int) {
	t.Helper()
	wait.Until(t, 30*time.Second, "connectors with four connections each", func() bool {
		for _, tunnel := range live(t) {
			if tunnel.ID.String() == tunnelID {
				clients := map[string]int{}
				for _, c := range tunnel.Connections {
					clients[c.ClientID.String()]++
				}
				return len(clients) == want && len(tunnel.Connections) == 4*want
			}
		}
		return false
	})
}

func forgetCalls(t *testing.T) {
	t.Helper()
	require.NoError(t, testWorld.Control().ForgetCalls(context.Background()))
}

func calls(t *testing.T) []api.Call {
	t.Helper()
	calls, err := testWorld.Control().Calls(context.Background())
	require.NoError(t, err)
	return calls
}

// requireOnlyReads requires that every API call since forgetCalls was a read.
func requireOnlyReads(t *testing.T) {
	t.Helper()
	for _, call := range calls(t) {
		require.Equal(t, http.MethodGet, call.Method, call.Path)
	}
}

// records returns what each record points at, by its name.
func records(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, record := range currentState(t).Records {
		all[record.Name] = record.Content
	}
	return all
}

func deleteRecords(t *testing.T) {
	t.Helper()
	for _, record := range currentState(t).Records {
		require.NoError(t, testWorld.DeleteAtCloudflare(t.Context(), "/zones/"+record.ZoneID+"/dns_records/"+record.ID))
	}
	require.Empty(t, currentState(t).Records)
}
