package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	networkingv1 "k8s.io/api/networking/v1"
)

// Table is the nftables table that holds the rules, of family ip. Everything in
// it belongs to this package; nothing outside of it is touched.
const Table = "k8st_netpol"

// commentLimit keeps rule comments below the 128 bytes that the kernel takes.
const commentLimit = 120

// NFT renders the ruleset as one transaction for nft -f: the table is replaced
// as a whole, so there is no moment with half of the rules, or none.
//
// Traffic that the node itself starts, kubelet's probes above all, only meets the output
// hook and therefore always reaches a pod, as the API demands. What a pod sends to the node's own
// addresses meets the input hook and is filtered there.
func (r Ruleset) NFT() string {
	var b strings.Builder
	fmt.Fprintf(&b, "table ip %s {}\ndelete table ip %s\ntable ip %s {\n", Table, Table, Table)
	b.WriteString("\tset known {\n\t\ttype ipv4_addr\n")
	if len(r.Known) > 0 {
		fmt.Fprintf(&b, "\t\telements = { %s }\n", list(r.Known))
	}
	b.WriteString("\t}\n")
	for _, f := range r.Filters {
		f.render(&b)
	}
	r.renderMap(&b, "isolated_from", networkingv1.PolicyTypeEgress)
	r.renderMap(&b, "isolated_to", networkingv1.PolicyTypeIngress)
	r.renderHooks(&b)
	b.WriteString("}\n")
	return b.String()
}

func (r Ruleset) renderMap(b *strings.Builder, name string, d networkingv1.PolicyType) {
	fmt.Fprintf(b, "\tmap %s {\n\t\ttype ipv4_addr : verdict\n", name)
	var elements []string
	for _, f := range r.Filters {
		if f.Direction == d {
			elements = append(elements, fmt.Sprintf("%s : jump %s", f.Addr, f.chain()))
		}
	}
	if len(elements) > 0 {
		fmt.Fprintf(b, "\t\telements = { %s }\n", strings.Join(elements, ", "))
	}
	b.WriteString("\t}\n")
}

// renderHooks writes the chains that the kernel calls. A stranger's packets are
// dropped without a word; whoever calls an address that no pod has (any more) learns so at once.
func (r Ruleset) renderHooks(b *strings.Builder) {
	stranger := fmt.Sprintf("ip saddr %s ip saddr != @known counter drop", r.PodSubnet)
	nobody := fmt.Sprintf("ip daddr %s ip daddr != @known counter reject with icmp type host-unreachable", r.PodSubnet)
	chain := func(hook string, rules ...string) {
		fmt.Fprintf(b, "\tchain %s {\n\t\ttype filter hook %s priority filter; policy accept;\n", hook, hook)
		for _, rule := range rules {
			fmt.Fprintf(b, "\t\t%s\n", rule)
		}
		b.WriteString("\t}\n")
	}
	chain("forward", "ct state established,related accept", stranger, nobody,
		"ip saddr vmap @isolated_from", "ip daddr vmap @isolated_to")
	chain("input", `iifname "lo" accept`, "ct state established,related accept", stranger,
		"ip saddr vmap @isolated_from")
}

// chain names the filter's chain by direction and address.
func (f Filter) chain() string {
	if f.Direction == networkingv1.PolicyTypeEgress {
		return "from-" + f.Addr.String()
	}
	return "to-" + f.Addr.String()
}

// render writes the filter's chain. An allowed packet returns, so that the other
// end's filter sees it too; what is left at the end is dropped and counted under the pod's name.
func (f Filter) render(b *strings.Builder) {
	peer := "saddr"
	if f.Direction == networkingv1.PolicyTypeEgress {
		peer = "daddr"
	}
	rules := []string{fmt.Sprintf("ip %s %s return", peer, f.Addr)}
	for _, m := range f.Allow {
		if rule := m.render(peer); !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	comment := strings.ToLower(string(f.Direction)) + " of " + f.Pod
	comment = comment[:min(len(comment), commentLimit)]
	fmt.Fprintf(b, "\tchain %s {\n", f.chain())
	for _, rule := range rules {
		fmt.Fprintf(b, "\t\t%s\n", rule)
	}
	fmt.Fprintf(b, "\t\tcounter drop comment %q\n\t}\n", comment)
}

// render writes a match as a rule. Holes become one condition each, since nft
// refuses a set whose ranges overlap.
func (m Match) render(peer string) string {
	var terms []string
	switch {
	case m.Block != nil:
		if m.Block.Prefix.Bits() > 0 {
			terms = append(terms, fmt.Sprintf("ip %s %s", peer, m.Block.Prefix))
		}
		for _, hole := range m.Block.Except {
			terms = append(terms, fmt.Sprintf("ip %s != %s", peer, hole))
		}
	case len(m.Pods) == 1:
		terms = append(terms, fmt.Sprintf("ip %s %s", peer, m.Pods[0]))
	case len(m.Pods) > 1:
		terms = append(terms, fmt.Sprintf("ip %s { %s }", peer, list(m.Pods)))
	}
	proto := strings.ToLower(string(m.Protocol))
	switch {
	case m.Protocol == "":
	case m.First == 0:
		terms = append(terms, "meta l4proto "+proto)
	case m.First == m.Last:
		terms = append(terms, fmt.Sprintf("%s dport %d", proto, m.First))
	default:
		terms = append(terms, fmt.Sprintf("%s dport %d-%d", proto, m.First, m.Last))
	}
	return strings.Join(append(terms, "return"), " ")
}

func list(addrs []netip.Addr) string {
	out := make([]string, len(addrs))
	for i, a := range addrs {
		out[i] = a.String()
	}
	return strings.Join(out, ", ")
}
