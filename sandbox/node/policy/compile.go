package policy

import (
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Ruleset is the compiled form of a [State]: who is known, and who is isolated.
type Ruleset struct {
	// PodSubnet is the state's.
	PodSubnet netip.Prefix
	// Known are the addresses that may take part in traffic at all.
	Known []netip.Addr
	// Filters has one entry for each pod and direction in which a policy isolates it.
	Filters []Filter
}

// Filter isolates one pod in one direction: only what a match allows passes.
type Filter struct {
	Direction networkingv1.PolicyType
	Addr      netip.Addr
	// Pod is namespace/name, for people who read the rules.
	Pod string
	// Allow holds what passes, beside the pod's traffic with itself.
	Allow []Match
}

// Match is one combination of peers and ports.
type Match struct {
	// Pods are peers by address, Block is a peer by range. With neither, every
	// peer matches.
	Pods  []netip.Addr
	Block *Block
	// Protocol is empty for all traffic; with a protocol, First and Last
	// are the ports, or zero for all of them.
	Protocol    corev1.Protocol
	First, Last uint16
}

// Block is a range of addresses with holes.
type Block struct {
	Prefix netip.Prefix
	Except []netip.Prefix
}

// Contains reports whether an address is in the range and in none of its holes.
func (b Block) Contains(a netip.Addr) bool {
	return b.Prefix.Contains(a) && !slices.ContainsFunc(b.Except, func(p netip.Prefix) bool { return p.Contains(a) })
}

// Compile works out for every endpoint which policies isolate it and what they
// allow together.
func Compile(state State) Ruleset {
	s := state.normalized()
	r := Ruleset{PodSubnet: s.PodSubnet.Masked()}
	for _, e := range s.Endpoints {
		r.Known = append(r.Known, e.Addr)
		for _, d := range []networkingv1.PolicyType{networkingv1.PolicyTypeIngress, networkingv1.PolicyTypeEgress} {
			if f, isolated := s.filter(e, d); isolated {
				r.Filters = append(r.Filters, f)
			}
		}
	}
	return r
}

// filter unites all policies that select an endpoint in a direction. Without any
// the endpoint isn't isolated.
func (s State) filter(e Endpoint, d networkingv1.PolicyType) (f Filter, isolated bool) {
	f = Filter{Direction: d, Addr: e.Addr, Pod: e.Pod.Namespace + "/" + e.Pod.Name}
	for _, p := range s.Policies {
		if p.Namespace != e.Pod.Namespace || !appliesTo(p, d) ||
			!selector(&p.Spec.PodSelector).Matches(labels.Set(e.Pod.Labels)) {
			continue
		}
		isolated = true
		if d == networkingv1.PolicyTypeIngress {
			for _, rule := range p.Spec.Ingress {
				f.Allow = append(f.Allow, s.ingress(e, rule)...)
			}
			continue
		}
		for _, rule := range p.Spec.Egress {
			f.Allow = append(f.Allow, s.egress(e, rule)...)
		}
	}
	return f, isolated
}

// appliesTo follows the API's defaulting for policies without types: they are about
// ingress, and about egress too if they have egress rules.
func appliesTo(p *networkingv1.NetworkPolicy, d networkingv1.PolicyType) bool {
	if len(p.Spec.PolicyTypes) > 0 {
		return slices.Contains(p.Spec.PolicyTypes, d)
	}
	return d == networkingv1.PolicyTypeIngress || len(p.Spec.Egress) > 0
}

// ingress returns what a rule lets in. Named ports are the pod's own.
func (s State) ingress(e Endpoint, rule networkingv1.NetworkPolicyIngressRule) []Match {
	ports := portsAt(rule.Ports, e.Pod)
	var out []Match
	for _, peer := range s.peers(e, rule.From) {
		out = append(out, peer.with(ports)...)
	}
	return out
}

// egress returns what a rule lets out. A named port is a different number on every
// destination, so it opens single pods only, those among the peers that have the name.
func (s State) egress(e Endpoint, rule networkingv1.NetworkPolicyEgressRule) []Match {
	numbers, names := splitNamed(rule.Ports)
	if len(rule.Ports) == 0 {
		numbers = anyPort
	}
	var out []Match
	for _, peer := range s.peers(e, rule.To) {
		out = append(out, peer.with(numbers)...)
		if len(names) == 0 {
			continue
		}
		for _, dst := range s.Endpoints {
			if peer.covers(dst.Addr) {
				one := Match{Pods: []netip.Addr{dst.Addr}}
				out = append(out, one.with(portsAt(names, dst.Pod))...)
			}
		}
	}
	return out
}

// peers translates the peers of a rule, ports still open. No peers at all mean
// everyone; peers that nobody fits mean nobody.
func (s State) peers(e Endpoint, peers []networkingv1.NetworkPolicyPeer) []Match {
	if len(peers) == 0 {
		return []Match{{}}
	}
	var out []Match
	for _, p := range peers {
		if p.IPBlock != nil {
			if b, ok := block(p.IPBlock); ok {
				out = append(out, Match{Block: &b})
				out = append(out, s.standIns(b)...)
			}
			continue
		}
		var addrs []netip.Addr
		for _, x := range s.selected(e.Pod.Namespace, p) {
			addrs = append(addrs, x.Addr)
		}
		if len(addrs) > 0 {
			out = append(out, Match{Pods: addrs})
		}
	}
	return out
}

// standIns are the ranges that play ranges of which b covers the whole.
func (s State) standIns(b Block) []Match {
	var out []Match
	for _, x := range s.StandIns {
		if b.Prefix.Bits() <= x.For.Bits() && b.Contains(x.For.Addr()) {
			out = append(out, Match{Block: &Block{Prefix: x.Is}})
		}
	}
	return out
}

// block parses a range. IPv6 ranges, which nothing on this node can match, and
// text that is no range yield none; a hole that can't be read, or that leaves nothing,
// closes the whole.
func block(b *networkingv1.IPBlock) (Block, bool) {
	prefix, err := netip.ParsePrefix(b.CIDR)
	if err != nil || !prefix.Addr().Is4() {
		return Block{}, false
	}
	out := Block{Prefix: prefix.Masked()}
	for _, e := range b.Except {
		hole, err := netip.ParsePrefix(e)
		if err != nil {
			return Block{}, false
		}
		if hole.Addr().Is4() {
			out.Except = append(out.Except, hole.Masked())
		}
		if hole.Bits() <= prefix.Bits() && hole.Contains(prefix.Addr()) {
			return Block{}, false
		}
	}
	return out, true
}

// covers reports whether an address is one of the match's peers.
func (m Match) covers(a netip.Addr) bool {
	switch {
	case m.Block != nil:
		return m.Block.Contains(a)
	case m.Pods != nil:
		return slices.Contains(m.Pods, a)
	default:
		return true
	}
}

// with returns the match once for each of the ports.
func (m Match) with(ports []portRange) []Match {
	out := make([]Match, 0, len(ports))
	for _, p := range ports {
		one := m
		one.Protocol, one.First, one.Last = p.protocol, p.first, p.last
		out = append(out, one)
	}
	return out
}
