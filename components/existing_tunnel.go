package components

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/cloudflared"
)

func validateExistingTunnel(path string, args *CloudflareTunnelArgs) error {
	switch {
	case args.ExistingTunnel == "":
		return nil
	case !tunnelIDPattern.MatchString(args.ExistingTunnel):
		return fmt.Errorf("%s: %q is not a tunnel's ID, such as 11111111-2222-3333-4444-555555555555; run cloudflared tunnel list to find it", path, args.ExistingTunnel)
	case args.Rotation != "":
		return fmt.Errorf("%s: can't be combined with rotation; remove %s to get a tunnel managed by this stack", path, path)
	}
	return nil
}

// existingTunnel reads a tunnel that was made by hand, which is never deleted. It
// can't be imported: the provider replaces a tunnel whose secret differs from
// the one in the state, and has none for a tunnel that it didn't create.
func (d *declaration) existingTunnel() (*tunnelRef, error) {
	id := d.args.ExistingTunnel
	account := d.args.AccountID.ToStringOutput()
	read, err := cloudflare.GetZeroTrustTunnelCloudflared(d.ctx, logicalName(d.name, existingTunnelRole),
		account.ApplyT(func(account string) pulumi.ID { return pulumi.ID(account + "/" + id) }).(pulumi.IDOutput),
		nil, pulumi.Parent(d.component))
	if err != nil {
		return nil, fmt.Errorf("reading tunnel %s: %w", id, err)
	}
	secret := read.TunnelToken.ApplyT(func(token string) (string, error) {
		secret, err := cloudflared.TokenSecret(token)
		if err != nil {
			return "", fmt.Errorf("reading the secret of tunnel %s: %w", id, err)
		}
		return secret, nil
	}).(pulumi.StringOutput)
	return newTunnelRef(pulumi.String(id).ToStringOutput(), pulumi.ToSecret(secret).(pulumi.StringOutput)), nil
}
