package components

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/plantest"
)

// A deleted tunnel is read under its own name and ID, and everything else stays.
func TestCloudflareTunnel_DeletedTunnel(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.DeletedTunnel = plantest.TunnelID
	r := declare(t, args)
	require.ElementsMatch(t, declare(t, validArgs()).Inventory(), r.Inventory())
	tunnel := r.Find(t, "edge-tunnel")
	require.True(t, tunnel.Read)
	require.Equal(t, plantest.TunnelID, tunnel.ID)
	require.Equal(t, "account", tunnel.Inputs["accountId"].StringValue(), "without a state, the provider would import the tunnel under another ID")
	require.Contains(t, r.Find(t, "edge-cloudflared").JSON(t), `"pulumi.com/skipAwait": "true"`, "its pods can't get ready")
	require.NotContains(t, declare(t, validArgs()).Find(t, "edge-cloudflared").JSON(t), "skipAwait")
	require.Equal(t, plantest.TunnelID+".cfargotunnel.com", r.Find(t, "edge-apex").Inputs["content"].StringValue())
}
