package components

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
)

// hostPattern is a host name that a request may carry. Letters of any script
// are allowed: cloudflared compares with the xn-- form too.
var hostPattern = regexp.MustCompile(`^([\p{L}\p{M}\p{N}_-]{1,63}\.)*[\p{L}\p{M}\p{N}_-]{1,63}$`)

// validateIngress reports every rule that cloudflared would refuse; with any,
// it doesn't start. Beyond that it refuses what cloudflared takes, but can't
// have been meant:
//
//   - a hostname that no request carries: a URL, an empty label, *example.com;
//   - a scheme that cloudflared doesn't know and takes for raw TCP;
//   - a service with a user, a query or a fragment, which is dropped, with a
//     port that doesn't exist, or unix: without a path;
//   - a proxyType besides socks, which is ignored, and a proxyPort that doesn't
//     exist;
//   - control characters, such as the line break that YAML's | leaves behind;
//   - faulty ipRules and an access without its team where cloudflared doesn't
//     look: in the defaults, on services that have no use for them, and with a
//     check that isn't required.
func validateIngress(a *CloudflareTunnelArgs) error {
	problems := validateOriginRequest("originRequest", a.OriginRequest)
	for i, rule := range a.Ingress {
		path := fmt.Sprintf("ingress[%d]", i)
		if rule.matchesAll() && i < len(a.Ingress)-1 {
			problems = errors.Join(problems, fmt.Errorf("%s: matches every request, so the rules after it would never be asked; give it a hostname or path, or make it the last one", path))
		}
		problems = errors.Join(problems,
			validateRuleHostname(path+".hostname", rule.Hostname),
			validateRulePath(path+".path", rule.Path),
			validateTexts(path, map[string]*string{"path": &rule.Path, "service": &rule.Service}),
			validateOriginRequest(path+".originRequest", rule.OriginRequest),
		)
		if !isBastion(rule, a.OriginRequest) {
			problems = errors.Join(problems, validateService(path+".service", rule.Service))
		}
	}
	return problems
}

// isBastion tells whether a rule's service is of no account, because the client
// chooses the destination.
func isBastion(rule IngressRule, defaults *OriginRequest) bool {
	for _, r := range []*OriginRequest{rule.OriginRequest, defaults} {
		if r != nil && r.BastionMode != nil {
			return *r.BastionMode && !isServedByConnector(rule.Service)
		}
	}
	return false
}

func validateRuleHostname(path, hostname string) error {
	name := strings.TrimPrefix(hostname, "*.")
	host, _, portErr := net.SplitHostPort(hostname)
	switch {
	case hostname == "" || hostname == "*":
		return nil
	case strings.Contains(hostname, "/"):
		return fmt.Errorf("%s: %q is a URL or has a path; give the bare host name, and the path as a field of its own", path, hostname)
	case portErr == nil:
		return fmt.Errorf("%s: %q has a port; a rule matches the host name alone, so write %q", path, hostname, host)
	case strings.Contains(name, "*"):
		return fmt.Errorf("%s: %q has a wildcard that isn't the whole first label, as in *.example.com", path, hostname)
	case !hostPattern.MatchString(name) || len(name) > 253:
		return fmt.Errorf("%s: %q is not a host name, such as photos.example.com or *.example.com", path, hostname)
	}
	return nil
}

func validateRulePath(path, expression string) error {
	if _, err := regexp.Compile(expression); err != nil {
		return fmt.Errorf("%s: %q is not a regular expression that Go understands: %w", path, expression, err)
	}
	return nil
}

func validateOriginRequest(path string, r *OriginRequest) error {
	if r == nil {
		return nil
	}
	var problems error
	for _, d := range []struct {
		name  string
		value *string
	}{
		{"connectTimeout", r.ConnectTimeout},
		{"tlsTimeout", r.TLSTimeout},
		{"tcpKeepAlive", r.TCPKeepAlive},
		{"keepAliveTimeout", r.KeepAliveTimeout},
	} {
		if d.value == nil {
			continue
		}
		if _, err := time.ParseDuration(*d.value); err != nil {
			problems = errors.Join(problems, fmt.Errorf("%s.%s: %q is not a duration, such as 30s or 1m30s", path, d.name, *d.value))
		}
	}
	problems = errors.Join(problems, validateTexts(path, map[string]*string{
		"httpHostHeader":   r.HTTPHostHeader,
		"originServerName": r.OriginServerName,
		"caPool":           r.CAPool,
		"proxyAddress":     r.ProxyAddress,
	}))
	if r.ProxyPort != nil && (*r.ProxyPort < 0 || *r.ProxyPort > 65535) {
		problems = errors.Join(problems, fmt.Errorf("%s.proxyPort: %d is not a port from 0 (any) to 65535", path, *r.ProxyPort))
	}
	if r.ProxyType != nil && *r.ProxyType != "" && *r.ProxyType != "socks" {
		problems = errors.Join(problems, fmt.Errorf("%s.proxyType: %q is neither socks nor empty", path, *r.ProxyType))
	}
	for i, rule := range r.IPRules {
		problems = errors.Join(problems, validateIPRule(fmt.Sprintf("%s.ipRules[%d]", path, i), rule))
	}
	return errors.Join(problems, validateAccess(path+".access", r.Access))
}

func validateAccess(path string, access *Access) error {
	if access == nil {
		return nil
	}
	texts := map[string]*string{"teamName": &access.TeamName, "environment": &access.Environment}
	for i := range access.AudTag {
		texts[fmt.Sprintf("audTag[%d]", i)] = &access.AudTag[i]
	}
	problems := validateTexts(path, texts)
	if access.TeamName == "" && len(access.AudTag) > 0 {
		problems = errors.Join(problems, fmt.Errorf("%s.teamName: not set, though audTag is; it is the first part of <team>.cloudflareaccess.com", path))
	}
	return problems
}

func validateTexts(path string, texts map[string]*string) error {
	var problems error
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		if text := texts[name]; text != nil && strings.ContainsFunc(*text, unicode.IsControl) {
			problems = errors.Join(problems, fmt.Errorf("%s.%s: %q has a line break or another control character", path, name, *text))
		}
	}
	return problems
}

func validateIPRule(path string, rule IPRule) error {
	var problems error
	if _, _, err := net.ParseCIDR(rule.Prefix); err != nil {
		problems = fmt.Errorf("%s.prefix: %q is not a range of addresses, such as 10.0.0.0/8", path, rule.Prefix)
	}
	if i := slices.IndexFunc(rule.Ports, func(port int) bool { return port < 1 || port > 65535 }); i >= 0 {
		problems = errors.Join(problems, fmt.Errorf("%s.ports[%d]: %d is not a port from 1 to 65535", path, i, rule.Ports[i]))
	}
	return problems
}
