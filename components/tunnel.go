package components

import (
	"fmt"
	"regexp"

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

// tunnel declares the tunnel and its secret.
//
// The tunnel's name ends in a random suffix that changes with the secret. Names
// are unique in an account, and a replacement is created beside the tunnel that
// it replaces: a fixed name, or one that repeats an earlier rotation's label,
// would be refused (1013) and leave the stack stuck.
func (t *CloudflareTunnel) tunnel(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef,
) (*tunnelRef, error) {
	if args.ExistingTunnel != "" {
		return t.existingTunnel(ctx, name, args)
	}
	keepers := pulumi.StringMap{"rotation": pulumi.String(args.Rotation)}
	secret, err := random.NewRandomBytes(ctx, name+"-secret", &random.RandomBytesArgs{
		Length:  pulumi.Int(32), // the least that Cloudflare accepts
		Keepers: keepers,
	}, pulumi.Parent(t), unprotected)
	if err != nil {
		return nil, fmt.Errorf("creating tunnel secret: %w", err)
	}
	suffix, err := random.NewRandomId(ctx, name+"-suffix", &random.RandomIdArgs{
		ByteLength: pulumi.Int(3),
		Keepers:    keepers,
	}, pulumi.Parent(t), unprotected)
	if err != nil {
		return nil, fmt.Errorf("creating tunnel name suffix: %w", err)
	}
	if args.DeletedTunnel != "" {
		return t.forgetTunnel(ctx, name, args, secret.Base64)
	}
	tunnel, err := cloudflare.NewZeroTrustTunnelCloudflared(ctx, name+"-tunnel", &cloudflare.ZeroTrustTunnelCloudflaredArgs{
		AccountId: args.AccountID,
		Name:      pulumi.Sprintf("%s-%s", tunnelNamePrefix(args), suffix.Hex),
		Secret:    secret.Base64,
		ConfigSrc: pulumi.String("local"),
	}, pulumi.Parent(t), unprotected, pulumi.DependsOn([]pulumi.Resource{namespace.resource}))
	if err != nil {
		return nil, fmt.Errorf("creating tunnel: %w", err)
	}
	return newTunnelRef(tunnel.ID().ToStringOutput(), secret.Base64), nil
}

// tunnelNamePrefix is the tunnel's name without its random suffix.
func tunnelNamePrefix(args *CloudflareTunnelArgs) string {
	if args.Rotation == "" {
		return args.TunnelName
	}
	return args.TunnelName + "-" + args.Rotation
}
