package components

import (
	"errors"
	"fmt"
	"net/netip"
)

// NetworkPolicyArgs change what the connectors may reach, and who may reach
// them. A network policy exists in any case; the cluster's network plugin has to
// enforce it.
type NetworkPolicyArgs struct {
	// Edge are the ranges of Cloudflare's edge, as CIDRs. Defaults to
	// DefaultEdge.
	Edge []string `pulumi:"edge"`
	// DNS are the cluster's DNS servers. Ports default to 53. Defaults to the
	// pods labelled k8s-app=kube-dns in kube-system. A cache on the nodes has
	// to be named by its address.
	DNS []PeerArgs `pulumi:"dns"`
	// Origins name the destinations behind a rule's service, for services that
	// don't tell by themselves: the API server, which isn't a pod; a host
	// outside of the cluster; Services without a selector. What is named here
	// isn't looked up in the cluster.
	Origins []PolicyOriginArgs `pulumi:"origins"`
	// MetricsFrom are the names of the namespaces whose pods may scrape the
	// connectors' metrics. None by default. Probes aren't concerned: nodes
	// always reach their own pods.
	MetricsFrom []string `pulumi:"metricsFrom"`
}

// PolicyOriginArgs are the destinations behind one host.
type PolicyOriginArgs struct {
	// Host is the host of a rule's service as it is written there; bastion or
	// socks-proxy for those services. Required.
	Host string `pulumi:"host"`
	// To are the destinations. Ports default to the service's own. Required.
	To []PeerArgs `pulumi:"to"`
}

// PeerArgs are pods or addresses.
type PeerArgs struct {
	// CIDR is a range of addresses. Excludes Namespace and Pods.
	CIDR string `pulumi:"cidr"`
	// Namespace is the name of the pods' namespace. Required without CIDR.
	Namespace string `pulumi:"namespace"`
	// Pods are the pods' labels. All of the namespace's when empty.
	Pods map[string]string `pulumi:"pods"`
	// Ports are the ports on which the pods themselves listen, after any
	// translation by a Service.
	Ports []int `pulumi:"ports"`
}

// DefaultEdge are the ranges in which cloudflared finds Cloudflare's edge. See
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/configure-tunnels/tunnel-with-firewall/
func DefaultEdge() []string {
	return []string{"198.41.192.0/24", "198.41.200.0/24", "2606:4700:a0::/48", "2606:4700:a8::/48"}
}

// defaultDNS is how kubeadm, k3s and the managed clusters label their DNS.
func defaultDNS() []PeerArgs {
	return []PeerArgs{{Namespace: "kube-system", Pods: map[string]string{"k8s-app": "kube-dns"}}}
}

// withDefaults returns a copy in which everything optional is set.
func (a *NetworkPolicyArgs) withDefaults() *NetworkPolicyArgs {
	out := NetworkPolicyArgs{}
	if a != nil {
		out = *a
	}
	if len(out.Edge) == 0 {
		out.Edge = DefaultEdge()
	}
	if len(out.DNS) == 0 {
		out.DNS = defaultDNS()
	}
	return &out
}

func validateNetworkPolicy(path string, args *CloudflareTunnelArgs) error {
	policy := args.NetworkPolicy.withDefaults()
	var problems []error
	report := func(err error) { problems = append(problems, err) }
	for i, cidr := range policy.Edge {
		report(validateCIDR(fmt.Sprintf("%s.edge[%d]", path, i), cidr))
	}
	for i, peer := range policy.DNS {
		report(validatePeer(fmt.Sprintf("%s.dns[%d]", path, i), peer))
	}
	for i, origin := range policy.Origins {
		report(validatePolicyOrigin(fmt.Sprintf("%s.origins[%d]", path, i), origin, args))
	}
	for i, namespace := range policy.MetricsFrom {
		if len(namespace) > 63 || !labelPattern.MatchString(namespace) {
			report(fmt.Errorf("%s.metricsFrom[%d]: %q is not the name of a namespace", path, i, namespace))
		}
	}
	for _, d := range destinations(args) {
		if len(policy.named(d.host)) == 0 {
			report(d.problem(args.Namespace))
		}
	}
	return errors.Join(problems...)
}

func validatePolicyOrigin(path string, origin PolicyOriginArgs, args *CloudflareTunnelArgs) error {
	problems := []error{}
	used := false
	for _, d := range destinations(args) {
		used = used || d.host == origin.Host
	}
	switch {
	case origin.Host == "":
		problems = append(problems, fmt.Errorf("%s.host: not set; it is the host of a rule's service, such as kubernetes.default.svc", path))
	case !used:
		problems = append(problems, fmt.Errorf("%s.host: %q is no rule's service", path, origin.Host))
	}
	if len(origin.To) == 0 {
		problems = append(problems, fmt.Errorf("%s.to: not set; it lists addresses or pods", path))
	}
	for i, peer := range origin.To {
		problems = append(problems, validatePeer(fmt.Sprintf("%s.to[%d]", path, i), peer))
	}
	return errors.Join(problems...)
}

func validatePeer(path string, peer PeerArgs) error {
	var problems []error
	switch {
	case peer.CIDR != "" && (peer.Namespace != "" || len(peer.Pods) > 0):
		problems = append(problems, fmt.Errorf("%s: has both a cidr and pods; list them one by one", path))
	case peer.CIDR != "":
		problems = append(problems, validateCIDR(path+".cidr", peer.CIDR))
	case peer.Namespace == "":
		problems = append(problems, fmt.Errorf("%s: has neither a cidr nor a namespace", path))
	case len(peer.Namespace) > 63 || !labelPattern.MatchString(peer.Namespace):
		problems = append(problems, fmt.Errorf("%s.namespace: %q is not the name of a namespace", path, peer.Namespace))
	}
	problems = append(problems, validateLabels(path+".pods", peer.Pods))
	for i, port := range peer.Ports {
		if port < 1 || port > 65535 {
			problems = append(problems, fmt.Errorf("%s.ports[%d]: %d is not a port from 1 to 65535", path, i, port))
		}
	}
	return errors.Join(problems...)
}

func validateCIDR(path, cidr string) error {
	prefix, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %q is not a range of addresses, such as 192.0.2.10/32", path, cidr)
	case prefix != prefix.Masked():
		return fmt.Errorf("%s: %q has bits beyond its length; write %s", path, cidr, prefix.Masked())
	}
	return nil
}

// named returns the destinations that the arguments name for a host.
func (a *NetworkPolicyArgs) named(host string) []PeerArgs {
	for _, origin := range a.Origins {
		if origin.Host == host {
			return origin.To
		}
	}
	return nil
}
