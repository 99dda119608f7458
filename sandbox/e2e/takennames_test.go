//go:build e2e

package e2e

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// TestTakenNames asks for names that are already in use.
func TestTakenNames(t *testing.T) {
	share(t)
	t.Run("an address record is an error of the preview", func(t *testing.T) {
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
			require.Contains(t, out, state.HomeZoneName+` has a record of type A already, "192.0.2.7"`)
			require.Contains(t, out, "*."+state.HomeZoneName+` has a record of type AAAA already, "2001:db8::7"`)
		}
		require.Empty(t, live(t))
		deleteRecords(t)
	})
	t.Run("a record that can't be taken over isn't the stack's to delete", func(t *testing.T) {
		_, err := testWorld.Control().AddRecord(t.Context(), state.Record{Name: state.HomeZoneName, Type: "CNAME", Content: "by-hand.example.org"})
		require.NoError(t, err)
		before := currentState(t).Records
		s := newStack(t, "refused", map[string]string{"replicas": "1"})
		require.NoError(t, testWorld.Control().SetFaults(t.Context(), api.Fault{Method: "PATCH", Path: "/zones/*/dns_records/*", Status: 400}))
		defer func() { require.NoError(t, testWorld.Control().SetFaults(t.Context())) }()
		out, err := s.pulumi("up", "--yes", "--skip-preview")
		require.Error(t, err)
		require.Contains(t, out, "taking over the record of "+state.HomeZoneName+", which stays as it was")
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.Equal(t, before, currentState(t).Records)
		deleteRecords(t)
	})
	t.Run("a record whose change isn't answered is taken over by the next update", func(t *testing.T) {
		_, err := testWorld.Control().AddRecord(t.Context(), state.Record{Name: state.HomeZoneName, Type: "CNAME", Content: "by-hand.example.org"})
		require.NoError(t, err)
		s := newStack(t, "unanswered", map[string]string{"replicas": "1"})
		require.NoError(t, testWorld.Control().SetFaults(t.Context(), api.Fault{Method: "PATCH", Path: "/zones/*/dns_records/*", Status: 500, When: api.After}))
		defer func() { require.NoError(t, testWorld.Control().SetFaults(t.Context())) }()
		out, err := s.pulumi("up", "--yes", "--skip-preview")
		require.Error(t, err)
		require.Contains(t, out, "taking over the record of "+state.HomeZoneName+", which may have been changed already; run the same command again")
		require.NoError(t, testWorld.Control().SetFaults(t.Context()))
		s.up(t)
		s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.Empty(t, currentState(t).Records)
	})
	t.Run("another stack's names are taken over only with permission", func(t *testing.T) {
		first := newStack(t, "first", map[string]string{"replicas": "1"})
		first.up(t)
		before := records(t)
		second := newStack(t, "taker", map[string]string{"replicas": "1"})
		out, err := second.pulumi("preview")
		require.Error(t, err)
		require.Contains(t, out, state.HomeZoneName+` belongs to stack "k8s-tunnel/first"`)
		require.Contains(t, out, "*."+state.HomeZoneName+` belongs to stack "k8s-tunnel/first"`)
		require.Contains(t, out, "set allowTakeover to true")
		require.Len(t, live(t), 1)
		require.Equal(t, before, records(t))

		second.set(t, "allowTakeover", "true")
		second.up(t)
		second.unset(t, "allowTakeover")
		second.up(t, "--expect-no-changes")
		for _, content := range records(t) {
			require.Equal(t, second.output(t, "tunnelCname"), content)
		}
		requireApps(t)
		out, err = first.pulumi("up", "--yes")
		require.Error(t, err, "the first stack doesn't take them back by itself")
		require.Contains(t, out, `belongs to stack "k8s-tunnel/taker"`)

		// Without these names, it leaves the records to the second stack.
		taken := records(t)
		host := "left." + state.HomeZoneName
		first.unset(t, "domain")
		first.set(t, "hostnames[0]", host)
		require.Contains(t, first.mustPulumi(t, "preview"), `isn't this stack's any more`)
		first.up(t)
		first.up(t, "--expect-no-changes")
		left := records(t)
		require.Equal(t, first.output(t, "tunnelCname"), left[host])
		delete(left, host)
		require.Equal(t, taken, left)
		first.mustPulumi(t, "destroy", "--yes", "--skip-preview")
		require.Equal(t, taken, records(t))
		requireApps(t)
	})
}
