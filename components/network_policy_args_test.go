package components

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEdgeIPVersion(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		edge []string
		want string
	}{
		{defaultEdge, "auto"},
		{[]string{"192.0.2.0/24"}, "4"},
		{[]string{"2001:db8::/32"}, "6"},
		{[]string{"2001:db8::/32", "192.0.2.0/24"}, "auto"},
	} {
		args := validArgs()
		args.NetworkPolicy = &NetworkPolicyArgs{Edge: test.edge}
		config := declare(t, args).Find(t, "edge-config").Inputs["data"].ObjectValue()["config.yaml"].StringValue()
		require.Regexp(t, `(?m)^edge-ip-version: "?`+test.want+`"?$`, config)
	}
}

func TestCloudflareTunnelArgs_ValidateNetworkPolicy(t *testing.T) {
	t.Parallel()
	policy := func(p NetworkPolicyArgs) func(*CloudflareTunnelArgs) {
		return func(a *CloudflareTunnelArgs) { a.NetworkPolicy = &p }
	}
	to := func(peers ...PeerArgs) func(*CloudflareTunnelArgs) {
		return policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "ingress-nginx-controller.ingress-nginx", To: peers}}})
	}
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"another edge", policy(NetworkPolicyArgs{Edge: []string{"192.0.2.0/24", "2001:db8::/32"}}), ""},
		{"an edge without a length", policy(NetworkPolicyArgs{Edge: []string{"192.0.2.1"}}), `networkPolicy.edge[0]: "192.0.2.1"`},
		{"an edge with host bits", policy(NetworkPolicyArgs{Edge: []string{"192.0.2.1/24"}}), "use 192.0.2.0/24"},
		{"another DNS", policy(NetworkPolicyArgs{DNS: []PeerArgs{{CIDR: "169.254.20.10/32"}}}), ""},
		{"a DNS of nothing", policy(NetworkPolicyArgs{DNS: []PeerArgs{{Ports: []int{53}}}}), "networkPolicy.dns[0]: has neither a cidr nor a namespace"},
		{"a scraping namespace", policy(NetworkPolicyArgs{MetricsFrom: []string{"Monitoring"}}), `networkPolicy.metricsFrom[0]: "Monitoring"`},
		{"an origin's pods", to(PeerArgs{Namespace: "web", Pods: map[string]string{"app": "web"}, Ports: []int{8080}}), ""},
		{"an origin that no rule has", policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "nas.lan", To: []PeerArgs{{CIDR: "192.0.2.1/32"}}}}}), `networkPolicy.origins[0].host: no rule and no origin uses "nas.lan"`},
		{"an origin without a host", policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{To: []PeerArgs{{CIDR: "192.0.2.1/32"}}}}}), "networkPolicy.origins[0].host: not set"},
		{"an origin with credentials", policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "me:word@web.default", To: []PeerArgs{{CIDR: "192.0.2.1/32"}}}}}), "networkPolicy.origins[0].host: has an @, but must not contain credentials; set"},
		{"an origin whose rule is invalid", func(a *CloudflareTunnelArgs) {
			policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "nas.home.lan", To: []PeerArgs{{CIDR: "192.0.2.1/32"}}}}})(a)
			a.Ingress = []IngressRule{{Hostname: "nas.example.com", Service: "nas.home.lan:5000"}}
		}, `ingress[0].service: "nas.home.lan:5000" has no scheme, such as http://nas.home.lan:5000`},
		{"an origin whose team is invalid", func(a *CloudflareTunnelArgs) {
			policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "home.cloudflareaccess.com", To: []PeerArgs{{CIDR: "192.0.2.1/32"}}}}})(a)
			a.OriginRequest = &OriginRequest{Access: &Access{Required: new(true), TeamName: "home.cloudflareaccess.com", AudTag: []string{"tag"}}}
		}, `originRequest.access.teamName: "home.cloudflareaccess.com" is not the first part of <team>.cloudflareaccess.com; use home`},
		{"an origin twice", policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{
			{Host: "ingress-nginx-controller.ingress-nginx", To: []PeerArgs{{CIDR: "192.0.2.1/32"}}},
			{Host: "ingress-nginx-controller.ingress-nginx", To: []PeerArgs{{CIDR: "192.0.2.2/32"}}},
		}}), "networkPolicy.origins[1].host: is that of networkPolicy.origins[0] already; list all that is behind it there"},
		{"an origin without a destination", to(), "networkPolicy.origins[0].to: not set"},
		{"an origin that is both", to(PeerArgs{CIDR: "192.0.2.1/32", Namespace: "web"}), "networkPolicy.origins[0].to[0]: has both"},
		{"an origin's namespace", to(PeerArgs{Namespace: "Web"}), `networkPolicy.origins[0].to[0].namespace: "Web"`},
		{"an origin's port", to(PeerArgs{Namespace: "web", Ports: []int{0}}), "networkPolicy.origins[0].to[0].ports[0]: 0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if err := requireVerdict(t, test.change, test.wantErr); err != nil {
				require.NotContains(t, err.Error(), "\n", "one cause is one problem")
			}
		})
	}
}
