package components

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// uuidPattern is a tunnel's ID.
var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func validateExistingTunnel(path string, args *CloudflareTunnelArgs) error {
	switch {
	case args.ExistingTunnel == "":
		return nil
	case !uuidPattern.MatchString(args.ExistingTunnel):
		return fmt.Errorf("%s: %q is not a tunnel's ID, such as 11111111-2222-3333-4444-555555555555; cloudflared tunnel list shows it", path, args.ExistingTunnel)
	case args.Rotation != "":
		return fmt.Errorf("%s: a tunnel made by hand keeps its secret, so rotation can't be set beside it; removing %s replaces it by a tunnel of the stack's own", path, path)
	}
	return nil
}

func validateLostTunnel(path string, args *CloudflareTunnelArgs) error {
	switch {
	case args.LostTunnel == "":
		return nil
	case !uuidPattern.MatchString(args.LostTunnel):
		return fmt.Errorf("%s: %q is not a tunnel's ID, such as 11111111-2222-3333-4444-555555555555", path, args.LostTunnel)
	case args.ExistingTunnel != "":
		return fmt.Errorf("%s: the stack has no tunnel of its own while existingTunnel is set", path)
	}
	return nil
}

// existingTunnel reads a tunnel that was made by hand. It can't be imported: the
// provider replaces a tunnel whose secret differs from what it knows, and knows
// none of a tunnel that it didn't create. So it is only read, and never deleted.
func (t *CloudflareTunnel) existingTunnel(ctx *pulumi.Context, name string, args *CloudflareTunnelArgs) (*tunnelRef, error) {
	id := args.ExistingTunnel
	account := args.AccountID.ToStringOutput()
	read, err := cloudflare.GetZeroTrustTunnelCloudflared(ctx, name+"-existing-tunnel",
		account.ApplyT(func(account string) pulumi.ID { return pulumi.ID(account + "/" + id) }).(pulumi.IDOutput),
		nil, pulumi.Parent(t))
	if err != nil {
		return nil, fmt.Errorf("reading tunnel %s: %w", id, err)
	}
	secret := read.TunnelToken.ApplyT(func(token string) (string, error) {
		secret, err := tunnelSecret(token)
		if err != nil {
			return "", fmt.Errorf("reading the secret of tunnel %s: %w", id, err)
		}
		return secret, nil
	}).(pulumi.StringOutput)
	return newTunnelRef(pulumi.String(id).ToStringOutput(), pulumi.ToSecret(secret).(pulumi.StringOutput)), nil
}

// tunnelSecret takes the secret out of a tunnel's token, which is base64 of JSON:
// what `cloudflared tunnel token` prints.
func tunnelSecret(token string) (string, error) {
	if token == "" {
		return "", errors.New("Cloudflare doesn't give its token away; the API token needs the right Account / Cloudflare Tunnel / Edit") //nolint:staticcheck // a name
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return "", errors.New("its token isn't base64") // without the token
	}
	var fields struct {
		Secret string `json:"s"`
	}
	if err := json.Unmarshal(raw, &fields); err != nil || fields.Secret == "" {
		return "", errors.New("its token holds no secret")
	}
	return fields.Secret, nil
}
