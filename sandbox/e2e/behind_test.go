//go:build e2e

package e2e

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

func deleteRecords(t *testing.T) {
	t.Helper()
	for _, record := range currentState(t).Records {
		require.NoError(t, testWorld.DeleteAtCloudflare(t.Context(), "/zones/"+record.ZoneID+"/dns_records/"+record.ID))
	}
	require.Empty(t, currentState(t).Records)
}

func deleteTunnel(t *testing.T, id string) {
	t.Helper()
	require.NoError(t, testWorld.DeleteAtCloudflare(t.Context(), "/accounts/"+state.SeedAccountID+"/cfd_tunnel/"+id+"?cascade=true"))
	require.Empty(t, live(t))
}

// requireGone demands that nothing is left of the stack of a test.
func requireGone(t *testing.T, namespace string) {
	t.Helper()
	require.Empty(t, live(t))
	require.Empty(t, currentState(t).Records)
	require.NotContains(t, kubectl(t, "get", "namespaces", "-o", "name"), namespace)
}

// TestBehindItsBack deletes a stack's records and its tunnel at Cloudflare.
func TestBehindItsBack(t *testing.T) {
	s := newStack(t, "behind", map[string]string{"replicas": "1"})
	s.up(t)
	answersApps(t)
	namespace := s.output(t, "namespace")

	t.Run("records are made again by the next up", func(t *testing.T) {
		deleteRecords(t)
		s.up(t)
		answersApps(t)
		s.up(t, "--expect-no-changes")
	})
	t.Run("a tunnel is let go of by the next up, and made again by the one after", func(t *testing.T) {
		gone := s.output(t, "tunnelId")
		deleteTunnel(t, gone)
		// As long as it takes somebody to notice: until no connector is ready any more.
		eventually(t, time.Minute, "the connector isn't ready", func() bool {
			return !ready(t, namespace, podNames(t, namespace, "")[0])
		})
		require.Contains(t, s.mustPulumi(t, "preview"), "was deleted at Cloudflare, but not by this stack")
		out, err := s.pulumi("up", "--yes")
		require.Error(t, err)
		require.Contains(t, out, gone)
		require.Contains(t, out, "run pulumi up once more")
		s.up(t)
		require.NotEqual(t, gone, s.output(t, "tunnelId"))
		answersApps(t)
		s.up(t, "--expect-no-changes")
	})
	t.Run("a tunnel and its records", func(t *testing.T) {
		deleteTunnel(t, s.output(t, "tunnelId"))
		deleteRecords(t)
		_, err := s.pulumi("up", "--yes")
		require.Error(t, err)
		s.up(t)
		answersApps(t)
	})
	t.Run("destroy without records", func(t *testing.T) {
		deleteRecords(t)
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		requireGone(t, namespace)
	})
	t.Run("destroy before the stack has let go of its tunnel", func(t *testing.T) {
		s.up(t)
		namespace := s.output(t, "namespace")
		deleteTunnel(t, s.output(t, "tunnelId"))
		out, err := s.pulumi("destroy", "--yes", "--skip-preview")
		require.Error(t, err)
		require.Contains(t, out, "failed to delete Argo Tunnel")
		remedy := troubleshooting(t, "failed to delete Argo Tunnel")
		require.Contains(t, remedy, "pulumi state delete")
		printed, err := s.shell(remedy).CombinedOutput()
		require.NoError(t, err, "%s\n%s", remedy, printed)
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		requireGone(t, namespace)
	})
	t.Run("destroy once the stack has let go of its tunnel", func(t *testing.T) {
		s.up(t)
		namespace := s.output(t, "namespace")
		deleteTunnel(t, s.output(t, "tunnelId"))
		_, err := s.pulumi("up", "--yes")
		require.Error(t, err)
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		requireGone(t, namespace)
	})
}

// TestTakenNames asks for names that somebody else has.
func TestTakenNames(t *testing.T) {
	t.Run("an address record is told in the preview", func(t *testing.T) {
		for _, record := range []state.Record{
			{ZoneID: state.HomeZoneID, Name: state.HomeZoneName, Type: "A", Content: "192.0.2.7"},
			{ZoneID: state.HomeZoneID, Name: "*." + state.HomeZoneName, Type: "AAAA", Content: "2001:db8::7"},
		} {
			_, err := testWorld.Control().AddRecord(t.Context(), record)
			require.NoError(t, err)
		}
		s := newStack(t, "addresses", nil)
		for _, command := range [][]string{{"preview"}, {"up", "--yes", "--skip-preview"}} {
			out, err := s.pulumi(command...)
			require.Error(t, err)
			require.Contains(t, out, state.HomeZoneName+" has a record of type A already, 192.0.2.7")
			require.Contains(t, out, "*."+state.HomeZoneName+" has a record of type AAAA already, 2001:db8::7")
		}
		require.Empty(t, live(t))
		deleteRecords(t)
	})
	t.Run("another stack's name is taken only when that is allowed", func(t *testing.T) {
		first := newStack(t, "first", map[string]string{"replicas": "1"})
		first.up(t)
		before := records(t)
		second := newStack(t, "taker", map[string]string{"replicas": "1"})
		out, err := second.pulumi("preview")
		require.Error(t, err)
		require.Contains(t, out, state.HomeZoneName+" belongs to stack k8s-tunnel/first")
		require.Contains(t, out, "*."+state.HomeZoneName+" belongs to stack k8s-tunnel/first")
		require.Contains(t, out, "pulumi config set allowTakeover true")
		require.Len(t, live(t), 1)
		require.Equal(t, before, records(t))

		second.set(t, "allowTakeover", "true")
		second.up(t)
		second.unset(t, "allowTakeover")
		second.up(t, "--expect-no-changes")
		for _, content := range records(t) {
			require.Equal(t, second.output(t, "tunnelCname"), content)
		}
		answersApps(t)
		out, err = first.pulumi("up", "--yes")
		require.Error(t, err, "the first one doesn't take them back unasked")
		require.Contains(t, out, "belongs to stack k8s-tunnel/taker")

		// The first stack's end takes the records along; the next update makes them again.
		first.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		second.up(t)
		answersApps(t)
	})
}

// records tells what the records lead to, by their names.
func records(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, record := range currentState(t).Records {
		all[record.Name] = record.Content
	}
	return all
}
