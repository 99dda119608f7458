//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// TestLifecycle follows a stack from its first preview to its end.
func TestLifecycle(t *testing.T) {
	s := newStack(t, "lifecycle", nil)

	preview := s.mustPulumi(t, "preview")
	require.Contains(t, preview, "k8s-tunnel:index:CloudflareTunnel")
	require.Empty(t, live(t), "a preview creates nothing")

	s.up(t)
	answersApps(t)
	began := time.Now()
	namespace := s.output(t, "namespace")
	require.Equal(t, s.output(t, "tunnelId")+".cfargotunnel.com", s.output(t, "tunnelCname"))
	requirePods(t, namespace, 2)
	requireConnectors(t, s.output(t, "tunnelId"), 2)

	t.Run("a second up changes nothing and only looks", func(t *testing.T) {
		forgetCalls(t)
		s.up(t, "--expect-no-changes")
		for _, call := range calls(t) {
			require.Equal(t, "GET", call.Method, call.Path)
		}
		require.Len(t, calls(t), 8, "the program asks for zone, tunnel and two names, the refresh for tunnel, token and two records: at four calls a second, each costs a quarter of one")
	})
	t.Run("a preview and a refresh find nothing", func(t *testing.T) {
		s.mustPulumi(t, "preview", "--expect-no-changes")
		s.mustPulumi(t, "refresh", "--yes", "--skip-preview", "--expect-no-changes")
	})
	t.Run("nothing secret is printed or exported in plain text", func(t *testing.T) {
		out := s.mustPulumi(t, "stack", "output", "--json")
		require.NotContains(t, out, state.SeedToken)
		export := s.mustPulumi(t, "stack", "export")
		require.NotContains(t, export, state.SeedToken)
		require.NotContains(t, export, "TunnelSecret")
	})
	t.Run("a second stack beside it disturbs nothing", func(t *testing.T) {
		second := newStack(t, "second", map[string]string{"domain": state.LabZoneName, "origin": "http://hello.apps", "replicas": "1"})
		second.up(t)
		status, _ := get(t, state.LabZoneName, "/")
		require.Equal(t, 200, status)
		status, _ = get(t, "any."+state.LabZoneName, "/")
		require.Equal(t, 200, status)
		answersApps(t)
		second.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		answersApps(t)
		s.mustPulumi(t, "preview", "--expect-no-changes")
	})
	t.Run("the pods are ready and were never restarted", func(t *testing.T) {
		time.Sleep(time.Until(began.Add(2 * time.Minute)))
		requirePods(t, namespace, 2)
	})
	t.Run("destroy leaves nothing", func(t *testing.T) {
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.Empty(t, live(t))
		require.Empty(t, currentState(t).Records)
		require.NotContains(t, kubectl(t, "get", "namespaces", "-o", "name"), namespace)
		status, body := get(t, state.HomeZoneName, "/")
		require.Equal(t, 530, status)
		require.Contains(t, body, "1016")
	})
}

// answersApps asks both apps through the front: one at the zone's apex, one
// below its wildcard.
func answersApps(t *testing.T) {
	t.Helper()
	for _, host := range testWorld.AppHosts() {
		status, body := get(t, host, "/api/info")
		require.Equal(t, 200, status, "%s: %s", host, body)
	}
}

func currentState(t *testing.T) control.State {
	t.Helper()
	state, err := testWorld.Control().State(context.Background())
	require.NoError(t, err)
	return state
}

// live lists the tunnels that exist.
func live(t *testing.T) []control.Tunnel {
	t.Helper()
	return currentState(t).Live()
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

// requirePods demands that many connectors in a namespace, all ready and none
// ever restarted.
func requirePods(t *testing.T, namespace string, want int) {
	t.Helper()
	var pods struct {
		Items []struct {
			Metadata struct{ Name string }
			Status   struct {
				ContainerStatuses []struct {
					Ready        bool
					RestartCount int
				}
			}
		}
	}
	kubectlJSON(t, &pods, "-n", namespace, "get", "pods")
	require.Len(t, pods.Items, want)
	for _, pod := range pods.Items {
		for _, c := range pod.Status.ContainerStatuses {
			require.True(t, c.Ready, pod.Metadata.Name)
			require.Zero(t, c.RestartCount, pod.Metadata.Name)
		}
	}
}

// requireConnectors demands that the edge sees that many connectors with four
// connections each.
func requireConnectors(t *testing.T, tunnelID string, want int) {
	t.Helper()
	eventually(t, 30*time.Second, "connectors with four connections each", func() bool {
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

// TestSettings gives bad settings and expects an error that names them, before
// anything exists.
func TestSettings(t *testing.T) {
	foreign, err := testWorld.Control().AddAccount(context.Background(), state.Account{Name: "Twin"})
	require.NoError(t, err)
	twin := func() {
		for _, account := range []string{state.SeedAccountID, foreign.ID} {
			_, err := testWorld.Control().AddZone(context.Background(), state.Zone{Name: "twin.localhost", AccountID: account})
			require.NoError(t, err)
		}
		_, err = testWorld.Control().AddToken(context.Background(), state.Token{
			Value: strings.Repeat("b", 40), Name: "both accounts",
			Grants: []state.Grant{
				{Resource: state.SeedAccountID, Rights: []state.Right{state.TunnelEdit, state.ZoneRead, state.DNSEdit}},
				{Resource: foreign.ID, Rights: []state.Right{state.TunnelEdit, state.ZoneRead, state.DNSEdit}},
			},
		})
		require.NoError(t, err)
	}
	twin()
	for _, test := range []struct {
		name     string
		settings map[string]string
		want     []string
	}{
		{"no domain and no token", map[string]string{"domain": "", "cloudflare:apiToken": ""}, []string{"domain: not set", "cloudflare:apiToken: not set"}},
		{"wrong token", map[string]string{"cloudflare:apiToken": strings.Repeat("x", 40)}, []string{"cloudflare:apiToken: Cloudflare refuses the token"}},
		{"unknown domain", map[string]string{"domain": "example.com"}, []string{"domain: the token sees no zone named example.com", "Zone / Zone / Read"}},
		{"domain of two accounts", map[string]string{"domain": "twin.localhost", "cloudflare:apiToken": strings.Repeat("b", 40)}, []string{"domain: the token sees several zones", "accountId"}},
		{"bad origin and too many replicas", map[string]string{"origin": "web:80", "replicas": "25"}, []string{`origin: "web:80" has no scheme`, "replicas: 25 is too many"}},
		{"namespace that doesn't exist", map[string]string{"namespace": "nowhere"}, []string{"nowhere"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newStack(t, "settings-"+strings.ReplaceAll(strings.ReplaceAll(test.name, " ", "-"), "'", ""), test.settings)
			for _, command := range [][]string{{"preview"}, {"up", "--yes", "--skip-preview"}} {
				out, err := s.pulumi(command...)
				require.Error(t, err, out)
				for _, want := range test.want {
					require.Contains(t, out, want)
				}
			}
			require.Empty(t, live(t))
			require.Empty(t, currentState(t).Records)
		})
	}
}
