package cluster

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
)

// MaxSlot is the highest slot: two /16 networks for each slot fill 10.64.0.0/10. Google Cloud's default
// subnets are right above them.
const MaxSlot = 31

// InitCommand is the hidden command of the surrounding program that must call [InitMain] with the
// arguments that follow it. The node's process 1 is that program itself, so that nothing else has
// to be installed.
const InitCommand = "node-init"

// Config says which node is meant and what belongs in it. All names and addresses follow from Slot,
// so that nodes of different slots run side by side without affecting each other.
type Config struct {
	// Slot numbers the nodes of one machine, from 0 to MaxSlot.
	Slot int
	// Dir holds everything that the node writes, its kubeconfig and its logs. It must belong to
	// this node alone.
	Dir string
	// BinDir holds the programs: kube, containerd, containerd-shim-runc-v2, ctr, runc, ptp,
	// loopback, host-local, netpol. Only Start and Apply need it.
	BinDir string
	// Images returns the files with OCI images that are brought into containerd. It is called while
	// the node is starting already, because making them may take a while.
	Images func() (Images, error) `json:"-"`
	// Manifests are objects that are created as soon as the node can store them, a YAML or JSON stream.
	// Start doesn't wait for them to come up.
	Manifests []byte `json:"-"`
	// EdgeProtocol is what the cluster's DNS tells cloudflared to begin with, quic or http2, as
	// Cloudflare's own DNS steers connectors that leave the choice to it. Empty for quic, as in
	// production.
	EdgeProtocol string
	// Progress is called with what is happening, a line at a time. It may be nil.
	Progress func(string) `json:"-"`
}

// Images are files with OCI images.
type Images struct {
	// Node are those that the node needs itself, [image.Pause] and [image.CoreDNS], and those of the pods in
	// Manifests. They are there before the first pod starts.
	Node []string
	// Others are there when the node has started.
	Others []string
}

// Name is the name of the node, of its interface on this machine, and of its cgroup.
func (c Config) Name() string { return fmt.Sprintf("k8st%d", c.Slot) }

// HostAddr is the machine's address on the veth pair, at which pods reach programs here.
func (c Config) HostAddr() netip.Addr { return netip.AddrFrom4([4]byte{10, 255, byte(c.Slot), 1}) }

// NodeAddr is the node's address; the API server listens there on port 6443.
func (c Config) NodeAddr() netip.Addr { return netip.AddrFrom4([4]byte{10, 255, byte(c.Slot), 2}) }

// LinkSubnet is the network of the veth pair.
func (c Config) LinkSubnet() netip.Prefix { return netip.PrefixFrom(c.HostAddr(), 24).Masked() }

// PodSubnet is the network of the pods.
func (c Config) PodSubnet() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(64 + 2*c.Slot), 0, 0}), 16)
}

// nodePodSubnet is the part of PodSubnet that the controllers give to the first node.
func (c Config) nodePodSubnet() netip.Prefix { return netip.PrefixFrom(c.PodSubnet().Addr(), 24) }

// ServiceSubnet is the network of the services' virtual addresses.
func (c Config) ServiceSubnet() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(65 + 2*c.Slot), 0, 0}), 16)
}

// APIServiceAddr is the address of the service "kubernetes", by convention the first of the subnet.
func (c Config) APIServiceAddr() netip.Addr { return c.ServiceSubnet().Addr().Next() }

// DNSAddr is the address of the cluster's DNS service, by convention the tenth of the subnet.
func (c Config) DNSAddr() netip.Addr {
	a := c.ServiceSubnet().Addr().As4()
	a[3] = 10
	return netip.AddrFrom4(a)
}

// EdgeAddrs are the addresses at which cloudflared finds its edge. They are put on the machine's end of
// the veth pair, and the cluster's DNS answers with them: the first half for region 1, the rest for
// region 2.
func (c Config) EdgeAddrs() []netip.Addr {
	addrs := make([]netip.Addr, 4)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, 255, byte(c.Slot), byte(11 + i)})
	}
	return addrs
}

// edgeRange is the part of the link's subnet that the edge's addresses are taken from.
func (c Config) edgeRange() netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 255, byte(c.Slot), 8}), 29)
}

// APIServerURL is where the API server answers, both on this machine and in the node.
func (c Config) APIServerURL() string { return fmt.Sprintf("https://%s:6443", c.NodeAddr()) }

// Kubeconfig is the file with the administrator's credentials. Every start writes it anew.
func (c Config) Kubeconfig() string { return filepath.Join(c.Dir, "kubeconfig") }

// LogDir holds a log of each of the node's processes, and the log of its previous run.
func (c Config) LogDir() string { return filepath.Join(c.Dir, "logs") }

// Validate reports all problems with the values themselves.
func (c Config) Validate() error {
	var problems []error
	bad := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if c.Slot < 0 || c.Slot > MaxSlot {
		bad("slot: %d is not between 0 and %d", c.Slot, MaxSlot)
	}
	if !filepath.IsAbs(c.Dir) || filepath.Clean(c.Dir) == "/" {
		bad("dir: %q is not an absolute path of a directory", c.Dir)
	}
	if c.BinDir != "" && !filepath.IsAbs(c.BinDir) {
		bad("binDir: %q is not an absolute path", c.BinDir)
	}
	if c.EdgeProtocol != "" && c.EdgeProtocol != "quic" && c.EdgeProtocol != "http2" {
		bad("edgeProtocol: %q is neither quic nor http2", c.EdgeProtocol)
	}
	return errors.Join(problems...)
}

func (c Config) progress(format string, args ...any) {
	if c.Progress != nil {
		c.Progress(fmt.Sprintf(format, args...))
	}
}

// bin returns the path of one of the tools.
func (c Config) bin(name string) string { return filepath.Join(c.BinDir, name) }

// path returns a path below the node's directory.
func (c Config) path(parts ...string) string {
	return filepath.Join(append([]string{c.Dir}, parts...)...)
}
