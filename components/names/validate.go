package names

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

const dnsLabel = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`

var domainPattern = regexp.MustCompile(`^(` + dnsLabel + `\.)+` + dnsLabel + `$`)

// Validate reports everything that is wrong with the names, each problem with
// the argument that it is about.
func (s Set) Validate() error {
	problems := []error{validateZone("domain", s.Domain)}
	for _, zone := range slices.Sorted(slices.Values(s.Zones)) {
		problems = append(problems, validateZone("zones", zone))
		if zone == s.Domain {
			problems = append(problems, fmt.Errorf("zones: %s is the domain, which is included already; remove it", zone))
		}
	}
	for i, host := range s.Hostnames {
		problems = append(problems, s.validateHostname(fmt.Sprintf("hostnames[%d]", i), i, host))
	}
	return errors.Join(problems...)
}

func validateZone(path, zone string) error {
	lower := strings.ToLower(strings.TrimSuffix(zone, "."))
	switch {
	case zone == "":
		return fmt.Errorf("%s: not set; it is the name of your Cloudflare zone, such as example.com", path)
	case strings.Contains(zone, "://") || strings.Contains(zone, "/"):
		return fmt.Errorf("%s: %q is a URL; use the zone's name alone, such as example.com", path, zone)
	case strings.HasPrefix(zone, "*."):
		return fmt.Errorf("%s: %q is a wildcard; use the zone's name, %q, which includes its wildcard", path, zone, zone[2:])
	case lower != zone && domainPattern.MatchString(lower):
		return fmt.Errorf("%s: %q must be in lower case and without a final dot: %q", path, zone, lower)
	case len(zone) > 253 || !domainPattern.MatchString(zone):
		return fmt.Errorf("%s: %q is not a domain name, such as example.com (use the xn-- form of an internationalized name)", path, zone)
	}
	return nil
}

func (s Set) validateHostname(path string, i int, host string) error {
	name := strings.TrimPrefix(host, "*.")
	lower := strings.ToLower(strings.TrimSuffix(name, "."))
	zone := s.zoneOf(host)
	switch {
	case strings.Contains(host, "/"):
		return fmt.Errorf("%s: %q is a URL; use the host name alone, such as photos.example.com", path, host)
	case lower != name && domainPattern.MatchString(lower):
		return fmt.Errorf("%s: %q must be in lower case and without a final dot", path, host)
	case len(host) > 253 || !domainPattern.MatchString(name):
		return fmt.Errorf("%s: %q is not a full host name, such as photos.example.com or *.example.net (use the xn-- form of an internationalized name)", path, host)
	case slices.Index(s.Hostnames, host) < i:
		return fmt.Errorf("%s: %s is listed already, as hostnames[%d]; remove it", path, host, slices.Index(s.Hostnames, host))
	case name == s.Domain:
		return fmt.Errorf("%s: %s is included already, with the domain and its wildcard; remove it", path, host)
	case s.Domain != "" && zone == "":
		return fmt.Errorf("%s: %s is neither in the domain, %s, nor in any of zones; add its zone to zones", path, host, s.Domain)
	case name != zone && strings.HasSuffix("."+strings.TrimSuffix(host, "."+zone), "."+zone):
		return fmt.Errorf("%s: %s has its zone, %s, twice; Cloudflare would create the name without the repetition", path, host, zone)
	}
	return nil
}
