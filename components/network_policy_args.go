package components

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"k8s-tunnel/components/cloudflared"
	"k8s-tunnel/components/internal/validate"
)

// NetworkPolicyArgs say what the connectors may reach, and who may scrape their
// metrics. There is a network policy in any case; the cluster's network plugin has
// to enforce it.
type NetworkPolicyArgs struct {
	// Edge are Cloudflare's address ranges, as CIDRs. If all are of IPv4, or all of
	// IPv6, the connectors don't try the other. Defaults to the ranges that
	// Cloudflare documents for tunnels.
	Edge []string `pulumi:"edge"`
	// DNS are the cluster's DNS servers, with port 53 unless their ports are set. A
	// DNS cache on the nodes has to be listed by its address, the nameserver in a
	// pod's /etc/resolv.conf. Defaults to the pods with the label k8s-app: kube-dns
	// in kube-system.
	DNS []PeerArgs `pulumi:"dns"`
	// Origins are hosts of services with what is behind them, where that can't be
	// found in the cluster: the API server, hosts outside of the cluster, Services
	// without a selector, and services whose clients choose the destination. Hosts
	// listed here aren't looked up.
	Origins []PolicyOriginArgs `pulumi:"origins"`
	// MetricsFrom are the namespaces whose pods may scrape the connectors'
	// metrics; none when unset. Probes come from the node and are always allowed.
	MetricsFrom []string `pulumi:"metricsFrom"`
}

// PolicyOriginArgs say what is behind one host.
type PolicyOriginArgs struct {
	// Host is the host as the service has it; bastion or socks-proxy for those
	// services. Required.
	Host string `pulumi:"host"`
	// To are pods or addresses, with the service's port unless their ports are
	// set. Required.
	To []PeerArgs `pulumi:"to"`
}

// PeerArgs are pods or addresses.
type PeerArgs struct {
	// CIDR is a range of addresses. Can't be combined with a namespace or pods.
	CIDR string `pulumi:"cidr"`
	// Namespace is the pods' namespace.
	Namespace string `pulumi:"namespace"`
	// Pods are the pods' labels. Defaults to all pods of the namespace.
	Pods map[string]string `pulumi:"pods"`
	// Ports are the ports on which the pods themselves listen; a Service may have
	// others.
	Ports []int `pulumi:"ports"`
}

// peers returns what the arguments say is behind a host.
func (a *NetworkPolicyArgs) peers(host string) []PeerArgs {
	for _, origin := range a.Origins {
		if origin.Host == host {
			return origin.To
		}
	}
	return nil
}

// closedPorts are warnings about ports of hosts outside of the cluster that the
// arguments leave closed. Those of Services are translated into other ports.
func (a *NetworkPolicyArgs) closedPorts(destinations []cloudflared.Destination) []string {
	var all []string
	for _, d := range destinations {
		i := slices.IndexFunc(a.Origins, func(o PolicyOriginArgs) bool { return o.Host == d.Host })
		if i < 0 || d.ClientChooses() || d.Service.Name != "" {
			continue
		}
		var ports []int
		open := false
		for _, peer := range a.Origins[i].To {
			ports = append(ports, peer.Ports...)
			open = open || peer.CIDR == "" || len(peer.Ports) == 0
		}
		if !open && !slices.Contains(ports, d.Port) {
			list := strings.Join(strings.Fields(strings.Trim(fmt.Sprint(ports), "[]")), ", ")
			all = append(all, fmt.Sprintf("%s: uses port %d of %s, but networkPolicy.origins[%d] allows only %s; add it there, or leave out ports to allow those that are used",
				d.Path, d.Port, d.Host, i, list))
		}
	}
	return all
}

// apiServer is the Service whose endpoints are never pods.
var apiServer = cloudflared.ServiceName{Namespace: "default", Name: "kubernetes"}

func validateNetworkPolicy(path string, args *CloudflareTunnelArgs) error {
	policy, destinations := args.NetworkPolicy, args.routing().Destinations()
	var problems []error
	for i, cidr := range policy.Edge {
		problems = append(problems, validate.CIDR(fmt.Sprintf("%s.edge[%d]", path, i), cidr))
	}
	for i, peer := range policy.DNS {
		problems = append(problems, validatePeer(fmt.Sprintf("%s.dns[%d]", path, i), peer))
	}
	// What is invalid is no destination, though it may be meant to be the origin's.
	complete := args.routing().Validate() == nil
	for i, origin := range policy.Origins {
		used := !complete || slices.ContainsFunc(destinations, func(d cloudflared.Destination) bool { return d.Host == origin.Host })
		problems = append(problems, validatePolicyOrigin(fmt.Sprintf("%s.origins[%d]", path, i), origin, used))
		same := func(other PolicyOriginArgs) bool { return other.Host == origin.Host }
		if first := slices.IndexFunc(policy.Origins, same); first < i && origin.Host != "" {
			problems = append(problems, fmt.Errorf("%s.origins[%d].host: is that of %s.origins[%d] already; list all that is behind it there", path, i, path, first))
		}
	}
	for i, namespace := range policy.MetricsFrom {
		problems = append(problems, validate.Namespace(fmt.Sprintf("%s.metricsFrom[%d]", path, i), namespace))
	}
	reported := map[string]bool{}
	for _, d := range destinations {
		if len(policy.peers(d.Host)) == 0 && !reported[d.Host] {
			reported[d.Host] = true
			problems = append(problems, validateDestination(d, args.Namespace))
		}
	}
	return errors.Join(problems...)
}

func validatePolicyOrigin(path string, origin PolicyOriginArgs, used bool) error {
	var problems []error
	switch {
	case origin.Host == "":
		problems = append(problems, fmt.Errorf("%s.host: not set; it is the host of a service, such as kubernetes.default.svc", path))
	case strings.Contains(origin.Host, "@"):
		problems = append(problems, fmt.Errorf("%s.host: has an @, but must not contain credentials; set the host alone", path))
	case !used:
		problems = append(problems, fmt.Errorf("%s.host: no rule and no origin uses %q; remove it, or correct its spelling", path, origin.Host))
	}
	if len(origin.To) == 0 {
		problems = append(problems, fmt.Errorf("%s.to: not set; list addresses or pods", path))
	}
	for i, peer := range origin.To {
		problems = append(problems, validatePeer(fmt.Sprintf("%s.to[%d]", path, i), peer))
	}
	return errors.Join(problems...)
}

func validatePeer(path string, peer PeerArgs) error {
	problems := []error{validate.Labels(path+".pods", peer.Pods)}
	switch {
	case peer.CIDR != "" && (peer.Namespace != "" || len(peer.Pods) > 0):
		problems = append(problems, fmt.Errorf("%s: has both a cidr and pods; list them separately", path))
	case peer.CIDR != "":
		problems = append(problems, validate.CIDR(path+".cidr", peer.CIDR))
	case peer.Namespace == "":
		problems = append(problems, fmt.Errorf("%s: has neither a cidr nor a namespace; set one", path))
	default:
		problems = append(problems, validate.Namespace(path+".namespace", peer.Namespace))
	}
	for i, port := range peer.Ports {
		problems = append(problems, validate.Port(fmt.Sprintf("%s.ports[%d]", path, i), port))
	}
	return errors.Join(problems...)
}

// validateDestination reports a destination that a network policy can't allow
// without being told what is behind it.
func validateDestination(d cloudflared.Destination, ownNamespace string) error {
	remedy := fmt.Sprintf("add it to networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.10/32}]}", d.Host)
	switch {
	case d.Addr.IsValid():
		return nil
	case d.ClientChooses():
		return fmt.Errorf("%s: with %s, clients choose the destination; list what they may reach in networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.0/24, ports: [22]}]}",
			d.Path, d.Host, d.Host)
	case d.Service == apiServer:
		return fmt.Errorf("%s: the API server isn't a pod, so the network policy needs its address (kubectl --namespace default get endpointslices -l kubernetes.io/service-name=kubernetes); "+
			"add it to networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.10/32, ports: [6443]}]}", d.Path, d.Host)
	case strings.HasSuffix(d.Host, cloudflared.AccessDomain):
		return fmt.Errorf("%s: the network policy needs the addresses of %s, from which connectors fetch the keys of Access; they are Cloudflare's and may change, so add the ranges of https://www.cloudflare.com/ips to networkPolicy.origins: {host: %s, to: [{cidr: 104.16.0.0/13, ports: [443]}, {cidr: 2606:4700::/32, ports: [443]}, …]}",
			d.Path, d.Host, d.Host)
	case cloudflared.IsMultiCluster(d.Host):
		return fmt.Errorf("%s: %q is a Service of several clusters, whose pods aren't looked up; list its addresses in networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.10/32}]}, or its pods, {namespace: web, pods: {app: web}, ports: [8080]}, if the cluster's network is Cilium, for which a cidr is never inside of its clusters",
			d.Path, d.Host, d.Host)
	case d.Service.Name == "":
		return fmt.Errorf("%s: %q is outside of the cluster, so the network policy needs its address; %s", d.Path, d.Host, remedy)
	case d.Service.Namespace == "" && ownNamespace == "":
		return fmt.Errorf("%s: %q would be a Service in the connectors' own namespace, which is new and empty; use %s.<namespace>, or, if it is outside of the cluster, %s", d.Path, d.Host, d.Host, remedy)
	}
	return nil
}
