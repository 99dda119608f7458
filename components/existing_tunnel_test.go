package components

import (
	"encoding/base64"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// handMade answers the reading of a tunnel as Cloudflare does.
type handMade struct{ recorder }

func (r *handMade) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	id, out, err := r.recorder.NewResource(args)
	if args.Name == "edge-existing-tunnel" {
		token := base64.StdEncoding.EncodeToString([]byte(`{"a":"account","t":"` + testTunnelID + `","s":"` + testSecret + `"}`))
		out["tunnelToken"] = resource.MakeSecret(resource.NewProperty(token))
	}
	return id, out, err
}

func TestCloudflareTunnel_ExistingTunnel(t *testing.T) {
	t.Parallel()
	r := &handMade{}
	require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
		args := validArgs()
		args.ExistingTunnel = testTunnelID
		_, err := NewCloudflareTunnel(ctx, "edge", args)
		return err
	}, pulumi.WithMocks("k8s-tunnel", "test", r)))
	inventory := r.inventory()
	require.Contains(t, inventory, "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared::edge-existing-tunnel")
	require.NotContains(t, inventory, "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared::edge-tunnel")
	require.NotContains(t, inventory, "random:index/randomBytes:RandomBytes::edge-secret")
	require.Equal(t, testTunnelID+".cfargotunnel.com", r.find(t, "edge-apex").Inputs["content"].StringValue())
	credentials := r.find(t, "edge-credentials").Inputs["stringData"]
	require.True(t, credentials.ContainsSecrets())
	require.Contains(t, credentials.String(), testSecret)
}

// A tunnel that is gone is read under its own name and ID, and all else stays.
func TestCloudflareTunnel_LostTunnel(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.LostTunnel = testTunnelID
	r := declare(t, args)
	require.ElementsMatch(t, declare(t, validArgs()).inventory(), r.inventory())
	tunnel := r.find(t, "edge-tunnel")
	require.True(t, tunnel.Read)
	require.Equal(t, testTunnelID, tunnel.ID)
	require.Equal(t, "account", tunnel.Inputs["accountId"].StringValue(), "without a state, the provider would import the tunnel under another ID")
	require.Contains(t, fmtInputs(t, r.find(t, "edge-cloudflared")), `"pulumi.com/skipAwait":"true"`, "its pods can't get ready")
	require.NotContains(t, fmtInputs(t, declare(t, validArgs()).find(t, "edge-cloudflared")), "skipAwait")
	require.Equal(t, TunnelCNAME(testTunnelID), r.find(t, "edge-apex").Inputs["content"].StringValue())
}

func TestTunnelSecret(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, token, want string }{
		{"no token", "", "Cloudflare Tunnel / Edit"},
		{"not base64", "%%%", "isn't base64"},
		{"no JSON", base64.StdEncoding.EncodeToString([]byte("secret")), "holds no secret"},
		{"no secret", base64.StdEncoding.EncodeToString([]byte(`{"a":"b"}`)), "holds no secret"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := tunnelSecret(test.token)
			require.ErrorContains(t, err, test.want)
		})
	}
}
