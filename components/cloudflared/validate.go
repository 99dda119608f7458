package cloudflared

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"k8s-tunnel/components/internal/validate"
	"k8s-tunnel/components/names"
)

// hostPattern is a host name that a request may have. Letters of any script are
// allowed: the rules have the xn-- form.
var hostPattern = regexp.MustCompile(`^([\p{L}\p{M}\p{N}_-]{1,63}\.)*[\p{L}\p{M}\p{N}_-]{1,63}$`)

// Validate reports everything that cloudflared would refuse to start with, each
// problem with the argument that it is about. Beyond that it refuses what
// cloudflared accepts but can't have been meant:
//
//   - a hostname that no request has: a URL, an empty label, *example.com;
//   - a scheme that cloudflared doesn't know and takes for raw TCP;
//   - the connector's own metrics, configuration and diagnostics as a service, or
//     as what any visitor can choose;
//   - a service with credentials, a query or a fragment, which it drops, with a
//     port that doesn't exist, or unix: without a path, and credentials in any other
//     address;
//   - a proxyType other than socks and an environment other than fed, which it
//     ignores, and a proxyPort that doesn't exist;
//   - a negative connectTimeout or tlsTimeout, with which every connection fails;
//   - matchSNItoHost with http2Origin or originServerName, which it drops then;
//   - control characters, such as the line break that YAML's | leaves behind;
//   - invalid ipRules where cloudflared doesn't look: in the common settings, and on
//     services that don't use them;
//   - access that doesn't say whether it is required, with which cloudflared checks
//     nothing, or that is required without a team or tags, with which it refuses
//     everybody.
func (r Routing) Validate() error {
	problems := []error{validateOrigin("origin", r.Origin), validateOriginRequest("originRequest", r.OriginRequest)}
	problems = append(problems, r.validateBastion()...)
	problems = append(problems, r.validateSNI()...)
	for i, rule := range r.Ingress {
		path := fmt.Sprintf("ingress[%d]", i)
		if rule.matchesAll() && i < len(r.Ingress)-1 {
			problems = append(problems, fmt.Errorf("%s: matches every request, so later rules are never used; give it a hostname or a path, or make it the last rule", path))
		}
		problems = append(problems,
			validateHostname(path+".hostname", rule.Hostname),
			validatePath(path+".path", rule.Path),
			validateText(path+".path", rule.Path),
			validateOriginRequest(path+".originRequest", rule.OriginRequest),
		)
		if _, err := rule.service(r.OriginRequest); err != nil {
			problems = append(problems, fmt.Errorf("%s.service: %w", path, err))
		} else {
			problems = append(problems, validateText(path+".service", rule.Service))
		}
	}
	return errors.Join(problems...)
}

func validateOrigin(path, origin string) error {
	if err := checkOrigin(origin); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func validateHostname(path, hostname string) error {
	name := strings.TrimPrefix(hostname, "*.")
	host, _, portErr := net.SplitHostPort(hostname)
	switch {
	case hostname == "" || hostname == "*":
		return nil
	case hasCredentials(hostname):
		return fmt.Errorf("%s: %w; set the host name alone", path, errCredentials)
	case strings.Contains(hostname, "/"):
		return fmt.Errorf("%s: %q is a URL or has a path; set the host name here, and the path in the rule's path", path, hostname)
	case portErr == nil:
		return fmt.Errorf("%s: %q has a port, but rules match host names only; use %q", path, hostname, host)
	case strings.Contains(name, "*"):
		return fmt.Errorf("%s: %q has a wildcard that isn't the whole first label, as in *.example.com", path, hostname)
	case !hostPattern.MatchString(name) || len(name) > names.MaxName:
		return fmt.Errorf("%s: %q is not a host name, such as photos.example.com or *.example.com", path, hostname)
	}
	return nil
}

func validatePath(path, expression string) error {
	if _, err := regexp.Compile(expression); err != nil {
		return fmt.Errorf("%s: %q is not a regular expression in Go's syntax: %w", path, expression, err)
	}
	return nil
}

func validateOriginRequest(path string, r *OriginRequest) error {
	if r == nil {
		return nil
	}
	var problems []error
	for _, d := range []struct {
		name     string
		value    *string
		turnsOff bool // if it is negative
	}{
		{"connectTimeout", r.ConnectTimeout, false},
		{"tlsTimeout", r.TLSTimeout, false},
		{"tcpKeepAlive", r.TCPKeepAlive, true},
		{"keepAliveTimeout", r.KeepAliveTimeout, true},
	} {
		if d.value == nil {
			continue
		}
		duration, err := time.ParseDuration(*d.value)
		switch {
		case err != nil:
			problems = append(problems, fmt.Errorf("%s.%s: %q is not a duration, such as 30s or 1m30s", path, d.name, *d.value))
		case duration < 0 && !d.turnsOff:
			problems = append(problems, fmt.Errorf("%s.%s: %q is negative, so that every connection would fail; use a duration such as 30s, or 0s for no limit", path, d.name, *d.value))
		}
	}
	for _, text := range []struct {
		name    string
		value   *string
		address bool
	}{
		{"caPool", r.CAPool, false},
		{"httpHostHeader", r.HTTPHostHeader, true},
		{"originServerName", r.OriginServerName, true},
		{"proxyAddress", r.ProxyAddress, true},
	} {
		switch {
		case text.value == nil:
		case text.address && hasCredentials(*text.value):
			problems = append(problems, fmt.Errorf("%s.%s: %w", path, text.name, errCredentials))
		default:
			problems = append(problems, validateText(path+"."+text.name, *text.value))
		}
	}
	if r.ProxyPort != nil && (*r.ProxyPort < 0 || *r.ProxyPort > 65535) {
		problems = append(problems, fmt.Errorf("%s.proxyPort: %d is not a port from 0 (any) to 65535", path, *r.ProxyPort))
	}
	if r.ProxyType != nil && *r.ProxyType != "" && *r.ProxyType != "socks" {
		problems = append(problems, fmt.Errorf("%s.proxyType: %q is neither socks nor empty", path, *r.ProxyType))
	}
	for i, rule := range r.IPRules {
		problems = append(problems, validateIPRule(fmt.Sprintf("%s.ipRules[%d]", path, i), rule))
	}
	return errors.Join(append(problems, validateAccess(path+".access", r.Access))...)
}

// validateSNI reports rules on which matchSNItoHost takes the place of other settings:
// cloudflared then makes each TLS connection without them. Only https has any.
func (r Routing) validateSNI() []error {
	var problems []error
	common := cmp.Or(r.OriginRequest, &OriginRequest{})
	for i, rule := range r.Rules() {
		own := cmp.Or(rule.OriginRequest, &OriginRequest{})
		service, err := r.service(i, rule)
		match := cmp.Or(own.MatchSNIToHost, common.MatchSNIToHost)
		if err != nil || service.Scheme != "https" && service.Scheme != "wss" || match == nil || !*match {
			continue
		}
		report := func(field string, inRule bool) {
			path := "originRequest"
			switch matchInRule := own.MatchSNIToHost != nil; {
			case matchInRule && !inRule:
				return // the rule was meant to differ
			case inRule:
				path = fmt.Sprintf("ingress[%d].originRequest", i)
			}
			problem := fmt.Errorf("%s.matchSNItoHost: cloudflared drops %s with it; remove one of the two", path, field)
			if !slices.ContainsFunc(problems, func(p error) bool { return p.Error() == problem.Error() }) {
				problems = append(problems, problem)
			}
		}
		if http2 := cmp.Or(own.HTTP2Origin, common.HTTP2Origin); http2 != nil && *http2 {
			report("http2Origin", own.HTTP2Origin != nil)
		}
		if name := cmp.Or(own.OriginServerName, common.OriginServerName); name != nil && *name != "" {
			report("originServerName", own.OriginServerName != nil)
		}
	}
	return problems
}

func validateAccess(path string, access *Access) error {
	if access == nil {
		return nil
	}
	var problems []error
	for i, tag := range access.AudTag {
		problems = append(problems, validateText(fmt.Sprintf("%s.audTag[%d]", path, i), tag))
	}
	switch {
	case access.Required == nil:
		problems = append(problems, fmt.Errorf("%s.required: not set, and without it nothing is checked; set it to true, or to false for a rule without the check", path))
	case *access.Required && len(access.AudTag) == 0:
		problems = append(problems, fmt.Errorf("%s.audTag: not set, so that everybody would be refused; list the tag of the Access application", path))
	}
	switch {
	case access.TeamName == "" && access.on():
		problems = append(problems, fmt.Errorf("%s.teamName: not set; it is the first part of <team>%s", path, AccessDomain))
	case hasCredentials(access.TeamName):
		problems = append(problems, fmt.Errorf("%s.teamName: %w", path, errCredentials))
	case access.TeamName != "" && !teamPattern.MatchString(access.TeamName):
		problems = append(problems, fmt.Errorf("%s.teamName: %q is not the first part of <team>%s%s", path, access.TeamName, AccessDomain, suggestTeam(access.TeamName)))
	}
	if access.Environment != "" && access.Environment != fedRAMP {
		problems = append(problems, fmt.Errorf("%s.environment: %q is neither %s nor empty", path, access.Environment, fedRAMP))
	}
	return errors.Join(problems...)
}

// teamPattern is a DNS label, which is what a team's name is.
var teamPattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// suggestTeam ends a message about what isn't a team's name, but may be its domain or URL.
func suggestTeam(text string) string {
	host := strings.TrimRight(strings.TrimPrefix(strings.ToLower(text), "https://"), "/")
	if team := strings.TrimSuffix(host, AccessDomain); teamPattern.MatchString(team) {
		return "; use " + team
	}
	return ""
}

func validateText(path, text string) error {
	if strings.ContainsFunc(text, unicode.IsControl) {
		return fmt.Errorf("%s: %q has a line break or another control character", path, text)
	}
	return nil
}

func validateIPRule(path string, rule IPRule) error {
	var problems []error
	if _, _, err := net.ParseCIDR(rule.Prefix); err != nil {
		problems = append(problems, fmt.Errorf("%s.prefix: %q is not a range of addresses, such as 10.0.0.0/8", path, rule.Prefix))
	}
	for i, port := range rule.Ports {
		problems = append(problems, validate.Port(fmt.Sprintf("%s.ports[%d]", path, i), port))
	}
	return errors.Join(problems...)
}
