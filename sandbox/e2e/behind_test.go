//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/load"
	"k8s-tunnel/sandbox/wait"
)

func deleteTunnel(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, testWorld.DeleteAtCloudflare(t.Context(), "/accounts/"+state.SeedAccountID+"/cfd_tunnel/"+id+"?cascade=true"))
	require.Empty(t, live(t))
}

// requireGone requires that nothing of the test's stack is left.
func requireGone(t *testing.T, namespace string) {
	t.Helper()
	require.Empty(t, live(t))
	require.Empty(t, currentState(t).Records)
	require.NotContains(t, kubectl(t, "get", "namespaces", "-o", "name"), namespace)
}

// TestBehindItsBack deletes a stack's records and its tunnel at Cloudflare, as another client of
// the API could.
func TestBehindItsBack(t *testing.T) {
	share(t)
	s := newStack(t, "behind", map[string]string{"replicas": "1"})
	s.up(t)
	requireApps(t)
	namespace := s.output(t, "namespace")

	t.Run("the next up creates deleted records again", func(t *testing.T) {
		deleteRecords(t)
		s.up(t)
		requireApps(t)
		s.up(t, "--expect-no-changes")
	})
	t.Run("the next up changes records back", func(t *testing.T) {
		for _, refresh := range []string{"--refresh=true", "--refresh=false"} {
			for _, change := range []string{`{"name":"renamed"}`, `{"content":"elsewhere.example.org"}`, `{"proxied":false}`, `{"comment":""}`} {
				before := currentState(t).Records
				for _, record := range before {
					if change == `{"name":"renamed"}` && record.Name == "*."+state.HomeZoneName {
						continue // one record only can have that name
					}
					require.NoError(t, testWorld.ChangeAtCloudflare(t.Context(), "/zones/"+record.ZoneID+"/dns_records/"+record.ID, change))
				}
				s.up(t, refresh)
				after := currentState(t).Records
				for i := range after {
					after[i].ModifiedOn, after[i].Tags = before[i].ModifiedOn, before[i].Tags
				}
				require.Equal(t, before, after, "%s %s", refresh, change)
				requireApps(t)
			}
		}
		s.up(t, "--expect-no-changes")
	})
	t.Run("a tunnel that was switched to a configuration at Cloudflare is replaced", func(t *testing.T) {
		for _, settings := range []api.Settings{{}, {NoRemoteConfig: true}} {
			require.NoError(t, testWorld.Control().SetAPI(t.Context(), settings))
			before := s.output(t, "tunnelId")
			require.NoError(t, testWorld.SwitchAtCloudflare(t.Context(), before))
			require.Contains(t, s.mustPulumi(t, "preview"), "was switched to a configuration at Cloudflare")
			requests := load.Start(testWorld.FrontAddr(), testWorld.AppHosts(), "switch")
			s.up(t)
			require.Zero(t, requests.Stop().Failed())
			require.NotEqual(t, before, s.output(t, "tunnelId"))
			require.Len(t, live(t), 1)
			requireApps(t)
		}
		require.NoError(t, testWorld.Control().SetAPI(t.Context(), api.Settings{}))
		s.up(t, "--expect-no-changes")
	})
	t.Run("a deleted tunnel is forgotten by the next up and replaced by the one after", func(t *testing.T) {
		gone := s.output(t, "tunnelId")
		deleteTunnel(t, gone)
		// The deletion takes a while to show: the connector has to lose its connections first.
		wait.Until(t, time.Minute, "the connector isn't ready", func() bool {
			return !ready(t, namespace, podNames(t, namespace, "")[0])
		})
		require.Contains(t, s.mustPulumi(t, "preview"), "was deleted outside of this stack")
		out, err := s.pulumi("up", "--yes")
		require.Error(t, err)
		require.Contains(t, out, gone)
		require.Contains(t, out, "run pulumi up again")
		s.up(t)
		require.NotEqual(t, gone, s.output(t, "tunnelId"))
		requireApps(t)
		s.up(t, "--expect-no-changes")
	})
	t.Run("a tunnel is deleted together with its records", func(t *testing.T) {
		deleteTunnel(t, s.output(t, "tunnelId"))
		deleteRecords(t)
		_, err := s.pulumi("up", "--yes")
		require.Error(t, err)
		s.up(t)
		requireApps(t)
	})
	t.Run("destroy without records", func(t *testing.T) {
		deleteRecords(t)
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		requireGone(t, namespace)
	})
	t.Run("destroy before the stack has forgotten its tunnel", func(t *testing.T) {
		s.up(t)
		namespace := s.output(t, "namespace")
		deleteTunnel(t, s.output(t, "tunnelId"))
		require.NoError(t, testWorld.Control().SetAPI(t.Context(), api.Settings{DeleteAgain: api.DeleteAgainGone}))
		out, err := s.pulumi("destroy", "--yes", "--skip-preview")
		require.NoError(t, testWorld.Control().SetAPI(t.Context(), api.Settings{}))
		require.Error(t, err)
		require.Contains(t, out, "failed to clean up Argo Tunnel connections")
		remedy := troubleshooting(t, "failed to delete Argo Tunnel")
		require.Contains(t, remedy, "pulumi state delete")
		printed, err := s.shell(remedy).CombinedOutput()
		require.NoError(t, err, "%s\n%s", remedy, printed)
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		requireGone(t, namespace)
	})
	t.Run("destroy after the stack has forgotten its tunnel", func(t *testing.T) {
		s.up(t)
		namespace := s.output(t, "namespace")
		deleteTunnel(t, s.output(t, "tunnelId"))
		_, err := s.pulumi("up", "--yes")
		require.Error(t, err)
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		requireGone(t, namespace)
	})
}
