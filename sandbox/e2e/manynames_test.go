//go:build e2e

package e2e

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/project"
)

// TestManyNames exposes a hundred single names. Without the refresh, their records are compared with
// the state by one listing, and what others did to them is named.
func TestManyNames(t *testing.T) {
	share(t)
	const count = 100
	settings := "config:\n  k8s-tunnel:hostnames:\n"
	for i := range count {
		settings += fmt.Sprintf("    - h%d.%s\n", i, state.HomeZoneName)
	}
	s := newStack(t, "many", map[string]string{"replicas": "1", "domain": "", "cloudflare:rps": "", "origin": project.OtherOrigin})
	s.settings(t, settings)
	s.up(t)
	require.Len(t, currentState(t).Records, count)
	for _, i := range []int{0, count - 1} {
		requireAnswerFrom(t, fmt.Sprintf("h%d.%s", i, state.HomeZoneName), "hello")
	}
	preview := func(t *testing.T) string {
		t.Helper()
		forgetCalls(t)
		out := s.mustPulumi(t, "preview", "--refresh=false", "--expect-no-changes")
		require.LessOrEqual(t, len(calls(t)), 10)
		return out
	}
	require.NotContains(t, preview(t), "at Cloudflare;")

	record := currentState(t).Records[0]
	require.NoError(t, testWorld.DeleteAtCloudflare(t.Context(), "/zones/"+record.ZoneID+"/dns_records/"+record.ID))
	require.Contains(t, preview(t), "the record of "+record.Name+" was deleted at Cloudflare; pulumi up --refresh creates it again")
	s.up(t)
	require.Len(t, currentState(t).Records, count)
	require.NotContains(t, preview(t), "at Cloudflare;")
}
