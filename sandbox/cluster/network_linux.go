package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// nodeInterface is the name of the pair's other end, inside the node.
const nodeInterface = "eth0"

// ownerLabel is the label (ifalias) of the interface. It names the interface's owner, also to a
// clone of the project in another directory that uses the same slot.
func (c Config) ownerLabel() string {
	label := "k8s-tunnel sandbox " + c.Dir
	if len(label) > 255 { // the kernel's limit; the end of a path says more than its beginning
		label = label[len(label)-255:]
	}
	return label
}

// connect makes the veth pair with one end in the node's network namespace, and the routes into the
// node. The pair is created there, so that it vanishes with the namespace whatever happens.
func connect(c Config, pid int) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = c.Name()
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: nodeInterface, PeerNamespace: netlink.NsPid(pid)}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("creating the interface %s: %w", c.Name(), err)
	}
	link, err := netlink.LinkByName(c.Name())
	if err != nil {
		return fmt.Errorf("looking for the interface %s: %w", c.Name(), err)
	}
	// The kernel takes no label at creation. If this process dies in between, the namespace goes
	// with it, and so does the pair.
	if err := netlink.LinkSetAlias(link, c.ownerLabel()); err != nil {
		return fmt.Errorf("labelling the interface %s: %w", c.Name(), err)
	}
	addresses := []netip.Prefix{netip.PrefixFrom(c.HostAddr(), c.LinkSubnet().Bits())}
	for _, addr := range c.EdgeAddrs() {
		addresses = append(addresses, netip.PrefixFrom(addr, addr.BitLen()))
	}
	if err := addAddresses(link, addresses); err != nil {
		return err
	}
	for _, subnet := range []netip.Prefix{c.PodSubnet(), c.ServiceSubnet()} {
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(subnet), Gw: c.NodeAddr().AsSlice()}
		if err := netlink.RouteAdd(route); err != nil {
			return fmt.Errorf("routing %s to %s: %w", subnet, c.Name(), err)
		}
	}
	return nil
}

// connectInside sets up the node's end. It runs in the node's network namespace.
func connectInside(c Config) error {
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("looking for the loopback interface: %w", err)
	}
	if err := netlink.LinkSetUp(lo); err != nil {
		return fmt.Errorf("starting the loopback interface: %w", err)
	}
	eth, err := netlink.LinkByName(nodeInterface)
	if err != nil {
		return fmt.Errorf("looking for the interface %s: %w", nodeInterface, err)
	}
	if err := addAddresses(eth, []netip.Prefix{netip.PrefixFrom(c.NodeAddr(), c.LinkSubnet().Bits())}); err != nil {
		return err
	}
	// No default route: what isn't on the pair or in the cluster is unreachable at once.
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0)
}

func addAddresses(link netlink.Link, addresses []netip.Prefix) error {
	name := link.Attrs().Name
	for _, addr := range addresses {
		if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: ipNet(addr)}); err != nil {
			return fmt.Errorf("giving %s to %s: %w", addr, name, err)
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return fmt.Errorf("starting the interface %s: %w", name, err)
	}
	return nil
}

// disconnect removes the interface, if it is this node's, and waits until it is gone: the kernel
// removes a network namespace some time after its last process has ended. Addresses and routes go
// with the interface.
func disconnect(ctx context.Context, c Config) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		link, err := netlink.LinkByName(c.Name())
		if isLinkNotFound(err) {
			return nil
		} else if err != nil {
			return fmt.Errorf("looking for the interface %s: %w", c.Name(), err)
		}
		if link.Attrs().Alias != c.ownerLabel() {
			return nil // another clone's; Check reports it
		}
		if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) && time.Now().After(deadline) {
			return fmt.Errorf("removing the interface %s: %w", c.Name(), err)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("removing the interface %s: %w", c.Name(), ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// linkLabel returns the label of an interface.
func linkLabel(name string) (label string, exists bool) {
	link, err := netlink.LinkByName(name)
	if err != nil {
		return "", false
	}
	return link.Attrs().Alias, true
}

func isLinkNotFound(err error) bool {
	var notFound netlink.LinkNotFoundError
	return errors.As(err, &notFound)
}

// usedNetwork is an address or a route of this machine, and the interface it belongs to.
type usedNetwork struct {
	prefix netip.Prefix
	link   string
}

// allSlots is the network of which each slot has a part.
var allSlots = netip.MustParsePrefix("10.64.0.0/10")

// otherWorld is what helps where names or networks are taken: each world has its own.
const otherWorld = "start a world of another name, without the stack dev (go -C sandbox run . up --world NAME)"

// conflicts describes which of the node's networks are in use already. A default route doesn't
// count, because more specific routes win.
func conflicts(c Config, used []usedNetwork) []error {
	var problems []error
	for _, want := range []netip.Prefix{c.LinkSubnet(), c.PodSubnet(), c.ServiceSubnet()} {
		for _, u := range used {
			if u.link != c.Name() && u.prefix.Bits() > 0 && u.prefix.Overlaps(want) {
				remedy := "free that network, or " + otherWorld
				if u.prefix.Bits() <= allSlots.Bits() {
					remedy = "free that network, which no other world can do without either; if it is a VPN's, leave it meanwhile"
				}
				problems = append(problems, fmt.Errorf("%s needs the network %s, but %s on the interface %s overlaps with it: %s", c.Name(), want, u.prefix, u.link, remedy))
				break
			}
		}
	}
	return problems
}

// usedNetworks lists this machine's IPv4 addresses and routes.
func usedNetworks() ([]usedNetwork, error) {
	links, err := netlink.LinkList()
	if err != nil {
		return nil, fmt.Errorf("listing interfaces: %w", err)
	}
	names := map[int]string{}
	var used []usedNetwork
	for _, link := range links {
		names[link.Attrs().Index] = link.Attrs().Name
		addrs, err := netlink.AddrList(link, netlink.FAMILY_V4)
		if err != nil {
			return nil, fmt.Errorf("listing addresses: %w", err)
		}
		for _, addr := range addrs {
			if p, ok := prefix(addr.IPNet); ok {
				used = append(used, usedNetwork{p, link.Attrs().Name})
			}
		}
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return nil, fmt.Errorf("listing routes: %w", err)
	}
	for _, route := range routes {
		if p, ok := prefix(route.Dst); ok {
			used = append(used, usedNetwork{p, names[route.LinkIndex]})
		}
	}
	return used, nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	addr, ok := netip.AddrFromSlice(n.IP)
	ones, _ := n.Mask.Size()
	return netip.PrefixFrom(addr.Unmap(), ones), ok
}
