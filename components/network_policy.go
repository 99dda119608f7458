package components

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
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
// Changed egress rules are a new object beside the old one, for connectors of
// their own, see labelNetwork. The old one goes after the connectors that it is for.
func (t *CloudflareTunnel) networkPolicy(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, generation pulumi.StringMap,
	egress networkingv1.NetworkPolicyEgressRuleArrayOutput,
) (pulumi.Resource, error) {
	policy, err := networkingv1.NewNetworkPolicy(ctx, name+"-network-policy", &networkingv1.NetworkPolicyArgs{
		Metadata: objectMeta(args, namespace),
		Spec: &networkingv1.NetworkPolicySpecArgs{
			PodSelector: &metav1.LabelSelectorArgs{MatchLabels: generation},
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

// networkLabel is the value of labelNetwork: it changes with the egress rules.
//
// While two generations exist, a tunnel has twice as many connectors. Where it can't
// have that many, the value never changes: policies add up, so that connectors which
// are rolled one by one reach their old origins until the last of them leaves. A
// request that reaches that one in its last seconds may fail.
func networkLabel(args *CloudflareTunnelArgs, egress networkingv1.NetworkPolicyEgressRuleArrayOutput) pulumi.StringInput {
	if 2*mostReplicas(args) > maxConnectors {
		return pulumi.String("shared")
	}
	return egress.ApplyT(func(rules []networkingv1.NetworkPolicyEgressRule) (string, error) {
		text, err := json.Marshal(rules)
		if err != nil {
			return "", fmt.Errorf("marshalling egress rules: %w", err)
		}
		sum := sha256.Sum256(text)
		return hex.EncodeToString(sum[:4]), nil
	}).(pulumi.StringOutput)
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
		read := &corev1.Service{}
		object := existing{"core/v1", "v1", "Service", service.namespace, service.name}
		if err := object.read(ctx, fmt.Sprintf("%s-origin-%s-%s", name, service.namespace, service.name), read, pulumi.Parent(t)); err != nil {
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
