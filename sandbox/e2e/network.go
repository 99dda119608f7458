package e2e

import (
	"net"
	"net/netip"
	"slices"

	"github.com/vishvananda/netlink"

	"k8s-tunnel/sandbox/cluster"
)

// networkOf describes those of the machine's interfaces and routes that nodes could have made: their
// interfaces, and the routes over these or into their networks.
func networkOf(nodes []cluster.Config, links []netlink.Link, routes []netlink.Route) []string {
	var lines []string
	over := map[int]bool{}
	for _, link := range links {
		attrs := link.Attrs()
		if slices.ContainsFunc(nodes, func(node cluster.Config) bool { return node.Name() == attrs.Name }) {
			lines = append(lines, "interface "+attrs.Name)
			over[attrs.Index] = true
		}
	}
	for _, route := range routes {
		if over[route.LinkIndex] || slices.ContainsFunc(nodes, func(node cluster.Config) bool { return leadsInto(node, route.Dst) }) {
			lines = append(lines, "route "+route.String())
		}
	}
	return lines
}

// leadsInto reports whether a route's destination is one of a node's networks, or a part of one.
func leadsInto(node cluster.Config, to *net.IPNet) bool {
	if to == nil {
		return false // the default route
	}
	addr, _ := netip.AddrFromSlice(to.IP)
	bits, _ := to.Mask.Size()
	return slices.ContainsFunc([]netip.Prefix{node.LinkSubnet(), node.PodSubnet(), node.ServiceSubnet()}, func(network netip.Prefix) bool {
		return network.Contains(addr.Unmap()) && bits >= network.Bits()
	})
}
