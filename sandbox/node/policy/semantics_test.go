package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
)

// places are the ends of connections in the tests, beside the pods.
var places = map[string]string{
	"node": "10.255.0.2", "host": "10.255.0.1", "outside": "203.0.113.9", "unknown": "10.128.0.99",
}

// passes judges the first packet of a connection such as "lab/web > lab/db
// tcp/5432" the way the kernel would with the rendered rules.
func passes(t *testing.T, s State, connection string) bool {
	t.Helper()
	var from, to, port string
	_, err := fmt.Sscanf(connection, "%s > %s %s", &from, &to, &port)
	require.NoError(t, err, connection)
	src, dst := addrOf(t, s, from), addrOf(t, s, to)
	protocol, number, _ := strings.Cut(port, "/")
	var dport uint16
	if number != "" {
		_, err = fmt.Sscan(number, &dport)
		require.NoError(t, err, connection)
	}

	r := Compile(s)
	known := func(a netip.Addr) bool { return !r.PodSubnet.Contains(a) || slices.Contains(r.Known, a) }
	allowed := func(d networkingv1.PolicyType, self, peer netip.Addr) bool {
		i := slices.IndexFunc(r.Filters, func(f Filter) bool { return f.Direction == d && f.Addr == self })
		return i < 0 || peer == self || slices.ContainsFunc(r.Filters[i].Allow, func(m Match) bool {
			return m.covers(peer) && (m.Protocol == "" || strings.EqualFold(string(m.Protocol), protocol) &&
				(m.First == 0 || m.First <= dport && dport <= m.Last))
		})
	}
	if from == "node" {
		return true // the output hook has no rules
	}
	return known(src) && known(dst) &&
		allowed(networkingv1.PolicyTypeEgress, src, dst) && allowed(networkingv1.PolicyTypeIngress, dst, src)
}

func addrOf(t *testing.T, s State, name string) netip.Addr {
	t.Helper()
	for _, e := range s.Endpoints {
		if e.Pod.Namespace+"/"+e.Pod.Name == name {
			return e.Addr
		}
	}
	if a, ok := places[name]; ok {
		return netip.MustParseAddr(a)
	}
	a, err := netip.ParseAddr(name)
	require.NoError(t, err)
	return a
}

// policyOf wraps a spec, in YAML's flow style, into a policy of namespace lab.
func policyOf(i int, spec string) []byte {
	return fmt.Appendf(nil, "---\n{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, "+
		"metadata: {name: p%d, namespace: lab}, spec: %s}\n", i, spec)
}

type semanticCase struct {
	name     string
	policies []string
	open     []string
	closed   []string
}

func (c semanticCase) run(t *testing.T) {
	t.Parallel()
	sources := [][]byte{read(t, "world.yaml")}
	for i, p := range c.policies {
		sources = append(sources, policyOf(i, p))
	}
	s := load(t, sources...)
	for _, connection := range c.open {
		require.True(t, passes(t, s, connection), "must pass: %s", connection)
	}
	for _, connection := range c.closed {
		require.False(t, passes(t, s, connection), "must not pass: %s", connection)
	}
	checkSyntax(t, Compile(s).NFT())
}

func TestIsolation(t *testing.T) {
	t.Parallel()
	for _, c := range []semanticCase{
		{
			name:   "without policies all known pods talk",
			open:   []string{"lab/web > lab/db tcp/5432", "outside > lab/db tcp/5432", "lab/web > node tcp/6443", "lab/web > outside tcp/443", "host > lab/web icmp"},
			closed: []string{"unknown > lab/db tcp/5432", "unknown > node tcp/6443", "unknown > outside tcp/443", "lab/web > unknown tcp/80"},
		},
		{
			name:     "no types and no egress rules isolate ingress alone",
			policies: []string{"{podSelector: {matchLabels: {app: db}}}"},
			open:     []string{"lab/db > outside tcp/443", "lab/db > node tcp/6443", "node > lab/db tcp/5432", "lab/web > lab/api tcp/3000"},
			closed:   []string{"lab/web > lab/db tcp/5432", "outside > lab/db tcp/5432", "host > lab/db icmp", "guests/visitor > lab/db tcp/5432"},
		},
		{
			name:     "no types but egress rules isolate both",
			policies: []string{"{podSelector: {matchLabels: {app: db}}, egress: [{ports: [{port: 443}]}]}"},
			open:     []string{"lab/db > outside tcp/443", "lab/db > node tcp/443"},
			closed:   []string{"lab/db > outside tcp/80", "lab/web > lab/db tcp/5432", "lab/db > node tcp/6443"},
		},
		{
			name:     "egress type alone leaves ingress open",
			policies: []string{"{podSelector: {matchLabels: {app: db}}, policyTypes: [Egress]}"},
			open:     []string{"outside > lab/db tcp/5432"},
			closed:   []string{"lab/db > outside tcp/443", "lab/db > node tcp/6443", "lab/db > lab/web tcp/8080", "lab/db > outside icmp"},
		},
		{
			name:     "rules of a type that isn't listed count for nothing",
			policies: []string{"{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], egress: [{ports: [{port: 1}]}]}"},
			open:     []string{"lab/db > outside tcp/443"},
			closed:   []string{"lab/web > lab/db tcp/5432"},
		},
		{
			name:     "a pod reaches itself",
			policies: []string{"{podSelector: {}, policyTypes: [Ingress, Egress]}"},
			open:     []string{"lab/db > lab/db tcp/5432"},
			closed:   []string{"lab/db > lab/web tcp/8080"},
		},
		{
			name: "policies add up",
			policies: []string{
				"{podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress]}",
				"{podSelector: {matchLabels: {tier: back}}, ingress: [{from: [{podSelector: {matchLabels: {app: web}}}]}]}",
				"{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {matchLabels: {app: api}}}], ports: [{port: 5432}]}]}",
			},
			open:   []string{"lab/web > lab/db tcp/1", "lab/api > lab/db tcp/5432", "lab/web > lab/api icmp"},
			closed: []string{"lab/api > lab/db tcp/1", "lab/db > lab/api tcp/3000"},
		},
		{
			name: "both ends must agree",
			policies: []string{
				"{podSelector: {matchLabels: {app: db}}, ingress: [{from: [{podSelector: {}}]}]}",
				"{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}",
			},
			open:   []string{"lab/api > lab/db tcp/5432"},
			closed: []string{"lab/web > lab/db tcp/5432", "outside > lab/db tcp/5432"},
		},
		{
			name:     "policies of other namespaces don't apply",
			policies: []string{"{podSelector: {matchLabels: {app: visitor}}}"},
			open:     []string{"lab/web > guests/visitor tcp/8081"},
		},
	} {
		t.Run(c.name, c.run)
	}
}

func TestPeers(t *testing.T) {
	t.Parallel()
	to := func(peers string) string {
		return "{podSelector: {matchLabels: {app: db}}, ingress: [{from: " + peers + "}]}"
	}
	for _, c := range []semanticCase{
		{
			name:     "an empty list of peers means everyone",
			policies: []string{to("[]")},
			open:     []string{"outside > lab/db tcp/1", "guests/visitor > lab/db udp/1", "host > lab/db icmp"},
		},
		{
			name:     "a pod selector looks in the policy's own namespace",
			policies: []string{to("[{podSelector: {matchLabels: {app: web}}}]")},
			open:     []string{"lab/web > lab/db tcp/1"},
			closed:   []string{"guests/visitor > lab/db tcp/1", "lab/api > lab/db tcp/1"},
		},
		{
			name:     "a namespace selector means all of its pods",
			policies: []string{to("[{namespaceSelector: {matchLabels: {team: guests}}}]")},
			open:     []string{"guests/visitor > lab/db tcp/1"},
			closed:   []string{"lab/web > lab/db tcp/1", "outside > lab/db tcp/1"},
		},
		{
			name:     "both selectors narrow each other",
			policies: []string{to("[{namespaceSelector: {}, podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}}]")},
			open:     []string{"guests/visitor > lab/db tcp/1", "lab/web > lab/db tcp/1"},
			closed:   []string{"lab/api > lab/db tcp/1", "kube-system/dns > lab/db tcp/1"},
		},
		{
			name:     "two peers widen each other",
			policies: []string{to("[{namespaceSelector: {matchLabels: {team: guests}}}, {podSelector: {matchLabels: {app: api}}}]")},
			open:     []string{"guests/visitor > lab/db tcp/1", "lab/api > lab/db tcp/1"},
			closed:   []string{"lab/web > lab/db tcp/1"},
		},
		{
			name:     "a selector that nothing fits opens nothing",
			policies: []string{to("[{podSelector: {matchLabels: {app: ghost}}}]")},
			closed:   []string{"lab/web > lab/db tcp/1", "outside > lab/db tcp/1"},
		},
		{
			name:     "a block has holes, and pods may be in it",
			policies: []string{to("[{ipBlock: {cidr: 10.128.0.0/16, except: [10.128.0.0/24, 10.128.0.8/29]}}, {ipBlock: {cidr: 203.0.113.9/32}}]")},
			open:     []string{"outside > lab/db tcp/1"},
			closed:   []string{"lab/web > lab/db tcp/1", "host > lab/db tcp/1"},
		},
		{
			name:     "the block of everything",
			policies: []string{to("[{ipBlock: {cidr: 0.0.0.0/0, except: [10.0.0.0/8]}}]")},
			open:     []string{"outside > lab/db tcp/1", "192.0.2.1 > lab/db icmp"},
			closed:   []string{"lab/web > lab/db tcp/1", "host > lab/db tcp/1"},
		},
		{
			name:     "blocks of IPv6, without an end or full of holes open nothing",
			policies: []string{to(`[{ipBlock: {cidr: "::/0"}}, {ipBlock: {cidr: 203.0.113.9}}, {ipBlock: {cidr: 203.0.113.0/24, except: [203.0.112.0/20]}}, {}]`)},
			closed:   []string{"outside > lab/db tcp/1", "lab/web > lab/db tcp/1"},
		},
	} {
		t.Run(c.name, c.run)
	}
}

func TestPorts(t *testing.T) {
	t.Parallel()
	in := func(ports string) string {
		return "{podSelector: {matchLabels: {tier: back}}, ingress: [{ports: " + ports + "}]}"
	}
	out := func(rule string) string {
		return "{podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [" + rule + "]}"
	}
	for _, c := range []semanticCase{
		{
			name:     "numbers are TCP by default",
			policies: []string{in("[{port: 80}, {port: 53, protocol: UDP}, {port: 9, protocol: SCTP}]")},
			open:     []string{"outside > lab/db tcp/80", "outside > lab/db udp/53", "outside > lab/db sctp/9"},
			closed:   []string{"outside > lab/db udp/80", "outside > lab/db tcp/53", "outside > lab/db tcp/9", "outside > lab/db icmp"},
		},
		{
			name:     "a range includes both ends",
			policies: []string{in("[{port: 8000, endPort: 8010}]")},
			open:     []string{"outside > lab/db tcp/8000", "outside > lab/db tcp/8010"},
			closed:   []string{"outside > lab/db tcp/7999", "outside > lab/db tcp/8011", "outside > lab/db udp/8000"},
		},
		{
			name:     "a protocol alone means all of its ports",
			policies: []string{in("[{protocol: UDP}]")},
			open:     []string{"outside > lab/db udp/1", "outside > lab/db udp/65535"},
			closed:   []string{"outside > lab/db tcp/1", "outside > lab/db icmp"},
		},
		{
			name:     "names inbound are the receiver's, by protocol, sidecars included",
			policies: []string{in("[{port: http}, {port: mesh}, {port: debug}]")},
			open:     []string{"outside > lab/api tcp/3000", "outside > lab/api tcp/15090"},
			closed:   []string{"outside > lab/api tcp/8080", "outside > lab/db tcp/8080", "outside > lab/db udp/8080", "outside > lab/api tcp/4000"},
		},
		{
			name:     "names outbound differ by destination",
			policies: []string{out("{ports: [{port: http}]}")},
			open:     []string{"lab/web > lab/api tcp/3000", "lab/web > guests/visitor tcp/8081"},
			closed:   []string{"lab/web > lab/api tcp/8081", "lab/web > guests/visitor tcp/3000", "lab/web > lab/db udp/8080", "lab/web > outside tcp/3000", "lab/web > node tcp/3000"},
		},
		{
			name:     "names outbound stay within the peers",
			policies: []string{out("{to: [{podSelector: {}}, {ipBlock: {cidr: 10.128.0.2/32}}], ports: [{port: http}, {port: dns, protocol: UDP}]}")},
			open:     []string{"lab/web > lab/api tcp/3000", "lab/web > kube-system/dns udp/53"},
			closed:   []string{"lab/web > guests/visitor tcp/8081", "lab/web > kube-system/dns tcp/53"},
		},
		{
			name:     "numbers and names together",
			policies: []string{out("{to: [{podSelector: {}}], ports: [{port: http}, {port: 5432}]}")},
			open:     []string{"lab/web > lab/api tcp/3000", "lab/web > lab/db tcp/5432", "lab/web > lab/api tcp/5432"},
			closed:   []string{"lab/web > lab/db tcp/3000"},
		},
		{
			name:     "no ports mean all traffic to the peers",
			policies: []string{out("{to: [{podSelector: {matchLabels: {app: db}}}]}")},
			open:     []string{"lab/web > lab/db tcp/1", "lab/web > lab/db icmp", "lab/web > lab/db sctp/1"},
			closed:   []string{"lab/web > lab/api tcp/3000"},
		},
		{
			name:     "an empty rule means everything",
			policies: []string{out("{}")},
			open:     []string{"lab/web > outside icmp", "lab/web > node tcp/6443", "lab/web > guests/visitor udp/1"},
			closed:   []string{"lab/web > unknown tcp/80"},
		},
		{
			name:     "the name that nobody has means nothing",
			policies: []string{in("[{port: nothing}]"), out("{ports: [{port: nothing}]}")},
			closed:   []string{"outside > lab/db tcp/5432", "lab/web > outside tcp/443"},
		},
	} {
		t.Run(c.name, c.run)
	}
}

// The model that the tests above judge must not diverge from the kernel's types.
func TestMatch_ProtocolsAreTheAPIs(t *testing.T) {
	t.Parallel()
	for protocol, want := range map[corev1.Protocol]string{
		corev1.ProtocolTCP: "tcp dport 5 return", corev1.ProtocolUDP: "udp dport 5 return", corev1.ProtocolSCTP: "sctp dport 5 return",
	} {
		require.Equal(t, want, Match{Protocol: protocol, First: 5, Last: 5}.render("saddr"))
	}
}

func TestCompile_StandIns(t *testing.T) {
	t.Parallel()
	standIn := StandIn{For: netip.MustParsePrefix("198.51.100.0/24"), Is: netip.MustParsePrefix("10.255.0.8/29")}
	for name, tt := range map[string]struct {
		block networkingv1.IPBlock
		want  []Match
	}{
		"the range itself": {networkingv1.IPBlock{CIDR: "198.51.100.0/24"}, []Match{{Block: &Block{Prefix: standIn.Is}}}},
		"a wider one":      {networkingv1.IPBlock{CIDR: "0.0.0.0/0"}, []Match{{Block: &Block{Prefix: standIn.Is}}}},
		"a part of it":     {networkingv1.IPBlock{CIDR: "198.51.100.0/25"}, nil},
		"another":          {networkingv1.IPBlock{CIDR: "203.0.113.0/24"}, nil},
		"all but it":       {networkingv1.IPBlock{CIDR: "0.0.0.0/0", Except: []string{"198.51.100.0/24"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b, ok := block(&tt.block)
			require.True(t, ok)
			require.Equal(t, tt.want, State{StandIns: []StandIn{standIn}}.standIns(b))
		})
	}
}
