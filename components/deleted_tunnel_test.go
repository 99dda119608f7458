package components

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/plantest"
)

// argsOfDeletedTunnel are arguments for which Cloudflare says that the tunnel was deleted.
func argsOfDeletedTunnel(t *testing.T) *CloudflareTunnelArgs {
	t.Helper()
	deleted := "2026-11-20T10:11:12Z"
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: plantest.TunnelID, Name: "home-a1b2c3", DeletedAt: &deleted}}
	args := validArgs()
	args.API = apiArgs(api)
	return args
}

// A deleted tunnel is read under its own name and ID, and everything else stays.
func TestCloudflareTunnel_DeletedTunnel(t *testing.T) {
	t.Parallel()
	args := argsOfDeletedTunnel(t)
	r := &plantest.Engine{State: map[string]resource.PropertyMap{
		CloudflareTunnelType + "::edge": {"tunnelId": resource.NewProperty(plantest.TunnelID)},
	}}
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		tunnel, err := NewCloudflareTunnel(ctx, "edge", args)
		require.NotNil(t, tunnel.Deleted)
		require.Equal(t, plantest.TunnelID, tunnel.Deleted.ID)
		return err
	}))
	require.Len(t, r.Warnings(), 1)
	require.Contains(t, r.Warnings()[0], "was deleted outside of this stack")
	require.ElementsMatch(t, declare(t, validArgs()).Inventory(), r.Inventory())
	tunnel := r.Find(t, "edge-tunnel")
	require.True(t, tunnel.Read)
	require.Equal(t, plantest.TunnelID, tunnel.ID)
	require.Equal(t, "account", tunnel.Inputs["accountId"].StringValue(), "without a state, the provider would import the tunnel under another ID")
	metadata := r.Find(t, "edge-cloudflared").Inputs["metadata"].ObjectValue()
	require.Equal(t, map[string]any{forceAnnotation: "true", skipAwaitAnnotation: "true"}, metadata["annotations"].Mappable(), "its pods can't get ready")
	require.NotContains(t, declare(t, validArgs()).Find(t, "edge-cloudflared").JSON(t), "skipAwait")
	require.Equal(t, plantest.TunnelID+".cfargotunnel.com", r.Find(t, "edge-apex").Inputs["content"].StringValue())
	require.Empty(t, r.Outputs(t, "edge")["tunnelId"].StringValue(), "the next update knows of no tunnel")
}

// After an update that failed before it changed the records, its tunnel may be deleted by
// others while the tunnel before it still serves.
func TestCloudflareTunnel_DeletedTunnelOfAFailedUpdate(t *testing.T) {
	t.Parallel()
	args := argsOfDeletedTunnel(t)
	const tunnelType = CloudflareTunnelType + "$" + tunnelKind
	apex := lastRecord("1", "example.com", "example.com")
	apex["content"] = resource.NewProperty("old.cfargotunnel.com")
	r := &plantest.Engine{State: map[string]resource.PropertyMap{
		CloudflareTunnelType + "::edge": {},
		tunnelType + "::edge-tunnel":    {"id": resource.NewProperty(plantest.TunnelID), "secret": resource.MakeSecret(resource.NewProperty("secret"))},
		recordInState + "edge-apex":     apex,
	}}
	require.NoError(t, r.Run(program(args)))
	require.True(t, r.Find(t, "edge-tunnel").Read)
	require.Equal(t, "old.cfargotunnel.com", r.Find(t, "edge-apex").Inputs["content"].StringValue())

	// What was forgotten stays in the state without a secret.
	delete(r.State[tunnelType+"::edge-tunnel"], "secret")
	r.State[CloudflareTunnelType+"::edge"] = resource.PropertyMap{"tunnelId": resource.NewProperty("")}
	require.NoError(t, r.Run(program(args)))
	require.False(t, r.Find(t, "edge-tunnel").Read)
}

// An existing tunnel may take the place of the stack's own, which others have deleted: nobody could
// delete it once more.
func TestCloudflareTunnel_DeletedTunnelBesideAnExistingOne(t *testing.T) {
	t.Parallel()
	const own = "22222222-2222-3333-4444-555555555555"
	for _, deletedAt := range []string{"", "2026-11-20T10:11:12Z"} {
		mine := apitest.Tunnel{Account: "account", ID: own, Name: "home-a1b2c3"}
		if deletedAt != "" {
			mine.DeletedAt = &deletedAt
		}
		api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
		api.Tunnels = []apitest.Tunnel{{Account: "account", ID: plantest.TunnelID, Name: "by-hand"}, mine}
		args := validArgs()
		args.API, args.ExistingTunnel = apiArgs(api), plantest.TunnelID
		r := &plantest.Engine{State: map[string]resource.PropertyMap{
			CloudflareTunnelType + "$" + tunnelKind + "::edge-tunnel": {"id": resource.NewProperty(own), "secret": resource.MakeSecret(resource.NewProperty("secret"))},
		}}
		require.NoError(t, r.Run(program(args)))
		const kept = tunnelKind + "::edge-tunnel"
		if deletedAt == "" {
			require.Empty(t, r.Warnings())
			require.NotContains(t, r.Inventory(), kept, "the engine deletes it")
			continue
		}
		require.Equal(t, []string{`tunnel "home-a1b2c3" (` + own + `, until 2026-11-20 10:11:12 UTC) was deleted at Cloudflare; this forgets it`}, r.Warnings())
		tunnel := r.Find(t, "edge-tunnel")
		require.True(t, tunnel.Read)
		require.Equal(t, own, tunnel.ID)
		require.Equal(t, plantest.TunnelID+".cfargotunnel.com", r.Find(t, "edge-apex").Inputs["content"].StringValue())
	}
}
