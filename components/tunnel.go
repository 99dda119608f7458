package components

import (
	"fmt"

	"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare"
	"github.com/pulumi/pulumi-random/sdk/v4/go/random"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// tunnelRef is what the rest of the component needs of the tunnel.
type tunnelRef struct {
	id     pulumi.StringOutput
	cname  pulumi.StringOutput
	secret pulumi.StringOutput // base64, marked secret
}

// tunnel declares the tunnel and its secret.
//
// The tunnel's name ends in a random suffix that changes with the secret. Names
// are unique in an account, and a replacement is created beside what it
// replaces: a fixed name, or one that repeats an earlier rotation's label,
// would be refused (1013) and leave the stack stuck.
func (t *CloudflareTunnel) tunnel(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef,
) (*tunnelRef, error) {
	if args.ExistingTunnel != "" {
		return t.existingTunnel(ctx, name, args)
	}
	keepers := pulumi.StringMap{"rotation": pulumi.String(args.Rotation)}
	secret, err := random.NewRandomBytes(ctx, name+"-secret", &random.RandomBytesArgs{
		Length:  pulumi.Int(32), // the least that Cloudflare takes
		Keepers: keepers,
	}, pulumi.Parent(t), replaceable)
	if err != nil {
		return nil, fmt.Errorf("creating tunnel secret: %w", err)
	}
	suffix, err := random.NewRandomId(ctx, name+"-suffix", &random.RandomIdArgs{
		ByteLength: pulumi.Int(3),
		Keepers:    keepers,
	}, pulumi.Parent(t), replaceable)
	if err != nil {
		return nil, fmt.Errorf("creating tunnel name suffix: %w", err)
	}
	if args.LostTunnel != "" {
		return t.letGo(ctx, name, args, secret.Base64)
	}
	tunnel, err := cloudflare.NewZeroTrustTunnelCloudflared(ctx, name+"-tunnel", &cloudflare.ZeroTrustTunnelCloudflaredArgs{
		AccountId: args.AccountID,
		Name:      pulumi.Sprintf("%s-%s", tunnelNamePrefix(args), suffix.Hex),
		Secret:    secret.Base64,
		ConfigSrc: pulumi.String("local"),
	}, pulumi.Parent(t), replaceable, pulumi.DependsOn([]pulumi.Resource{namespace.resource}))
	if err != nil {
		return nil, fmt.Errorf("creating tunnel: %w", err)
	}
	return newTunnelRef(tunnel.ID().ToStringOutput(), secret.Base64), nil
}

// letGo takes a tunnel out of the stack that somebody deleted at Cloudflare. The
// provider never notices that by itself, and could neither replace nor delete a
// tunnel that is gone. The engine lets go of a resource without deleting it when a
// program only reads it, under the name and the ID that it has in the state.
func (t *CloudflareTunnel) letGo(ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, secret pulumi.StringOutput) (*tunnelRef, error) {
	gone, err := cloudflare.GetZeroTrustTunnelCloudflared(ctx, name+"-tunnel", pulumi.ID(args.LostTunnel),
		// With a state, the provider takes the ID as it is and imports nothing.
		&cloudflare.ZeroTrustTunnelCloudflaredState{AccountId: args.AccountID}, pulumi.Parent(t))
	if err != nil {
		return nil, fmt.Errorf("letting go of tunnel %s: %w", args.LostTunnel, err)
	}
	return newTunnelRef(gone.ID().ToStringOutput(), secret), nil
}

// TunnelCNAME is the name that leads to a tunnel. The provider's own output of it
// stays empty when reading the tunnel's token fails.
func TunnelCNAME(id string) string { return id + ".cfargotunnel.com" }

func newTunnelRef(id, secret pulumi.StringOutput) *tunnelRef {
	return &tunnelRef{id: id, cname: id.ApplyT(TunnelCNAME).(pulumi.StringOutput), secret: secret}
}

// tunnelNamePrefix is the tunnel's name without its random suffix.
func tunnelNamePrefix(args *CloudflareTunnelArgs) string {
	if args.Rotation == "" {
		return args.TunnelName
	}
	return args.TunnelName + "-" + args.Rotation
}
