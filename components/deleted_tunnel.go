package components

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/preflight"
)

// DeletedTunnel is a tunnel that was deleted outside of Pulumi.
type DeletedTunnel = preflight.DeletedTunnel

// deletedWarnings are about a tunnel that was deleted outside of Pulumi, if there is one.
func deletedWarnings(tunnel *DeletedTunnel) []string {
	if tunnel == nil {
		return nil
	}
	return []string{fmt.Sprintf("tunnel %s was deleted outside of this stack; this update forgets it, and the next one creates a new tunnel", tunnel)}
}

// forgetTunnel removes a tunnel from the state that was deleted outside of
// Pulumi. The provider doesn't notice that by itself, and could neither replace
// nor delete a tunnel that is gone. The engine forgets a resource, without
// deleting it, when a program only reads it under the name and the ID that it
// has in the state.
func (d *declaration) forgetTunnel(id string) (*cloudflare.ZeroTrustTunnelCloudflared, error) {
	gone, err := cloudflare.GetZeroTrustTunnelCloudflared(d.ctx, logicalName(d.name, tunnelRole), pulumi.ID(id),
		// With a state, the provider takes the ID as it is and imports nothing.
		&cloudflare.ZeroTrustTunnelCloudflaredState{AccountId: d.args.AccountID}, pulumi.Parent(d.component))
	if err != nil {
		return nil, fmt.Errorf("forgetting tunnel %s: %w", id, err)
	}
	return gone, nil
}
