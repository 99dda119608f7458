package components

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/plantest"
)

func TestCloudflareTunnel_ExistingTunnel(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: plantest.TunnelID, Name: "by-hand"}}
	args := validArgs()
	args.API, args.ExistingTunnel = apiArgs(api), plantest.TunnelID
	r := declare(t, args)
	inventory := r.Inventory()
	require.NotContains(t, inventory, "cloudflare:index/zeroTrustTunnelCloudflared:ZeroTrustTunnelCloudflared::edge-tunnel")
	require.NotContains(t, inventory, "random:index/randomPassword:RandomPassword::edge-secret")
	tunnel := r.Find(t, "edge-existing-tunnel")
	require.True(t, tunnel.Read, "it is never changed or deleted")
	require.Equal(t, "account/"+plantest.TunnelID, tunnel.ID)
	require.Equal(t, plantest.TunnelID+".cfargotunnel.com", r.Find(t, "edge-apex").Inputs["content"].StringValue())
	credentials := r.Find(t, "edge-credentials").Inputs["stringData"]
	require.True(t, credentials.ContainsSecrets())
	require.Contains(t, credentials.String(), plantest.TunnelSecret)

	// The secret can be replaced at Cloudflare, and connectors read it only once.
	metadata := r.Find(t, "edge-credentials").Inputs["metadata"]
	require.False(t, metadata.ContainsSecrets(), "with a secret name, nothing about the object would be shown")
	own := declare(t, validArgs()).Find(t, "edge-credentials").Inputs["metadata"]
	require.NotEqual(t, own.ObjectValue()["name"], metadata.ObjectValue()["name"], "the name follows from the secret too")
}

// Records that the stack doesn't manage may lead to the tunnel as well.
func TestCloudflareTunnel_ExistingTunnelWithOtherRecords(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: plantest.TunnelID, Name: "by-hand"}}
	api.Records = []apitest.Record{{Zone: "zone", ID: "1", Name: "app.example.com", Type: "CNAME", Content: plantest.TunnelID + ".cfargotunnel.com", Proxied: new(true)}}
	args := validArgs()
	args.API, args.ExistingTunnel = apiArgs(api), plantest.TunnelID
	args.Ingress = []IngressRule{{Hostname: "app.example.com", Service: "http_status:404"}}
	require.Empty(t, declare(t, args).Warnings())

	args.Domain, args.Hostnames = "", []string{"www.example.com"}
	require.Empty(t, declare(t, args).Warnings())
}
