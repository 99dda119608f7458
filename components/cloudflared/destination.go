package cloudflared

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// ServiceName identifies a Kubernetes Service.
type ServiceName struct{ Namespace, Name string }

// Destination is what a rule makes cloudflared connect to.
type Destination struct {
	// Path is the argument that asks for it, such as ingress[0].service.
	Path string
	// Host is the host as the argument has it; bastion or socks-proxy when the
	// client chooses.
	Host string
	// Port is 0 when the client chooses.
	Port int
	// Addr is set when Host is an address.
	Addr netip.Addr
	// Service is the Kubernetes Service that Host may name. Its namespace is
	// empty for the connectors' own.
	Service ServiceName
	// NeedsCertificate is set when cloudflared expects a certificate of a public
	// authority for Host.
	NeedsCertificate bool
}

// ClientChooses reports whether the client chooses the destination.
func (d Destination) ClientChooses() bool { return d.Port == 0 }

// IsFedRAMP reports whether it is where the keys of a FedRAMP team's Access are.
func (d Destination) IsFedRAMP() bool {
	return strings.HasSuffix(d.Path, ".access") && strings.HasSuffix(d.Host, fedDomain)
}

// Destinations lists what the rules make cloudflared connect to, apart from the
// edge and its own container. Invalid rules, and teams that can't be ones, are left out.
func (r Routing) Destinations() []Destination {
	var all []Destination
	add := func(d Destination) {
		if !slices.Contains(all, d) {
			all = append(all, d)
		}
	}
	for i, rule := range r.Rules() {
		path, request := "origin", "originRequest"
		if i < len(r.Ingress) {
			path = fmt.Sprintf("ingress[%d].service", i)
			if own := r.Ingress[i].OriginRequest; own != nil && own.Access != nil {
				request = fmt.Sprintf("ingress[%d].originRequest", i)
			}
		}
		if o := rule.OriginRequest; o != nil && o.Access.on() && o.Access.host() != "" {
			// cloudflared fetches the keys of Access's tokens from the team's host.
			add(Destination{Path: request + ".access", Host: o.Access.host(), Port: 443})
		}
		if service, err := r.service(i, rule); err == nil {
			if service.Kind == ServiceBastion {
				path = r.bastionArgument(i)
			}
			if d, outside := service.destination(path); outside {
				d.NeedsCertificate = (service.Scheme == "https" || service.Scheme == "wss") && r.verifiesHost(rule)
				add(d)
			}
		}
	}
	return all
}

// verifiesHost reports whether no setting changes what cloudflared verifies of a TLS
// service by default.
func (r Routing) verifiesHost(rule IngressRule) bool {
	own, common := cmp.Or(rule.OriginRequest, &OriginRequest{}), cmp.Or(r.OriginRequest, &OriginRequest{})
	for _, text := range []*string{cmp.Or(own.CAPool, common.CAPool), cmp.Or(own.OriginServerName, common.OriginServerName)} {
		if text != nil && *text != "" {
			return false
		}
	}
	for _, on := range []*bool{cmp.Or(own.NoTLSVerify, common.NoTLSVerify), cmp.Or(own.MatchSNIToHost, common.MatchSNIToHost)} {
		if on != nil && *on {
			return false
		}
	}
	return true
}

// Warnings are about services in the connector's own pod, as most configuration files
// of a cloudflared beside its service have them, about paths that decide who gets in, and
// about ipRules that admit nobody, or don't keep anybody out.
func (r Routing) Warnings() []string {
	warnings := append(r.pathWarnings(), r.ipRuleWarnings()...)
	for i, rule := range r.Rules() {
		service, err := r.service(i, rule)
		if err != nil || !service.isLoopback() {
			continue
		}
		path := "origin"
		if i < len(r.Ingress) {
			path = fmt.Sprintf("ingress[%d].service", i)
		}
		warnings = append(warnings, fmt.Sprintf("%s: %s is in the connectors' own pods, where nothing listens unless your program adds a container; use a Service, such as %s, or the address of a host", path, service, exampleService))
	}
	return warnings
}

// destination returns what the service connects to, and false when that is
// nothing outside of the connector's own pod.
func (s Service) destination(path string) (Destination, bool) {
	switch s.Kind {
	case ServiceBastion, ServiceSOCKS:
		return Destination{Path: path, Host: s.String()}, true
	case ServiceURL:
	default:
		return Destination{}, false
	}
	d := Destination{Path: path, Host: s.Host, Port: s.Port}
	if addr, err := netip.ParseAddr(s.Host); err == nil {
		d.Addr = addr.Unmap()
	} else {
		d.Service = serviceName(s.Host)
	}
	return d, !s.isLoopback()
}

// IsMultiCluster reports whether a host is a Service of several clusters, as the
// Multi-Cluster Services API names them.
func IsMultiCluster(host string) bool {
	return strings.HasSuffix(strings.TrimSuffix(strings.ToLower(host), "."), ".svc.clusterset.local")
}

// serviceName returns the Kubernetes Service that a host names: name,
// name.namespace, or name.namespace.svc with or without the cluster's domain.
// It is empty for other hosts, such as Services of several clusters, whose pods may be in
// any of them. A final dot makes a name complete as it is, so only one with the cluster's
// domain may have it.
func serviceName(host string) ServiceName {
	if IsMultiCluster(host) {
		return ServiceName{}
	}
	name, complete := strings.CutSuffix(strings.ToLower(host), ".")
	labels := strings.Split(name, ".")
	if svc := slices.Index(labels, "svc"); svc >= 2 && (!complete || svc < len(labels)-1) {
		// The labels before them name a single pod.
		return ServiceName{labels[svc-1], labels[svc-2]}
	}
	switch {
	case complete:
		return ServiceName{}
	case len(labels) == 1:
		return ServiceName{"", labels[0]}
	case len(labels) == 2:
		return ServiceName{labels[1], labels[0]}
	}
	return ServiceName{}
}
