package components

import (
	"fmt"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// networkPolicy lets the connectors out to the cluster's DNS, to Cloudflare's
// edge and to the pods behind their origins, and lets nobody in but those who
// may scrape metrics. It depends on nothing of the connectors, and they on it.
//
// The pods behind an origin are those of its Service, which is read: a policy
// sees a packet after the Service's translation, and neither the pods' labels
// nor their ports can be told from a URL. A rule for the origin's whole
// namespace would need no reading, but open every other pod in it. The price is
// that the Service has to exist when the stack is previewed.
//
// A changed policy is a new object beside the old one, which goes when the
// update is done: policies add up, so connectors that still have the old
// rules reach what they need until they are replaced.
func (t *CloudflareTunnel) networkPolicy(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, tunnel *tunnelRef,
) (pulumi.Resource, error) {
	egress, err := t.egress(ctx, name, args)
	if err != nil {
		return nil, err
	}
	policy, err := networkingv1.NewNetworkPolicy(ctx, name+"-network-policy", &networkingv1.NetworkPolicyArgs{
		Metadata: objectMeta(args, namespace),
		Spec: &networkingv1.NetworkPolicySpecArgs{
			PodSelector: &metav1.LabelSelectorArgs{MatchLabels: selectorLabels(tunnel.id)},
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
			Ingress:     metricsRules(args.NetworkPolicy.MetricsFrom),
			Egress:      egress,
		},
	}, pulumi.Parent(t), replaceable, pulumi.ReplaceOnChanges([]string{"spec"}))
	if err != nil {
		return nil, fmt.Errorf("creating network policy: %w", err)
	}
	return policy, nil
}

// egress reads the Services behind the origins and returns the rules.
func (t *CloudflareTunnel) egress(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs,
) (networkingv1.NetworkPolicyEgressRuleArrayOutput, error) {
	var none networkingv1.NetworkPolicyEgressRuleArrayOutput
	var names []serviceName
	var specs []any
	for _, d := range destinations(args) {
		service := d.serviceIn(args.Namespace)
		if !d.isService() || len(args.NetworkPolicy.named(d.host)) > 0 || slices.Contains(names, service) {
			continue
		}
		read, err := readService(ctx, fmt.Sprintf("%s-origin-%s-%s", name, service.namespace, service.name), service, pulumi.Parent(t))
		if err != nil {
			return none, fmt.Errorf("reading service %s in namespace %s: %w", service.name, service.namespace, err)
		}
		names, specs = append(names, service), append(specs, read.Spec)
	}
	return pulumi.All(specs...).ApplyT(func(specs []any) ([]networkingv1.NetworkPolicyEgressRule, error) {
		services := map[serviceName]corev1.ServiceSpec{}
		for i, spec := range specs {
			services[names[i]] = spec.(corev1.ServiceSpec)
		}
		return egressRules(args, services)
	}).(networkingv1.NetworkPolicyEgressRuleArrayOutput), nil
}

// readService is corev1.GetService with what is known of the Service before it
// is read. Without that the provider takes the reading for an import and keeps
// all that it read as inputs, and every refresh would find a change.
func readService(ctx *pulumi.Context, name string, service serviceName, opts ...pulumi.ResourceOption) (*corev1.Service, error) {
	read := &corev1.Service{}
	return read, ctx.ReadResource("kubernetes:core/v1:Service", name, pulumi.ID(service.namespace+"/"+service.name), pulumi.Map{
		"apiVersion": pulumi.String("v1"),
		"kind":       pulumi.String("Service"),
		"metadata":   pulumi.Map{"name": pulumi.String(service.name), "namespace": pulumi.String(service.namespace)},
	}, read, opts...)
}

// metricsRules lets the pods of namespaces scrape the connectors.
func metricsRules(namespaces []string) networkingv1.NetworkPolicyIngressRuleArray {
	rules := networkingv1.NetworkPolicyIngressRuleArray{}
	for _, namespace := range namespaces {
		rules = append(rules, &networkingv1.NetworkPolicyIngressRuleArgs{
			From: networkingv1.NetworkPolicyPeerArray{&networkingv1.NetworkPolicyPeerArgs{
				NamespaceSelector: &metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{labelNamespace: pulumi.String(namespace)}},
			}},
			Ports: networkingv1.NetworkPolicyPortArray{&networkingv1.NetworkPolicyPortArgs{
				Protocol: pulumi.String("TCP"), Port: pulumi.Int(metricsPort),
			}},
		})
	}
	return rules
}
