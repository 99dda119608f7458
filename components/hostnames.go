package components

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Host is a name that leads to the cluster.
type Host struct {
	// Name is the full name.
	Name string
	// Zone is the name of the zone that it lies in.
	Zone string
	// Setting is the argument that asks for it, such as hostnames[0].
	Setting string
}

// hostRecord is the record of one name.
type hostRecord struct {
	Host
	// suffix ends the record's logical name.
	suffix string
	// relative is its name in its zone. The provider finds a record that exists,
	// to overwrite it, only under a name relative to the zone, or the zone's own;
	// the full name would create, but never overwrite.
	relative string
}

// Hosts lists all names that lead to the cluster: the domain, its wildcard, and
// those of Hostnames.
func (a *CloudflareTunnelArgs) Hosts() []Host {
	hosts := []Host{
		{Name: a.Domain, Zone: a.Domain, Setting: "domain"},
		{Name: "*." + a.Domain, Zone: a.Domain, Setting: "domain"},
	}
	for i, host := range a.Hostnames {
		hosts = append(hosts, Host{Name: host, Zone: a.zoneOf(host), Setting: fmt.Sprintf("hostnames[%d]", i)})
	}
	return hosts
}

// hostRecords lists the records of all names.
//
// The logical names are a contract, like all others: <name>-record-<host> and,
// for a wildcard, <name>-wildcard-<what is below>. They follow from the host
// alone, so that adding, removing or reordering names touches no other record.
func hostRecords(a *CloudflareTunnelArgs) []hostRecord {
	var records []hostRecord
	for _, host := range a.Hosts() {
		r := hostRecord{Host: host, suffix: "-record-" + host.Name, relative: host.Name}
		if below, ok := strings.CutPrefix(host.Name, "*."); ok {
			r.suffix = "-wildcard-" + below
		}
		switch host.Name {
		case a.Domain:
			r.suffix = "-apex"
		case "*." + a.Domain:
			r.suffix = "-wildcard"
		}
		if relative, ok := strings.CutSuffix(host.Name, "."+host.Zone); ok {
			r.relative = relative
		}
		records = append(records, r)
	}
	return records
}

// zoneOf returns the name of the zone that a host lies in, the longest that
// fits, or nothing.
func (a *CloudflareTunnelArgs) zoneOf(host string) string {
	longest := ""
	for _, zone := range append(slices.Collect(maps.Keys(a.Zones)), a.Domain) {
		if (host == zone || strings.HasSuffix(host, "."+zone)) && len(zone) > len(longest) {
			longest = zone
		}
	}
	return longest
}

// ZonesInUse lists those of Zones that a name of Hostnames lies in: the ones
// whose identifiers are needed.
func (a *CloudflareTunnelArgs) ZonesInUse() []string {
	used := map[string]bool{}
	for _, host := range a.Hostnames {
		if zone := a.zoneOf(host); zone != a.Domain && zone != "" {
			used[zone] = true
		}
	}
	return slices.Sorted(maps.Keys(used))
}

func (a *CloudflareTunnelArgs) requiredZones() error {
	var problems error
	for _, zone := range a.ZonesInUse() {
		problems = errors.Join(problems, required(fmt.Sprintf("zones[%q]", zone), a.Zones[zone]))
	}
	return problems
}

func validateHostnames(a *CloudflareTunnelArgs) error {
	var problems error
	for _, zone := range slices.Sorted(maps.Keys(a.Zones)) {
		problems = errors.Join(problems, ValidateDomain("zones", zone))
		if zone == a.Domain {
			problems = errors.Join(problems, fmt.Errorf("zones: %s is the domain, which needs no mention", zone))
		}
	}
	for i, host := range a.Hostnames {
		problems = errors.Join(problems, a.validateHostname(fmt.Sprintf("hostnames[%d]", i), i, host))
	}
	return problems
}

func (a *CloudflareTunnelArgs) validateHostname(path string, i int, host string) error {
	name := strings.TrimPrefix(host, "*.")
	lower := strings.ToLower(strings.TrimSuffix(name, "."))
	zone := a.zoneOf(host)
	switch {
	case strings.Contains(host, "/"):
		return fmt.Errorf("%s: %q is a URL; give the bare name, such as photos.example.com", path, host)
	case lower != name && domainPattern.MatchString(lower):
		return fmt.Errorf("%s: %q has to be in lower case without a final dot", path, host)
	case len(host) > 253 || !domainPattern.MatchString(name):
		return fmt.Errorf("%s: %q is not a full host name, such as photos.example.com or *.example.net (write an internationalised one in its xn-- form)", path, host)
	case slices.Index(a.Hostnames, host) < i:
		return fmt.Errorf("%s: %s is hostnames[%d] already", path, host, slices.Index(a.Hostnames, host))
	case host == a.Domain || name == a.Domain:
		return fmt.Errorf("%s: %s has its record already: the domain and its wildcard need no mention", path, host)
	case a.Domain != "" && zone == "":
		return fmt.Errorf("%s: %s lies neither in the domain, %s, nor in any of zones; add its zone to zones", path, host, a.Domain)
	case name != zone && strings.HasSuffix("."+strings.TrimSuffix(host, "."+zone), "."+zone):
		return fmt.Errorf("%s: %s repeats its zone, %s; Cloudflare would take it for a name without the repetition", path, host, zone)
	}
	return nil
}

// warnings tells what Cloudflare and cloudflared take, but may disappoint.
func warnings(a *CloudflareTunnelArgs) []string {
	var all []string
	for i, host := range a.Hostnames {
		if isDeep(host, a.zoneOf(host)) {
			all = append(all, fmt.Sprintf("hostnames[%d]: %s is more than one level below its zone; "+
				"Cloudflare's free certificate doesn't cover it, so HTTPS needs an Advanced Certificate", i, host))
		}
	}
	for i, rule := range a.Ingress {
		host := strings.ToLower(rule.Hostname)
		if host == "" || host == "*" {
			continue
		}
		switch zone := a.zoneOf(host); {
		case zone != a.Domain && !slices.ContainsFunc(a.Hostnames, func(name string) bool { return covers(name, host) || covers(host, name) }):
			all = append(all, fmt.Sprintf("ingress[%d].hostname: no record of this stack leads %s here; add it to hostnames", i, host))
		case !slices.Contains(a.Hostnames, host) && isDeep(host, zone):
			all = append(all, fmt.Sprintf("ingress[%d].hostname: %s is more than one level below its zone; "+
				"Cloudflare's free certificate doesn't cover it, so HTTPS needs an Advanced Certificate", i, host))
		}
	}
	return all
}

// isDeep tells whether a name is below what a zone's free certificate covers:
// the zone and one level.
func isDeep(host, zone string) bool {
	relative, below := strings.CutSuffix(host, "."+zone)
	return below && zone != "" && strings.Contains(relative, ".")
}

// covers tells whether a record of that name answers for the host.
func covers(record, host string) bool {
	below, wildcard := strings.CutPrefix(record, "*")
	return record == host || wildcard && strings.HasSuffix(host, below)
}
