package components

import (
	"errors"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strconv"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"

	"k8s-tunnel/components/cloudflared"
)

const (
	dnsPort = 53
	// edgePort is Cloudflare's edge, over UDP for QUIC and TCP for HTTP/2.
	edgePort = 7844
	// labelNamespace is on every namespace and holds its name.
	labelNamespace = "kubernetes.io/metadata.name"
)

// egressRules allow everything that the connectors connect to. services are those
// that had to be read.
func egressRules(
	args *CloudflareTunnelArgs, destinations []cloudflared.Destination, services map[cloudflared.ServiceName]corev1.ServiceSpec,
) ([]networkingv1.NetworkPolicyEgressRule, error) {
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
	var problems []error
	said := map[string]bool{}
	for _, d := range destinations {
		service, read := serviceBehind(d, args)
		switch peers := policy.peers(d.Host); {
		case len(peers) > 0:
			for _, peer := range peers {
				add(allow(toPeer(peer), policyPorts("TCP", peer.Ports, d.Port)))
			}
		case d.Addr.IsValid():
			cidr := netip.PrefixFrom(d.Addr, d.Addr.BitLen()).String()
			add(allow(toPeer(PeerArgs{CIDR: cidr}), policyPorts("TCP", nil, d.Port)))
		case read:
			rule, err := serviceRule(d, service, services[service], args)
			switch {
			case err == nil:
				add(rule)
			case !repeats(said, err.Error()):
				problems = append(problems, err)
			}
		}
	}
	return rules, errors.Join(problems...)
}

// serviceRule allows the pods behind one port of a Service.
func serviceRule(d cloudflared.Destination, service cloudflared.ServiceName, spec corev1.ServiceSpec, args *CloudflareTunnelArgs) (networkingv1.NetworkPolicyEgressRule, error) {
	var none networkingv1.NetworkPolicyEgressRule
	where := fmt.Sprintf("%s: service %s in namespace %s", d.Path, service.Name, service.Namespace)
	remedy := fmt.Sprintf("list what is behind it in networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.10/32, ports: [%d]}]}", d.Host, d.Port)
	external := strings.TrimSuffix(deref(spec.ExternalName, ""), ".")
	labels := strings.Split(external, ".")
	svc := slices.Index(labels, "svc")
	switch {
	case deref(spec.Type, "") == "ExternalName" && svc >= 2:
		return none, fmt.Errorf("%s is an ExternalName for another Service; use %s:%d in place of %s, or list its pods in networkPolicy.origins: {host: %s, to: [{namespace: %s, pods: {app: %s}, ports: [8080]}]}",
			where, external, d.Port, d.Host, d.Host, labels[svc-1], labels[svc-2])
	case deref(spec.Type, "") == "ExternalName":
		return none, fmt.Errorf("%s is an ExternalName for %s, outside of the cluster; %s", where, deref(spec.ExternalName, "another host"), remedy)
	case len(spec.Selector) == 0:
		return none, fmt.Errorf("%s has no selector, so its pods are unknown; %s, or its pods, {namespace: web, pods: {app: web}, ports: [%d]}, if the cluster's network is Cilium, for which a cidr is never inside of the cluster; Cilium's own gateway needs a CiliumNetworkPolicy, see docs/troubleshooting.md",
			where, remedy, d.Port)
	}
	target := any(d.Port)
	if !isHeadless(spec) {
		i := slices.IndexFunc(spec.Ports, func(p corev1.ServicePort) bool {
			return p.Port == d.Port && deref(p.Protocol, "TCP") == "TCP"
		})
		if i < 0 {
			return none, fmt.Errorf("%s has no port %d; it has %s", where, d.Port, portList(spec.Ports))
		}
		target = targetPort(spec.Ports[i])
	}
	if selectsConnectors(service, spec, args) && (target == cloudflared.MetricsPort || target == metricsPortName) {
		return none, fmt.Errorf("%s is the connector itself, with its configuration and diagnostics; use another service, or, if it is another tunnel's, list its pods in networkPolicy.origins", where)
	}
	peer := toPeer(PeerArgs{Namespace: service.Namespace, Pods: spec.Selector})
	return allow(peer, []networkingv1.NetworkPolicyPort{{Protocol: new("TCP"), Port: target}}), nil
}

// selectsConnectors reports whether a Service's selector, which isn't empty, fits the
// component's own pods. A Service selects pods of its own namespace.
func selectsConnectors(service cloudflared.ServiceName, spec corev1.ServiceSpec, args *CloudflareTunnelArgs) bool {
	if args.Namespace != "" && service.Namespace != args.Namespace {
		return false
	}
	own := podLabels(args)
	for key, value := range spec.Selector {
		if key != labelTunnelID && key != labelNetwork && own[key] != value {
			return false
		}
	}
	return true
}

// isHeadless reports whether the Service has no address of its own, and so translates
// nothing.
func isHeadless(spec corev1.ServiceSpec) bool { return deref(spec.ClusterIP, "") == "None" }

// serviceWarning says why connectors may not reach the pods that serviceRule allows, or
// is empty.
func serviceWarning(d cloudflared.Destination, service cloudflared.ServiceName, spec corev1.ServiceSpec) string {
	where := fmt.Sprintf("service %s in namespace %s", service.Name, service.Namespace)
	if !isHeadless(spec) {
		if deref(spec.InternalTrafficPolicy, "") == "Local" {
			return where + " has internalTrafficPolicy: Local, so that connectors reach only pods on their own node; remove it, or run the connectors where those pods are, with pod.affinity"
		}
		return ""
	}
	for _, p := range spec.Ports {
		target, isNumber := targetPort(p).(int)
		if p.Port == d.Port && deref(p.Protocol, "TCP") == "TCP" && isNumber && target != d.Port {
			return fmt.Sprintf("%s is headless, so that port %d isn't translated, and its pods listen on %d; use %s:%d", where, d.Port, target, d.Host, target)
		}
	}
	return ""
}

// certificateWarning says that connectors won't trust a Service over TLS, or is empty.
func certificateWarning(d cloudflared.Destination) string {
	if !d.NeedsCertificate {
		return ""
	}
	return fmt.Sprintf("cloudflared expects a certificate for %s, which no public authority issues; set originRequest.originServerName to a name that the Service has one for, or matchSNItoHost to true if that is the name that visitors use, caPool if it is of an authority of your own, or noTLSVerify to true if it is self-signed", d.Host)
}

// targetPort is the pods' port, which the API server fills in where it isn't set: a
// number, or the name of a container's port.
func targetPort(p corev1.ServicePort) any {
	if number, ok := p.TargetPort.(float64); ok {
		return int(number)
	}
	return p.TargetPort
}

func portList(ports []corev1.ServicePort) string {
	var all []string
	for _, p := range ports {
		if deref(p.Protocol, "TCP") == "TCP" {
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

// policyPorts are ports of a protocol: those given, or else the default one, or
// every port if that is 0.
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
