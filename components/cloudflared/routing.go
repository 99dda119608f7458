package cloudflared

import (
	"slices"

	"k8s-tunnel/components/names"
)

// Routing says where requests go.
type Routing struct {
	// Origin is the service for what no rule matches. Required.
	Origin string
	// Ingress are the rules, in the order in which they are tried. If the last
	// one matches everything, Origin isn't used.
	Ingress []IngressRule
	// OriginRequest has the common settings of all rules, Origin included.
	OriginRequest *OriginRequest
}

// Rules returns the rules that cloudflared gets: those of Ingress, and Origin as
// the last one.
func (r Routing) Rules() []IngressRule {
	rules := slices.Clone(r.Ingress)
	if n := len(rules); n == 0 || !rules[n-1].matchesAll() {
		rules = append(rules, IngressRule{Service: r.Origin})
	}
	for i, rule := range rules {
		// As browsers send it: cloudflared heeds capitals, and knows only whole names in Unicode.
		rules[i].Hostname = names.ASCII(rule.Hostname)
		rules[i].OriginRequest = rule.OriginRequest.inherit(r.OriginRequest)
		if rule.Service == socksProxy {
			rules[i].OriginRequest = rules[i].OriginRequest.withoutConnector()
		}
	}
	return rules
}

// service parses the service of the rule with index i of Rules.
func (r Routing) service(i int, rule IngressRule) (Service, error) {
	if i == len(r.Ingress) {
		if err := checkOrigin(r.Origin); err != nil {
			return Service{}, err
		}
	}
	return rule.service(r.OriginRequest)
}
