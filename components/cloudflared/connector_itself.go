package cloudflared

import (
	"fmt"
	"slices"
)

// The connector itself answers on MetricsPort, with its configuration, diagnostics
// and profiles. No network policy keeps a connector from its own pod, whose loopback
// and own addresses are never filtered. So that no visitor gets there, clients that
// choose the destination are kept from it here.

// withoutConnector returns r with rules for addresses that deny MetricsPort
// everywhere, if r allows it anywhere: the pod's own address isn't known.
func (r *OriginRequest) withoutConnector() *OriginRequest {
	if r == nil || !slices.ContainsFunc(r.IPRules, func(rule IPRule) bool {
		return rule.Allow && (len(rule.Ports) == 0 || slices.Contains(rule.Ports, MetricsPort))
	}) {
		return r
	}
	without := *r
	without.IPRules = append([]IPRule{
		{Prefix: "0.0.0.0/0", Ports: []int{MetricsPort}}, {Prefix: "::/0", Ports: []int{MetricsPort}},
	}, r.IPRules...)
	return &without
}

// validateBastion reports rules with which everybody may choose the connector
// itself. cloudflared knows no list of destinations for them.
func (r Routing) validateBastion() []error {
	var problems []error
	reported := map[string]bool{}
	for i, rule := range r.Rules() {
		service, err := r.service(i, rule)
		if err != nil || service.Kind != ServiceBastion || rule.OriginRequest != nil && rule.OriginRequest.Access.on() {
			continue
		}
		path := r.bastionArgument(i)
		if !reported[path] {
			problems = append(problems, fmt.Errorf("%s: with bastion, every visitor may choose the connector itself, with its configuration and diagnostics, which no network policy prevents; require Access in originRequest.access, or use a rule for each destination, such as ssh://host.lan:22, or the service socks-proxy with ipRules", path))
		}
		reported[path] = true
	}
	return problems
}

// bastionArgument is the argument that makes a rule with bastion forward to where the
// client chooses.
func (r Routing) bastionArgument(i int) string {
	if i < len(r.Ingress) {
		switch own := r.Ingress[i].OriginRequest; {
		case r.Ingress[i].Service == bastion:
			return fmt.Sprintf("ingress[%d].service", i)
		case own != nil && own.BastionMode != nil:
			return fmt.Sprintf("ingress[%d].originRequest.bastionMode", i)
		}
	}
	return "originRequest.bastionMode"
}
