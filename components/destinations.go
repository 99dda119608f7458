package components

import (
	"cmp"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// serviceName identifies a Kubernetes Service.
type serviceName struct{ namespace, name string }

// apiServer is the one Service whose endpoints are never pods.
var apiServer = serviceName{"default", "kubernetes"}

// destination is what a rule makes the connectors connect to.
type destination struct {
	path string // the property that names it
	host string // as it is written there
	port int    // 0: the visitor's choice
	addr netip.Addr
	// service is the Service of a name in the cluster. Its namespace is empty
	// for the connectors' own.
	service serviceName
}

// defaultPorts are those that cloudflared adds to a service without one.
var defaultPorts = map[string]int{
	"http": 80, "ws": 80, "https": 443, "wss": 443, "tcp": 7864, "ssh": 22, "rdp": 3389, "smb": 445,
}

// destinations lists what the ingress rules make the connectors connect to,
// within the network. Rules that aren't valid are left out.
func destinations(args *CloudflareTunnelArgs) []destination {
	var out []destination
	for i, rule := range effectiveIngress(args) {
		path, access := "origin", accessOf(args.OriginRequest)
		if i < len(args.Ingress) {
			path = fmt.Sprintf("ingress[%d].service", i)
		}
		if own := accessOf(rule.OriginRequest); own != nil {
			access = own
		}
		// The keys of Access' tokens are fetched from the team's own host.
		if access != nil && access.Required && access.TeamName != "" {
			host := access.TeamName + ".cloudflareaccess.com"
			out = append(out, destination{path: path, host: host, port: 443})
		}
		service := rule.Service
		if bastion := rule.OriginRequest; bastion != nil && valueOr(bastion.BastionMode, false) {
			service = "bastion"
		}
		if d, ok := destinationOf(path, service); ok {
			out = append(out, d)
		}
	}
	return out
}

func accessOf(r *OriginRequest) *Access {
	if r == nil {
		return nil
	}
	return r.Access
}

// destinationOf returns what a service stands for, if cloudflared doesn't
// answer by itself or from within the pod.
func destinationOf(path, service string) (destination, bool) {
	if service == "bastion" || service == "socks-proxy" {
		return destination{path: path, host: service}, true
	}
	u, err := url.Parse(service)
	if err != nil || u.Hostname() == "" || defaultPorts[u.Scheme] == 0 {
		return destination{}, false
	}
	d := destination{path: path, host: u.Hostname(), port: defaultPorts[u.Scheme]}
	if port, err := strconv.Atoi(u.Port()); err == nil {
		d.port = port
	}
	if addr, err := netip.ParseAddr(d.host); err == nil {
		d.addr = addr.Unmap()
		return d, !d.addr.IsLoopback()
	}
	d.service = serviceOf(d.host)
	return d, d.host != "localhost"
}

// serviceOf returns the Service that a name stands for: name, name.namespace,
// or name.namespace.svc with or without the cluster's domain. It is empty for
// other names.
func serviceOf(host string) serviceName {
	labels := strings.Split(strings.TrimSuffix(strings.ToLower(host), "."), ".")
	if svc := slices.Index(labels, "svc"); svc >= 2 {
		// Before them may come the name of a single pod.
		return serviceName{labels[svc-1], labels[svc-2]}
	}
	switch len(labels) {
	case 1:
		return serviceName{"", labels[0]}
	case 2:
		return serviceName{labels[1], labels[0]}
	}
	return serviceName{}
}

// isService tells whether a Service has to be asked for what is behind it.
func (d destination) isService() bool { return d.service.name != "" && d.service != apiServer }

// serviceIn returns the Service, in the connectors' own namespace unless the
// name says another.
func (d destination) serviceIn(ownNamespace string) serviceName {
	return serviceName{cmp.Or(d.service.namespace, ownNamespace), d.service.name}
}

// problem says why a destination that isn't named in networkPolicy.origins
// can't be found out.
func (d destination) problem(ownNamespace string) error {
	name := func(port int) string {
		return fmt.Sprintf("name it in networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.10/32, ports: [%d]}]}", d.host, port)
	}
	switch {
	case d.addr.IsValid():
		return nil
	case d.port == 0:
		return fmt.Errorf("%s: with %s the visitor chooses the destination; say which are allowed in networkPolicy.origins: {host: %s, to: [{cidr: 192.0.2.0/24, ports: [22]}]}", d.path, d.host, d.host)
	case d.service == apiServer:
		return fmt.Errorf("%s: the API server isn't a pod, so the network policy needs its address (kubectl get endpointslices -l kubernetes.io/service-name=kubernetes); %s",
			d.path, name(6443))
	case d.service.name == "":
		return fmt.Errorf("%s: %q lies outside of the cluster, so the network policy needs its address; %s", d.path, d.host, name(d.port))
	case d.service.namespace == "" && ownNamespace == "":
		return fmt.Errorf("%s: %q would be a Service in the connectors' own namespace, which is new and empty; write %s.<namespace>", d.path, d.host, d.host)
	}
	return nil
}
