package e2e

import (
	"net"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"

	"k8s-tunnel/sandbox/cluster"
)

// What nodes leave is found, and what others make isn't: other nodes, containers, VPNs.
func TestNetworkOf(t *testing.T) {
	t.Parallel()
	link := func(index int, name string) netlink.Link {
		return &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Index: index, Name: name}}
	}
	links := []netlink.Link{link(1, "lo"), link(2, "eth0"), link(3, "k8st1"), link(4, "k8st2"), link(5, "k8st10"), link(6, "veth1234"), link(7, "tun0")}
	all, own := []netlink.Route{}, []string{"interface k8st1", "interface k8st10"}
	for _, route := range []struct {
		link int
		to   string
		own  bool
	}{
		{3, "10.255.1.0/24", true},
		{3, "10.66.0.0/16", true},
		{3, "fe80::/64", true},
		{5, "10.84.0.0/16", true},
		{0, "10.67.0.0/16", true},  // of services, and nowhere
		{6, "10.66.0.7/32", true},  // to a pod, over an interface that isn't in the node
		{4, "10.68.0.0/16", false}, // another world's pods
		{6, "172.17.0.2/32", false},
		{7, "10.0.0.0/8", false},
		{7, "10.64.0.0/10", false},
		{2, "", false},
	} {
		r := netlink.Route{LinkIndex: route.link}
		if route.to != "" {
			_, to, err := net.ParseCIDR(route.to)
			require.NoError(t, err)
			r.Dst = to
		}
		all = append(all, r)
		if route.own {
			own = append(own, "route "+r.String())
		}
	}
	require.ElementsMatch(t, own, networkOf([]cluster.Config{{Slot: 1}, {Slot: 10}}, links, all))
	require.Empty(t, networkOf(nil, links, all))
}
