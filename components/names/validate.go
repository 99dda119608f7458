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

// hostnamePattern allows underscores below the domain, as DNS and browsers do.
var hostnamePattern = regexp.MustCompile(`^([a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?\.)*(` + dnsLabel + `\.)+` + dnsLabel + `$`)

// Validate reports everything that is wrong with the names, each problem with
// the argument that it is about.
func (s Set) Validate() error {
	var problems []error
	switch {
	case s.Domain != "":
		problems = append(problems, validateDomain(s.Domain))
	case len(s.Hostnames) == 0:
		problems = append(problems, errors.New("domain: not set; it is the name that leads to the cluster with its wildcard, such as example.com; "+
			"to expose single names, set hostnames instead"))
	}
	for i, host := range s.Hostnames {
		problems = append(problems, s.validateHostname(hostnameArgument(i), i, host))
	}
	return errors.Join(problems...)
}

func validateDomain(domain string) error {
	const path = domainArgument
	lower := strings.ToLower(strings.TrimSuffix(domain, "."))
	switch {
	case strings.Contains(domain, "@"):
		return fmt.Errorf("%s: has an @, but must not contain credentials; use the name alone, such as example.com", path)
	case strings.Contains(domain, "/"):
		return fmt.Errorf("%s: %q is a URL; use the name alone, such as example.com", path, domain)
	case strings.HasPrefix(domain, "*."):
		return fmt.Errorf("%s: %q is a wildcard; use the name %q, which includes its wildcard, or list names in hostnames", path, domain, domain[2:])
	case lower != domain && domainPattern.MatchString(lower):
		return fmt.Errorf("%s: %q must be in lower case and without a final dot: %q", path, domain, lower)
	case len("*."+domain) > MaxName || !domainPattern.MatchString(domain):
		return fmt.Errorf("%s: %q is not a domain name, such as example.com", path, domain)
	}
	return nil
}

// MaxName is the longest name that DNS allows, in characters.
const MaxName = 253

func (s Set) validateHostname(path string, i int, host string) error {
	name := strings.TrimPrefix(host, "*.")
	lower := strings.ToLower(strings.TrimSuffix(name, "."))
	switch {
	case strings.Contains(host, "@"):
		return fmt.Errorf("%s: has an @, but must not contain credentials; use the host name alone, such as photos.example.com", path)
	case strings.Contains(host, "/"):
		return fmt.Errorf("%s: %q is a URL; use the host name alone, such as photos.example.com", path, host)
	case lower != name && hostnamePattern.MatchString(lower):
		return fmt.Errorf("%s: %q must be in lower case and without a final dot", path, host)
	case len(host) > MaxName || !hostnamePattern.MatchString(name):
		return fmt.Errorf("%s: %q is not a full host name, such as photos.example.com or *.example.net", path, host)
	case slices.Index(s.Hostnames, host) < i:
		return fmt.Errorf("%s: %s is listed already, as %s; remove it", path, host, hostnameArgument(slices.Index(s.Hostnames, host)))
	}
	return nil
}

// Repetition reports that a host ends in its zone twice.
func (h Host) Repetition() error {
	if h.Name == h.Zone || !strings.HasSuffix("."+h.RecordName(), "."+h.Zone) {
		return nil
	}
	return fmt.Errorf("%s: %s has its zone, %s, twice; Cloudflare would create the name without the repetition", h.Argument, h.Name, h.Zone)
}
