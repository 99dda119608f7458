package names

import (
	"fmt"
	"slices"
	"strings"
)

// Set is the names that lead to a cluster.
type Set struct {
	// Domain is the name of the Cloudflare zone that leads there with its
	// wildcard.
	Domain string
	// Hostnames are further names.
	Hostnames []string
	// Zones are the names of further zones, which Hostnames lie in.
	Zones []string
}

// Host is a name that leads to the cluster.
type Host struct {
	// Name is the full name.
	Name string
	// Zone is the name of the zone that it lies in.
	Zone string
	// Argument is the argument that asks for it, such as hostnames[0].
	Argument string
}

// domainArgument is the argument that asks for the domain and its wildcard.
const domainArgument = "domain"

// Hosts lists all names: the domain, its wildcard, and Hostnames.
func (s Set) Hosts() []Host {
	hosts := []Host{
		{Name: s.Domain, Zone: s.Domain, Argument: domainArgument},
		{Name: "*." + s.Domain, Zone: s.Domain, Argument: domainArgument},
	}
	for i, name := range s.Hostnames {
		hosts = append(hosts, Host{Name: name, Zone: s.zoneOf(name), Argument: fmt.Sprintf("hostnames[%d]", i)})
	}
	return hosts
}

// ZonesInUse lists those of Zones that one of Hostnames lies in.
func (s Set) ZonesInUse() []string {
	var used []string
	for _, name := range s.Hostnames {
		if zone := s.zoneOf(name); zone != s.Domain && zone != "" {
			used = append(used, zone)
		}
	}
	slices.Sort(used)
	return slices.Compact(used)
}

// zoneOf returns the name of the zone that a host lies in, the longest that
// fits, or nothing.
func (s Set) zoneOf(host string) string {
	longest := ""
	for _, zone := range append(slices.Clone(s.Zones), s.Domain) {
		if (host == zone || strings.HasSuffix(host, "."+zone)) && len(zone) > len(longest) {
			longest = zone
		}
	}
	return longest
}

// Warnings says which names may disappoint visitors, though Cloudflare accepts
// them. ingress are the hostnames of the ingress rules, in their order.
func (s Set) Warnings(ingress []string) []string {
	var all []string
	for i, host := range s.Hostnames {
		if needsCertificate(host, s.zoneOf(host)) {
			all = append(all, certificateWarning(fmt.Sprintf("hostnames[%d]", i), host))
		}
	}
	for i, host := range ingress {
		host = strings.ToLower(host)
		if host == "" || host == "*" {
			continue
		}
		argument := fmt.Sprintf("ingress[%d].hostname", i)
		served := func(name string) bool { return covers(name, host) || covers(host, name) }
		switch zone := s.zoneOf(host); {
		case zone != s.Domain && !slices.ContainsFunc(s.Hostnames, served):
			all = append(all, fmt.Sprintf("%s: %s has no record in this stack; add it to hostnames", argument, host))
		case !slices.Contains(s.Hostnames, host) && needsCertificate(host, zone):
			all = append(all, certificateWarning(argument, host))
		}
	}
	return all
}

func certificateWarning(argument, host string) string {
	return fmt.Sprintf("%s: %s is more than one level below its zone; Cloudflare's free certificate doesn't cover it, "+
		"so HTTPS needs an Advanced Certificate", argument, host)
}

// needsCertificate reports whether a host isn't covered by its zone's free
// certificate, which is for the zone and one level below.
func needsCertificate(host, zone string) bool {
	relative, below := strings.CutSuffix(host, "."+zone)
	return below && zone != "" && strings.Contains(relative, ".")
}

// covers reports whether a record of that name answers for the host.
func covers(record, host string) bool {
	below, wildcard := strings.CutPrefix(record, "*")
	return record == host || wildcard && strings.HasSuffix(host, below)
}
