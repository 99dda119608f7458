package components

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/cloudflared"
)

// networkPolicy declares what the connectors may reach: the cluster's DNS,
// Cloudflare's edge and the pods behind their origins. Only pods that scrape
// metrics may connect to them. The connectors depend on the policy, and it on
// none of them.
//
// The pods behind an origin are found by reading its Service: a policy applies
// after the Service has translated the address, and a URL tells neither the pods'
// labels nor their ports. A rule for the origin's whole namespace would need no
// reading, but would allow every other pod in it. The price is that the Service
// has to exist when the stack is previewed.
//
// Changed egress rules become a new object beside the old one, with connectors of
// their own, see labelNetwork. The old object is deleted after its connectors.
func (d *declaration) networkPolicy(labels pulumi.StringMap, egress networkingv1.NetworkPolicyEgressRuleArrayOutput) (pulumi.Resource, error) {
	policy, err := networkingv1.NewNetworkPolicy(d.ctx, logicalName(d.name, policyRole), &networkingv1.NetworkPolicyArgs{
		Metadata: d.namespace.objectMeta(policyRole, nil, d.policyContents(labels[labelNetwork], egress)...),
		Spec: &networkingv1.NetworkPolicySpecArgs{
			PodSelector: &metav1.LabelSelectorArgs{MatchLabels: labels},
			PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
			Ingress:     metricsRules(d.args.NetworkPolicy.MetricsFrom),
			Egress:      egress,
		},
	}, pulumi.Parent(d.component), unprotected, d.afterPrevious())
	if err != nil {
		return nil, fmt.Errorf("creating network policy: %w", err)
	}
	d.previous = []pulumi.Resource{policy}
	return policy, nil
}

// policyContents are what the policy's name follows from.
func (d *declaration) policyContents(network pulumi.StringInput, egress networkingv1.NetworkPolicyEgressRuleArrayOutput) []pulumi.StringInput {
	return []pulumi.StringInput{d.tunnel.id, network, egress.ApplyT(marshalRules).(pulumi.StringOutput), scrapers(d.args)}
}

// networkLabel is the value of labelNetwork. It changes with the egress rules, which brings up
// new connectors beside the old ones.
//
// A tunnel has no room for, say, 13 old connectors and 13 new ones. The value then stays as it
// is, and connectors are rolled one by one. Policies add up: all connectors reach old and new
// origins as long as the old policy is there, which is until the last old one begins to stop. A
// request that gets to that one in its last seconds may fail.
//
// If nothing of the policy has changed, neither has the value, however many connectors
// there are.
func (d *declaration) networkLabel(egress networkingv1.NetworkPolicyEgressRuleArrayOutput) pulumi.StringInput {
	last, objects := d.args.found.last, d.namespace.objects
	room := peakReplicas(d.args)+cmp.Or(last.peakReplicas, peakReplicas(d.args)) <= maxConnectors
	unchanged := objects.wanted(policyRole, d.policyContents(pulumi.String(last.network), egress))
	return pulumi.All(unchanged, egress.ApplyT(marshalRules), objects.provider).ApplyT(func(v []any) string {
		policy, rules, provider := v[0].(string), v[1].(string), v[2].(string)
		switch {
		case objects.lastOf(deploymentRole).elsewhere(provider):
			return checksum([]byte(rules + provider)) // the old connectors may be in the same namespace
		case last.network != "" && (objects.lastOf(policyRole).hasName(policy) || !room):
			return last.network
		case !room:
			return "shared"
		}
		return checksum([]byte(rules))
	}).(pulumi.StringOutput)
}

// scrapers are the namespaces that may scrape metrics, as text.
func scrapers(args *CloudflareTunnelArgs) pulumi.StringInput {
	text, _ := json.Marshal(args.NetworkPolicy.MetricsFrom) // strings can't fail
	return pulumi.String(text)
}

func marshalRules(rules []networkingv1.NetworkPolicyEgressRule) (string, error) {
	text, err := json.Marshal(rules)
	if err != nil {
		return "", fmt.Errorf("marshalling egress rules: %w", err)
	}
	return string(text), nil
}

// egress reads the Services behind the origins and returns the rules.
func (d *declaration) egress() (networkingv1.NetworkPolicyEgressRuleArrayOutput, error) {
	destinations := d.args.routing().Destinations()
	var none networkingv1.NetworkPolicyEgressRuleArrayOutput
	var names []cloudflared.ServiceName
	var specs []any
	taken := map[string]bool{}
	for _, destination := range destinations {
		service, ok := serviceBehind(destination, d.args)
		if !ok || slices.Contains(names, service) {
			continue
		}
		logicalName := fmt.Sprintf("%s-origin-%s-%s", d.name, service.Namespace, service.Name)
		if taken[logicalName] {
			logicalName = fmt.Sprintf("%s-origin-%s.%s", d.name, service.Namespace, service.Name)
		}
		taken[logicalName] = true
		_, readBefore := d.args.found.last.objects[logicalName]
		if err := d.explainLookup(destination, service, readBefore); err != nil {
			return none, err
		}
		read := &corev1.Service{}
		object := clusterObject{group: "core/v1", kind: "Service", namespace: service.Namespace, name: service.Name}
		if err := object.read(d.ctx, logicalName, read, pulumi.Parent(d.component), d.namespace.first()); err != nil {
			return none, fmt.Errorf("reading service %s in namespace %s: %w", service.Name, service.Namespace, err)
		}
		d.previous = append(d.previous, read)
		names, specs = append(names, service), append(specs, read.Spec)
	}
	return pulumi.All(specs...).ApplyT(func(specs []any) ([]networkingv1.NetworkPolicyEgressRule, error) {
		services := map[cloudflared.ServiceName]corev1.ServiceSpec{}
		for i, spec := range specs {
			services[names[i]] = spec.(corev1.ServiceSpec)
		}
		rules, err := egressRules(d.args, destinations, services)
		if err != nil {
			return nil, err
		}
		return rules, d.warnOfServices(destinations, services)
	}).(networkingv1.NetworkPolicyEgressRuleArrayOutput), nil
}

// warnOfServices logs what is to be said of the Services that were read, once of each cause.
func (d *declaration) warnOfServices(destinations []cloudflared.Destination, services map[cloudflared.ServiceName]corev1.ServiceSpec) error {
	said := map[string]bool{"": true}
	for _, destination := range destinations {
		service, read := serviceBehind(destination, d.args)
		if !read {
			continue
		}
		for _, warning := range []string{serviceWarning(destination, service, services[service]), certificateWarning(destination)} {
			message := destination.Path + ": " + warning
			if repeats(said, message) {
				continue
			}
			if err := d.ctx.Log.Warn(message, &pulumi.LogArgs{Resource: d.component}); err != nil {
				return fmt.Errorf("logging a warning about service %s: %w", service.Name, err)
			}
		}
	}
	return nil
}

// outsideDomains are last labels of names that are more often hosts outside of the
// cluster than Services in namespaces of these names.
var outsideDomains = []string{
	"arpa", "box", "com", "corp", "de", "eu", "internal", "intranet", "io", "lan", "local", "localdomain", "net", "org",
}

// explainLookup says which Service a host of one or two labels is taken for, if it may have
// been meant otherwise: if there is no such Service, the engine's error doesn't know of the
// host. It is a warning for likely names of other hosts, each time, and otherwise a line
// above that error, before the Service was read for the first time.
func (d *declaration) explainLookup(destination cloudflared.Destination, service cloudflared.ServiceName, readBefore bool) error {
	short := strings.EqualFold(destination.Host, service.Name) || strings.EqualFold(destination.Host, service.Name+"."+service.Namespace)
	doubtful := short && destination.Service.Namespace != "" && slices.Contains(outsideDomains, destination.Service.Namespace)
	log := d.ctx.Log.Info
	switch {
	case doubtful:
		log = d.ctx.Log.Warn
	case !short || readBefore:
		return nil
	}
	isDefault := destination.Path == "origin" && d.args.Origin == DefaultOrigin
	text := fmt.Sprintf("%s: %s is looked up as the Service %s in namespace %s; if it is outside of the cluster, use its address, or add it to networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.10/32}]}",
		destination.Path, destination.Host, service.Name, service.Namespace, destination.Host)
	switch {
	case isDefault:
		text = fmt.Sprintf("origin: defaults to %s, which is looked up as the Service %s in namespace %s; without ingress-nginx, "+
			"set origin to the Service of your ingress controller, or to http_status:404 if the rules of ingress are all there is", DefaultOrigin, service.Name, service.Namespace)
	case doubtful:
		text += fmt.Sprintf("; if it is that Service, write %s.svc", destination.Host)
	default:
		text += "; if the Service doesn't exist yet, list its pods there"
	}
	if err := log(text, &pulumi.LogArgs{Resource: d.component}); err != nil {
		return fmt.Errorf("logging what %s is looked up as: %w", destination.Path, err)
	}
	return nil
}

// serviceBehind returns the Service that has to be read for a destination, and
// false when the arguments or the destination itself say what is behind it.
func serviceBehind(d cloudflared.Destination, args *CloudflareTunnelArgs) (cloudflared.ServiceName, bool) {
	if d.Service.Name == "" || d.Service == apiServer || len(args.NetworkPolicy.peers(d.Host)) > 0 {
		return cloudflared.ServiceName{}, false
	}
	return cloudflared.ServiceName{Namespace: cmp.Or(d.Service.Namespace, args.Namespace), Name: d.Service.Name}, true
}

// metricsRules allow the pods of these namespaces to scrape the connectors.
func metricsRules(namespaces []string) networkingv1.NetworkPolicyIngressRuleArray {
	rules := networkingv1.NetworkPolicyIngressRuleArray{}
	for _, namespace := range namespaces {
		rules = append(rules, &networkingv1.NetworkPolicyIngressRuleArgs{
			From: networkingv1.NetworkPolicyPeerArray{&networkingv1.NetworkPolicyPeerArgs{
				NamespaceSelector: &metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{labelNamespace: pulumi.String(namespace)}},
			}},
			Ports: networkingv1.NetworkPolicyPortArray{&networkingv1.NetworkPolicyPortArgs{
				Protocol: pulumi.String("TCP"), Port: pulumi.Int(cloudflared.MetricsPort),
			}},
		})
	}
	return rules
}
