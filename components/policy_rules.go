package components

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
)

const (
	dnsPort = 53
	// edgePort is Cloudflare's edge, over UDP for QUIC and TCP for HTTP/2.
	edgePort = 7844
	// labelNamespace is on every namespace and holds its name.
	labelNamespace = "kubernetes.io/metadata.name"
)

// egressRules are all destinations of the connectors, given the Services behind
// the origins that aren't named.
func egressRules(args *CloudflareTunnelArgs, services map[serviceName]corev1.ServiceSpec) ([]networkingv1.NetworkPolicyEgressRule, error) {
	policy := args.NetworkPolicy
	var rules []networkingv1.NetworkPolicyEgressRule
	add := func(rule networkingv1.NetworkPolicyEgressRule) {
		if !slices.ContainsFunc(rules, func(r networkingv1.NetworkPolicyEgressRule) bool { return reflect.DeepEqual(r, rule) }) {
			rules = append(rules, rule)
		}
	}
	for _, dns := range policy.DNS {
		add(allow(toPeer(dns), append(policyPorts("UDP", dns.Ports, dnsPort), policyPorts("TCP", dns.Ports, dnsPort)...)))
	}
	edge := networkingv1.NetworkPolicyEgressRule{Ports: append(policyPorts("UDP", nil, edgePort), policyPorts("TCP", nil, edgePort)...)}
	for _, cidr := range policy.Edge {
		edge.To = append(edge.To, toPeer(PeerArgs{CIDR: cidr}))
	}
	add(edge)
	for _, d := range destinations(args) {
		switch named := policy.named(d.host); {
		case len(named) > 0:
			for _, peer := range named {
				add(allow(toPeer(peer), policyPorts("TCP", peer.Ports, d.port)))
			}
		case d.addr.IsValid():
			cidr := netip.PrefixFrom(d.addr, d.addr.BitLen()).String()
			add(allow(toPeer(PeerArgs{CIDR: cidr}), policyPorts("TCP", nil, d.port)))
		default:
			service := d.serviceIn(args.Namespace)
			rule, err := serviceRule(d, service, services[service])
			if err != nil {
				return nil, err
			}
			add(rule)
		}
	}
	return rules, nil
}

// serviceRule allows the pods behind one port of a Service.
func serviceRule(d destination, service serviceName, spec corev1.ServiceSpec) (networkingv1.NetworkPolicyEgressRule, error) {
	var none networkingv1.NetworkPolicyEgressRule
	remedy := fmt.Sprintf("name what is behind it in networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.10/32, ports: [%d]}]}", d.host, d.port)
	switch {
	case valueOr(spec.Type, "") == "ExternalName":
		return none, fmt.Errorf("%s: service %s in namespace %s is another name for %s, outside of the cluster; %s",
			d.path, service.name, service.namespace, valueOr(spec.ExternalName, "something"), remedy)
	case len(spec.Selector) == 0:
		return none, fmt.Errorf("%s: service %s in namespace %s has no selector, so its pods can't be told; %s",
			d.path, service.name, service.namespace, remedy)
	}
	target := any(d.port)
	// A headless Service translates nothing.
	if valueOr(spec.ClusterIP, "") != "None" {
		i := slices.IndexFunc(spec.Ports, func(p corev1.ServicePort) bool {
			return p.Port == d.port && valueOr(p.Protocol, "TCP") == "TCP"
		})
		if i < 0 {
			return none, fmt.Errorf("%s: service %s in namespace %s has no port %d; it has %s",
				d.path, service.name, service.namespace, d.port, portList(spec.Ports))
		}
		target = targetPort(spec.Ports[i])
	}
	peer := toPeer(PeerArgs{Namespace: service.namespace, Pods: spec.Selector})
	return allow(peer, []networkingv1.NetworkPolicyPort{{Protocol: ptr("TCP"), Port: target}}), nil
}

// targetPort is the port of the pods: a number or the name of a container's
// port.
func targetPort(p corev1.ServicePort) any {
	switch target := p.TargetPort.(type) {
	case string:
		if n, err := strconv.Atoi(target); err == nil {
			return n
		}
		return target
	case float64:
		if target > 0 {
			return int(target)
		}
	case int:
		if target > 0 {
			return target
		}
	}
	return p.Port
}

func portList(ports []corev1.ServicePort) string {
	var all []string
	for _, p := range ports {
		if valueOr(p.Protocol, "TCP") == "TCP" {
			all = append(all, strconv.Itoa(p.Port))
		}
	}
	if len(all) == 0 {
		return "none over TCP"
	}
	return strings.Join(all, ", ")
}

func allow(peer networkingv1.NetworkPolicyPeer, ports []networkingv1.NetworkPolicyPort) networkingv1.NetworkPolicyEgressRule {
	return networkingv1.NetworkPolicyEgressRule{To: []networkingv1.NetworkPolicyPeer{peer}, Ports: ports}
}

func toPeer(peer PeerArgs) networkingv1.NetworkPolicyPeer {
	if peer.CIDR != "" {
		return networkingv1.NetworkPolicyPeer{IpBlock: &networkingv1.IPBlock{Cidr: peer.CIDR}}
	}
	out := networkingv1.NetworkPolicyPeer{
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{labelNamespace: peer.Namespace}},
	}
	if len(peer.Pods) > 0 {
		out.PodSelector = &metav1.LabelSelector{MatchLabels: peer.Pods}
	}
	return out
}

// policyPorts are ports of a protocol. A port of 0, and none given, is every
// port.
func policyPorts(protocol string, ports []int, otherwise int) []networkingv1.NetworkPolicyPort {
	if len(ports) == 0 && otherwise == 0 {
		return []networkingv1.NetworkPolicyPort{{Protocol: &protocol}}
	}
	if len(ports) == 0 {
		ports = []int{otherwise}
	}
	var out []networkingv1.NetworkPolicyPort
	for _, port := range ports {
		out = append(out, networkingv1.NetworkPolicyPort{Protocol: &protocol, Port: port})
	}
	return out
}

func ptr[T any](value T) *T { return &value }
