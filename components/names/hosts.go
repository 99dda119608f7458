package names

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode"
)

// Set is the names that lead to a cluster.
type Set struct {
	// Domain is a name that leads there with its wildcard, unless it is empty.
	Domain string
	// Hostnames are further names.
	Hostnames []string
}

// Host is a name that leads to the cluster.
type Host struct {
	// Name is the full name.
	Name string
	// Argument is the argument that asks for it, such as hostnames[0].
	Argument string
	// Zone is the name of the zone that it lies in, once that was looked up.
	Zone string
	// Partial says that this is a partial zone, whose DNS is elsewhere.
	Partial bool
}

// domainArgument is the argument that asks for the domain and its wildcard.
const domainArgument = "domain"

// ASCII returns the set with internationalized names in the xn-- form. Names in ASCII stay
// as they are.
func (s Set) ASCII() Set {
	convert := func(name string) string {
		if strings.ContainsFunc(name, func(r rune) bool { return r > unicode.MaxASCII }) {
			return ASCII(name)
		}
		return name
	}
	out := Set{Domain: convert(s.Domain)}
	for _, name := range s.Hostnames {
		out.Hostnames = append(out.Hostnames, convert(name))
	}
	return out
}

// Hosts lists all names once: the domain, its wildcard, and Hostnames.
func (s Set) Hosts() []Host {
	var hosts []Host
	if s.Domain != "" {
		hosts = append(hosts, Host{Name: s.Domain, Argument: domainArgument}, Host{Name: "*." + s.Domain, Argument: domainArgument})
	}
	for i, name := range s.Hostnames {
		if !slices.ContainsFunc(hosts, func(h Host) bool { return h.Name == name }) {
			hosts = append(hosts, Host{Name: name, Argument: hostnameArgument(i)})
		}
	}
	return hosts
}

func hostnameArgument(i int) string { return fmt.Sprintf("hostnames[%d]", i) }

// Within reports whether the host lies in a zone.
func (h Host) Within(zone string) bool {
	return Equal(h.Name, zone) || strings.HasSuffix(h.Name, "."+ASCII(zone))
}

// Warnings says which names may disappoint visitors, though Cloudflare accepts
// them. hosts are the names that lead to the cluster, with their zones, and others are
// names that lead there by records of others. ingress are the hostnames of the ingress
// rules, in their order. kinds are types of the records that exist already, by their names.
func Warnings(hosts, others []Host, ingress []string, kinds map[string]string) []string {
	var all []string
	later := map[string]string{} // the types after the update
	maps.Copy(later, kinds)
	for _, host := range hosts {
		later[host.Name] = cmp.Or(later[host.Name], "CNAME")
		if host.needsCertificate() {
			all = append(all, host.certificateWarning())
		}
	}
	hosts = slices.Concat(hosts, others)
	for i, name := range ingress {
		rule := Host{Name: ASCII(name), Argument: fmt.Sprintf("ingress[%d].hostname", i)}
		if rule.Name == "" || rule.Name == "*" {
			continue
		}
		if slices.ContainsFunc(hosts, func(h Host) bool { return h.Name == rule.Name }) {
			continue // warned of as a host, if at all, or not the stack's business
		}
		record, served := rule.servedBy(hosts)
		if !served {
			all = append(all, fmt.Sprintf("%s: %s has no record in this stack; add it to hostnames", rule.Argument, rule.Name))
			continue
		}
		if !covers(record.Name, rule.Name) {
			continue // the rule is for several records
		}
		rule.Zone, rule.Partial = record.Zone, record.Partial
		if name := rule.hiddenFrom(record, later); name != "" {
			all = append(all, fmt.Sprintf("%s: %s gets no requests by the record of %s, because %s has a record of type %s, and wildcards end there; add %s to hostnames",
				rule.Argument, rule.Name, record.Name, name, later[name], rule.Name))
		}
		if rule.needsCertificate() {
			all = append(all, rule.certificateWarning())
		}
	}
	return all
}

// servedBy finds the record that leads to the cluster for the name of a rule: of several
// wildcards, the longest. A rule with a wildcard may be for several records.
func (h Host) servedBy(hosts []Host) (record Host, served bool) {
	for _, candidate := range hosts {
		if covers(candidate.Name, h.Name) && len(candidate.Name) > len(record.Name) {
			record, served = candidate, true
		}
	}
	if served {
		return record, true
	}
	i := slices.IndexFunc(hosts, func(candidate Host) bool { return covers(h.Name, candidate.Name) })
	if i < 0 {
		return Host{}, false
	}
	return hosts[i], true
}

// hiddenFrom returns the name of the record that keeps a host from a wildcard: a wildcard
// doesn't apply to any name that exists, nor to those below.
func (h Host) hiddenFrom(wildcard Host, kinds map[string]string) string {
	base := strings.TrimPrefix(wildcard.Name, "*.")
	for name := strings.TrimPrefix(h.Name, "*."); name != base && strings.Contains(name, "."); _, name, _ = strings.Cut(name, ".") {
		if kinds[name] != "" {
			return name
		}
	}
	return ""
}

// certificateWarning says what visitors of a host see that needsCertificate.
func (h Host) certificateWarning() string {
	if h.Partial {
		return fmt.Sprintf("%s: %s is a wildcard in a partial zone, where each of Cloudflare's free certificates is for a single name: "+
			"browsers will refuse to connect over HTTPS (ERR_SSL_VERSION_OR_CIPHER_MISMATCH); order an advanced certificate for it, or list the names in hostnames",
			h.Argument, h.Name)
	}
	another := "another name"
	if relative := h.RecordName(); !strings.HasPrefix(relative, "*") {
		another = fmt.Sprintf("a name one level below the zone, such as %s.%s", strings.ReplaceAll(relative, ".", "-"), h.Zone)
	}
	return fmt.Sprintf("%s: %s is more than one level below its zone, %s, where Cloudflare's free certificate ends: "+
		"browsers will refuse to connect over HTTPS (ERR_SSL_VERSION_OR_CIPHER_MISMATCH); order an advanced certificate for it, or use %s",
		h.Argument, h.Name, h.Zone, another)
}

// needsCertificate reports whether a host isn't covered by its zone's free
// certificate, which is for the zone and one level below. In a partial zone, each name
// has a certificate of its own, and a wildcard none. See
// https://developers.cloudflare.com/ssl/edge-certificates/universal-ssl/limitations/#hostname-coverage
func (h Host) needsCertificate() bool {
	if h.Partial {
		return strings.HasPrefix(h.Name, "*.")
	}
	return h.Zone != "" && h.Name != h.Zone && strings.Contains(h.RecordName(), ".")
}

// covers reports whether a record of that name answers for the host.
func covers(record, host string) bool {
	below, wildcard := strings.CutPrefix(record, "*")
	return record == host || wildcard && strings.HasSuffix(host, below)
}
