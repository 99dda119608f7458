package cloudflared

import (
	"fmt"
	"slices"
	"strings"
)

// What [IngressRule.gate] returns for rules that don't lead to a service.
const (
	refused  = "refused"
	answered = "answered"
)

// gate says who gets to the rule's service: everybody if it is empty, or those whom
// Access knows by a team and tags.
func (r IngressRule) gate() string {
	switch o := r.OriginRequest; {
	case strings.HasPrefix(r.Service, statusPrefix+"4"), strings.HasPrefix(r.Service, statusPrefix+"5"):
		return refused
	case strings.HasPrefix(r.Service, statusPrefix), slices.Contains(helloWorld, r.Service):
		return answered
	case o != nil && o.Access.on():
		return fmt.Sprint(o.Access.TeamName, slices.Sorted(slices.Values(o.Access.AudTag)))
	}
	return ""
}

// allPaths are the ways to write a path that matches all of them: it is a regular expression, which
// is searched for.
var allPaths = []string{"", "/", "^/", "/*", ".*", "/.*", "^/.*"}

// covers reports whether the rule matches all hosts that match a hostname.
func (r IngressRule) covers(hostname string) bool {
	below, wildcard := strings.CutPrefix(r.Hostname, "*")
	return below == "" || r.Hostname == hostname || wildcard && strings.HasSuffix(hostname, below)
}

// pathWarnings tell, once, of a path that decides who gets in. cloudflared searches paths
// as they were sent, and passes them on like that; the service may take them for others.
// Of its releases, only 2026.8.0 and 2026.8.1 do otherwise.
func (r Routing) pathWarnings() []string {
	rules := r.Rules()
	for i, later := range rules {
		for j, earlier := range rules[:i] {
			host, theirs := later.Hostname, earlier.Hostname
			if later.covers(theirs) {
				host = theirs
			}
			decided := func(rule IngressRule) bool { return slices.Contains(allPaths, rule.Path) && rule.covers(host) }
			if !earlier.covers(host) || slices.ContainsFunc(rules[:i], decided) {
				continue // no path decides between the two
			}
			a, b := earlier.gate(), later.gate()
			refusal := min(a, b) == "" && max(a, b) == refused
			if a == b || earlier.Service != later.Service && !refusal {
				continue
			}
			other := "origin"
			if i < len(r.Ingress) {
				other = fmt.Sprintf("ingress[%d]", i)
			}
			return []string{fmt.Sprintf("ingress[%d].path: decides between this rule and %s who gets in, but is compared as it was sent, so that /a/../b or //b may get visitors to /b all the same; guard whole hosts instead, or at least turn on Normalize URLs to origin, with the type Cloudflare, in the zone's rules",
				j, other)}
		}
	}
	return nil
}

// ipRuleWarnings tell of ipRules that have no effect, which may have been meant for visitors,
// and of SOCKS proxies without one that allows anything. cloudflared denies what none matches.
func (r Routing) ipRuleWarnings() []string {
	const unused = "originRequest.ipRules: has no effect, as it says what clients of a socks-proxy rule may reach, not who may visit; " +
		"to choose visitors, use Cloudflare Access, or a WAF rule at Cloudflare"
	var warnings []string
	commonUsed := r.OriginRequest == nil || len(r.OriginRequest.IPRules) == 0
	for i, rule := range r.Ingress {
		own := rule.OriginRequest != nil && rule.OriginRequest.IPRules != nil
		if rule.Service != socksProxy {
			if own && len(rule.OriginRequest.IPRules) > 0 {
				warnings = append(warnings, fmt.Sprintf("ingress[%d].%s", i, unused))
			}
			continue
		}
		commonUsed = commonUsed || !own
		request := rule.OriginRequest.inherit(r.OriginRequest)
		if request == nil || !slices.ContainsFunc(request.IPRules, func(rule IPRule) bool { return rule.Allow }) {
			warnings = append(warnings, fmt.Sprintf("ingress[%d].service: %s allows nothing, so every client is refused; add a rule with allow: true to its originRequest.ipRules", i, socksProxy))
		}
	}
	if !commonUsed {
		warnings = append(warnings, unused)
	}
	return warnings
}
