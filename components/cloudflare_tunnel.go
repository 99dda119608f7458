package components

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// CloudflareTunnelType is the component's type token. It is part of every
// child's URN: changing it replaces people's resources, so it never changes
// without an alias.
const CloudflareTunnelType = "k8s-tunnel:index:CloudflareTunnel"

// CloudflareTunnel exposes a cluster through a Cloudflare Tunnel: the tunnel
// with its generated secret, the connectors (cloudflared) that serve it from
// within the cluster, and the zone's DNS records that point at it.
type CloudflareTunnel struct {
	pulumi.ResourceState

	// TunnelID is the tunnel's UUID.
	TunnelID pulumi.StringOutput `pulumi:"tunnelId"`
	// TunnelCNAME is the name that the records point at,
	// <tunnel ID>.cfargotunnel.com.
	TunnelCNAME pulumi.StringOutput `pulumi:"tunnelCname"`
	// Hostnames are the names that lead to the cluster, fully qualified.
	Hostnames pulumi.StringArrayOutput `pulumi:"hostnames"`
	// Namespace is the name of the namespace that holds the connectors.
	Namespace pulumi.StringOutput `pulumi:"namespace"`
	// Deployment is the name of the connectors' Deployment.
	Deployment pulumi.StringOutput `pulumi:"deployment"`
}

// NewCloudflareTunnel declares a tunnel and all that belongs to it. Pass the
// providers with pulumi.Providers; both the Cloudflare and the Kubernetes one
// are handed on to the children.
//
// The arguments are validated before anything is registered; the error then
// lists every problem. The order in which the resources depend on each other is
// the component's main promise: names point at the tunnel only while connectors
// serve it, on the way up, on the way down and while it is being replaced.
func NewCloudflareTunnel(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, opts ...pulumi.ResourceOption,
) (*CloudflareTunnel, error) {
	if args == nil {
		args = &CloudflareTunnelArgs{}
	}
	args = args.withDefaults(name)
	if err := args.Validate(); err != nil {
		return nil, err
	}

	t := &CloudflareTunnel{}
	if err := ctx.RegisterComponentResourceV2(CloudflareTunnelType, name, args.inputs(), t, opts...); err != nil {
		return nil, fmt.Errorf("registering component %s: %w", name, err)
	}
	for _, warning := range warnings(args) {
		if err := ctx.Log.Warn(warning, &pulumi.LogArgs{Resource: t}); err != nil {
			return nil, fmt.Errorf("warning of component %s: %w", name, err)
		}
	}
	namespace, err := t.namespace(ctx, name, args)
	if err != nil {
		return nil, err
	}
	tunnel, err := t.tunnel(ctx, name, args, namespace)
	if err != nil {
		return nil, err
	}
	connector, err := t.connector(ctx, name, args, namespace, tunnel)
	if err != nil {
		return nil, err
	}
	if err := t.monitoring(ctx, name, args, namespace, tunnel); err != nil {
		return nil, err
	}
	hostnames, err := t.records(ctx, name, args, tunnel, connector)
	if err != nil {
		return nil, err
	}

	t.TunnelID = tunnel.id
	t.TunnelCNAME = tunnel.cname
	t.Hostnames = hostnames
	t.Namespace = namespace.name
	t.Deployment = connector.Metadata.Name().Elem()
	return t, ctx.RegisterResourceOutputs(t, pulumi.Map{
		"tunnelId":    t.TunnelID,
		"tunnelCname": t.TunnelCNAME,
		"hostnames":   t.Hostnames,
		"namespace":   t.Namespace,
		"deployment":  t.Deployment,
	})
}
