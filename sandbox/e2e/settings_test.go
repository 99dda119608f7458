//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// TestSettings requires that each bad setting is an error that names it, before anything is
// created.
func TestSettings(t *testing.T) {
	share(t)
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
				{Resource: state.SeedAccountID, Permissions: []state.Permission{state.TunnelEdit, state.ZoneRead, state.DNSEdit}},
				{Resource: foreign.ID, Permissions: []state.Permission{state.TunnelEdit, state.ZoneRead, state.DNSEdit}},
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
		{"wrong token", map[string]string{"cloudflare:apiToken": strings.Repeat("x", 40)}, []string{"cloudflare:apiToken: Cloudflare refuses the API token"}},
		{"unknown domain", map[string]string{"domain": "example.com"}, []string{"domain: the token sees no zone that example.com lies in", "Zone / Zone / Read"}},
		{"domain of two accounts", map[string]string{"domain": "twin.localhost", "cloudflare:apiToken": strings.Repeat("b", 40)}, []string{"domain: the token sees several zones", "accountId"}},
		{"bad origin and too many replicas", map[string]string{"origin": "web:80", "replicas": "25"}, []string{`origin: "web:80" has no scheme`, "replicas: 25 is too many"}},
		{
			"host outside of the cluster",
			map[string]string{"origin": "http://homeassistant.local:8123"},
			[]string{"origin: homeassistant.local is looked up as the Service homeassistant in namespace local", "{host: homeassistant.local, to:", "resource 'local/homeassistant' does not exist"},
		},
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

// TestSettings_Types requires that the program hears of values of a wrong type, and reports all of
// them at once. One that is null counts as unset.
func TestSettings_Types(t *testing.T) {
	share(t)
	s := newStack(t, "settings-types", nil)
	defer s.settings(t, `
config:
  k8s-tunnel:replicas: two
  k8s-tunnel:protect: yes
  k8s-tunnel:hostnames: photos.localhost
  k8s-tunnel:originRequest: [none]
  k8s-tunnel:ingress: null
  k8s-tunnel:rotation: ~
  kubernetes:context: null
`)()
	out := s.failingPulumi(t, "preview")
	for _, want := range []string{
		`replicas: "two" is not a whole number above 0`,
		`protect: "yes" is neither true nor false`,
		`hostnames: "photos.localhost" is not a list`,
		`originRequest: ["none"] is not an object`,
	} {
		require.Contains(t, out, want)
	}
	for _, unset := range []string{"ingress: ", "rotation: ", "kubernetes:context: "} {
		require.NotContains(t, out, unset)
	}
}
