package components

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// CloudflareTunnelType is the component's type token. It is part of every
// child's URN: changing it without an alias would replace all resources.
const CloudflareTunnelType = "k8s-tunnel:index:CloudflareTunnel"

// CloudflareTunnel exposes a cluster through a Cloudflare Tunnel: the tunnel
// with its generated secret, the connectors (cloudflared) that serve it from
// within the cluster, and the zone's DNS records that point at it.
type CloudflareTunnel struct {
	pulumi.ResourceState

	// TunnelID is the tunnel's UUID.
	TunnelID pulumi.StringOutput `pulumi:"tunnelId"`
	// TunnelCNAME is the target of the records, <tunnel ID>.cfargotunnel.com.
	TunnelCNAME pulumi.StringOutput `pulumi:"tunnelCname"`
	// Hostnames are the full names that lead to the cluster.
	Hostnames pulumi.StringArrayOutput `pulumi:"hostnames"`
	// Namespace is the name of the namespace that holds the connectors.
	Namespace pulumi.StringOutput `pulumi:"namespace"`
	// Deployment is the name of the connectors' Deployment.
	Deployment pulumi.StringOutput `pulumi:"deployment"`
}

// NewCloudflareTunnel declares a tunnel and everything that belongs to it. Pass
// the Cloudflare and the Kubernetes provider with pulumi.Providers.
//
// The arguments are validated before anything is registered, and the error lists
// every problem. The order of the resources is the component's main promise:
// names lead to the tunnel only while connectors serve it, when it is created,
// deleted, or replaced.
func NewCloudflareTunnel(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, opts ...pulumi.ResourceOption,
) (*CloudflareTunnel, error) {
	if args == nil {
		args = &CloudflareTunnelArgs{}
	}
	given := args
	args = args.withDefaults(name)
	if err := args.validate(); err != nil {
		return nil, err
	}

	t := &CloudflareTunnel{}
	if err := ctx.RegisterComponentResourceV2(CloudflareTunnelType, name, args.recorded(given), t, opts...); err != nil {
		return nil, fmt.Errorf("registering component %s: %w", name, err)
	}
	for _, warning := range args.warnings() {
		if err := ctx.Log.Warn(warning, &pulumi.LogArgs{Resource: t}); err != nil {
			return nil, fmt.Errorf("logging a warning of component %s: %w", name, err)
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
