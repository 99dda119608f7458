package components

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/names"
)

// tunnelIDPattern is a tunnel's ID.
var tunnelIDPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// tunnelRef is what the rest of the component needs of the tunnel.
type tunnelRef struct {
	id     pulumi.StringOutput
	cname  pulumi.StringOutput
	secret pulumi.StringOutput // base64, marked secret
}

func newTunnelRef(id, secret pulumi.StringOutput) *tunnelRef {
	// The provider's own output of the CNAME stays empty when reading the
	// tunnel's token fails.
	return &tunnelRef{id: id, cname: id.ApplyT(names.TunnelCNAME).(pulumi.StringOutput), secret: secret}
}

// declareTunnel declares the tunnel and its secret.
//
// The tunnel's name ends in a random suffix that changes with the secret. Names
// are unique in an account, and a replacement is created beside the tunnel that
// it replaces: a fixed name, or one that repeats an earlier rotation's label,
// would be refused (1013) and leave the stack stuck. So would a name that comes back
// with the same suffix, after a change of the rest has failed, and that of a tunnel whose
// secret alone is another one, as with pulumi up --replace.
func (d *declaration) declareTunnel() (*tunnelRef, error) {
	if d.args.ExistingTunnel != "" {
		if id := d.args.found.Forgotten; id != "" {
			if _, err := d.forgetTunnel(id); err != nil {
				return nil, err
			}
		}
		return d.existingTunnel()
	}
	secret, suffix, err := d.secret()
	if err != nil {
		return nil, err
	}
	if d.component.Deleted != nil {
		gone, err := d.forgetTunnel(d.component.Deleted.ID)
		if err != nil {
			return nil, err
		}
		return newTunnelRef(gone.ID().ToStringOutput(), secret), nil
	}
	hooks, err := d.resumable()
	if err != nil {
		return nil, err
	}
	last, lastSecret := d.namespace.objects.lastOf(tunnelRole), d.args.found.last.ownSecret
	tunnelName := pulumi.Unsecret(pulumi.All(d.args.AccountID, suffix, secret).ApplyT(func(v []any) string {
		account, suffix, secret := v[0].(string), v[1].(string), v[2].(string)
		wanted := tunnelNamePrefix(d.args) + "-" + suffix
		switch {
		case !strings.Contains(last.name, "-"+suffix):
			return wanted
		case d.args.found.Remote, lastSecret != "" && lastSecret != secret: // else it would be in its replacement's way
			return last.otherName(wanted)
		}
		return last.nextName(nameScope{scope: account}, wanted)
	})).(pulumi.StringOutput)
	tunnel, err := cloudflare.NewZeroTrustTunnelCloudflared(d.ctx, logicalName(d.name, tunnelRole), &cloudflare.ZeroTrustTunnelCloudflaredArgs{
		AccountId: d.args.AccountID,
		Name:      tunnelName,
		Secret:    secret,
		ConfigSrc: pulumi.String("local"),
	}, pulumi.Parent(d.component), unprotected, d.namespace.first(), hooks)
	if err != nil {
		return nil, fmt.Errorf("creating tunnel: %w", err)
	}
	return newTunnelRef(tunnel.ID().ToStringOutput(), secret), nil
}

// secretLength is a number of letters and digits with 256 bits of entropy. Cloudflare
// asks for 32 bytes at least.
const secretLength = 43

// secret declares the tunnel's secret, in base64, and the suffix of its name. Both
// change with the rotation's label.
//
// The secret is a password, because its resource has a constant ID: the ID of random
// bytes is their value, and IDs are shown and stored in plain text. It comes after the
// suffix, so that no update ends between the two with another secret for the same name.
func (d *declaration) secret() (secret, suffix pulumi.StringOutput, err error) {
	id, err := random.NewRandomId(d.ctx, logicalName(d.name, suffixRole), &random.RandomIdArgs{
		ByteLength: pulumi.Int(3),
		Keepers:    pulumi.ToStringMap(suffixKeepers(d.args)),
	}, pulumi.Parent(d.component), unprotected, d.namespace.first())
	if err != nil {
		return secret, suffix, fmt.Errorf("creating tunnel name suffix: %w", err)
	}
	password, err := random.NewRandomPassword(d.ctx, logicalName(d.name, secretRole), &random.RandomPasswordArgs{
		Length:  pulumi.Int(secretLength),
		Special: pulumi.Bool(false),
		Keepers: pulumi.StringMap{"rotation": pulumi.String(d.args.Rotation)},
	}, pulumi.Parent(d.component), unprotected, pulumi.DependsOn([]pulumi.Resource{id}))
	if err != nil {
		return secret, suffix, fmt.Errorf("creating tunnel secret: %w", err)
	}
	encoded := password.Result.ApplyT(func(password string) string {
		return base64.StdEncoding.EncodeToString([]byte(password))
	}).(pulumi.StringOutput)
	return pulumi.ToSecret(encoded).(pulumi.StringOutput), id.Hex, nil
}

// suffixKeepers are what the suffix changes with. The kind of secret is one of them: a
// tunnel with another secret needs another name.
func suffixKeepers(args *CloudflareTunnelArgs) map[string]string {
	return map[string]string{"rotation": args.Rotation, "secret": "password"}
}

// tunnelNamePrefix is the tunnel's name without its random suffix.
func tunnelNamePrefix(args *CloudflareTunnelArgs) string {
	if args.Rotation == "" {
		return args.TunnelName
	}
	return args.TunnelName + "-" + args.Rotation
}
