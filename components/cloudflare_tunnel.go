package components

import (
	"errors"
	"fmt"
	"slices"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/internal/surroundings"
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
	// Hostnames are the full names that lead to the cluster. What needs the names to lead
	// there, such as a check of the site, has to depend on the component itself.
	Hostnames pulumi.StringArrayOutput `pulumi:"hostnames"`
	// Namespace is the name of the namespace that holds the connectors.
	Namespace pulumi.StringOutput `pulumi:"namespace"`
	// Deployment is the name of the connectors' Deployment.
	Deployment pulumi.StringOutput `pulumi:"deployment"`

	// Deleted is the component's tunnel if it was deleted outside of Pulumi. The
	// component then forgets it, with a warning, and changes nothing else. The next update
	// creates a new tunnel, so a program should fail with a message that asks for it, unless
	// it is a preview, which would keep the update from running.
	Deleted *DeletedTunnel
}

// NewCloudflareTunnel declares a tunnel and everything that belongs to it. Pass
// the Cloudflare and the Kubernetes provider with pulumi.Providers, and the Random
// provider where default providers are disabled.
//
// The arguments are validated, and checked against what exists at Cloudflare, before
// anything is registered; the error lists every problem. The order of the resources
// is the component's main promise: names lead to the tunnel only while connectors
// serve it, when it is created, deleted, or replaced.
//
// RetainOnDelete and DeletedWith would break it, and are errors. That a parent has
// RetainOnDelete makes no difference. A parent's DeletedWith can neither be seen nor undone
// here: don't put the component below one that has it.
func NewCloudflareTunnel(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, opts ...pulumi.ResourceOption,
) (*CloudflareTunnel, error) {
	if args == nil {
		args = &CloudflareTunnelArgs{}
	}
	given := args
	options, err := pulumi.NewResourceOptions(opts...)
	if err != nil {
		return nil, fmt.Errorf("reading the options of component %s: %w", name, err)
	}
	args, err = given.complete(name)
	if err := errors.Join(err, validateOptions(options)); err != nil {
		return nil, err
	}
	found, err := args.check(ctx, name, options)
	if err != nil {
		return nil, err
	}
	args = args.identified(found)
	t := &CloudflareTunnel{Deleted: found.Deleted}
	d := &declaration{component: t, ctx: ctx, name: name, args: args}
	if err := d.declare(given, opts); err != nil {
		return nil, err
	}
	for _, warning := range slices.Concat(surroundings.Shell().Warnings(), args.warnings(), found.Warnings, deletedWarnings(found.Deleted)) {
		if err := ctx.Log.Warn(warning, &pulumi.LogArgs{Resource: t}); err != nil {
			return nil, fmt.Errorf("logging a warning of component %s: %w", name, err)
		}
	}
	return t, nil
}

// validateOptions reports options that the component's resources would inherit, and that
// would break its promises.
func validateOptions(options *pulumi.ResourceOptions) error {
	var problems []error
	if options.RetainOnDelete {
		problems = append(problems, errors.New("RetainOnDelete: connectors that were replaced would stay, and go on serving by their old rules; "+
			"remove it, and use Protect to keep the component from being deleted"))
	}
	if options.DeletedWith != nil {
		problems = append(problems, errors.New("DeletedWith: the tunnel and the records aren't deleted with anything in the cluster, and would stay at Cloudflare; "+
			"remove it, and use DependsOn for what the component needs"))
	}
	return errors.Join(problems...)
}

// declaration is a component while it is being declared, with what all of its children need.
type declaration struct {
	component *CloudflareTunnel
	ctx       *pulumi.Context
	name      string
	args      *CloudflareTunnelArgs // with defaults, and what was found
	namespace *namespaceRef         // as soon as it is declared
	tunnel    *tunnelRef            // likewise

	// recordDependencies are the resources that the records depend on, so that nothing of
	// a protected stack is deleted when its records can't be.
	recordDependencies []pulumi.Resource
	// previous is what the next object in the cluster waits for, see afterPrevious.
	previous []pulumi.Resource
}

// declare registers the component and its children, in the order of the promise.
func (d *declaration) declare(given *CloudflareTunnelArgs, opts []pulumi.ResourceOption) error {
	t, args := d.component, d.args
	opts = append(slices.Clip(opts), pulumi.RetainOnDelete(false)) // or a parent's would be inherited
	if err := d.ctx.RegisterComponentResourceV2(CloudflareTunnelType, d.name, args.recorded(given), t, opts...); err != nil {
		return fmt.Errorf("registering component %s: %w", d.name, err)
	}
	identity, err := d.identity()
	if err != nil {
		return err
	}
	objects := objectNames{component: d.name, tunnelName: args.TunnelName, identity: identity, last: args.found.last.objects}
	objects.provider, objects.explicit = d.explicitProvider()
	objects.provider = args.checkProvider(args.found, objects.provider)
	if d.namespace, err = d.declareNamespace(objects); err != nil {
		return err
	}
	if d.tunnel, err = d.declareTunnel(); err != nil {
		return err
	}
	connector, err := d.connector()
	if err != nil {
		return err
	}
	if err := d.monitoring(); err != nil {
		return err
	}
	hostnames, err := d.records(d.comment(identity))
	if err != nil {
		return err
	}

	t.TunnelID = d.tunnel.id
	t.TunnelCNAME = d.tunnel.cname
	t.Hostnames = hostnames
	t.Namespace = d.namespace.name
	t.Deployment = connector.Metadata.Name().Elem()
	if t.Deleted != nil {
		// The next update knows of no tunnel.
		t.TunnelID, t.TunnelCNAME = pulumi.String("").ToStringOutput(), pulumi.String("").ToStringOutput()
	}
	return d.ctx.RegisterResourceOutputs(t, pulumi.Map{
		"tunnelId":    t.TunnelID,
		"tunnelCname": t.TunnelCNAME,
		"hostnames":   t.Hostnames,
		"namespace":   t.Namespace,
		"deployment":  t.Deployment,
	})
}
