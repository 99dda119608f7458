// Package world assembles the local world: the tools, Cloudflare, the cluster with
// something to expose in it, and a Pulumi of its own to drive it all. It knows where
// everything is kept and in what order it starts and stops; the parts themselves are in
// packages of their own.
package world

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/toolchain"
)

// DefaultName is the world that the dev stack points at. Its addresses are
// fixed, because Pulumi.dev.yaml names them.
const DefaultName = "dev"

// World is one local world. Worlds in different slots share only the tools, so several
// can be up at a time.
type World struct {
	// Root is the clone's root.
	Root string `json:"-"`
	// Name distinguishes the worlds of a clone.
	Name string `json:"-"`
	// ID is random, so that one world isn't taken for another at the same addresses. Up
	// chooses it.
	ID string `json:"id"`
	// Slot numbers the worlds of the machine. Every address, interface and
	// cgroup follows from it. Up chooses it, and the world keeps it until it is
	// taken down; the default world's is always 0.
	Slot int `json:"slot"`
	// NoCluster leaves the node out: the Cloudflare part alone needs neither
	// Linux nor root.
	NoCluster bool `json:"noCluster"`
	// EdgeProtocol is what connectors that leave the choice to Cloudflare begin
	// with: quic, as in production and when empty, or http2.
	EdgeProtocol string `json:"edgeProtocol"`

	recorded bool   // it has its slot
	original string // the clone whose world it is a copy of
}

// ErrNoAddresses says that a world was never up, or was taken down.
var ErrNoAddresses = errors.New("it isn't up, so it has no addresses yet")

// Known returns nil if the world's addresses are known.
func (w *World) Known() error {
	if err := w.checkCopy(); err != nil {
		return err
	}
	if w.recorded || w.Name == DefaultName {
		return nil
	}
	return fmt.Errorf("world %s: %w; start it with: go -C sandbox run . up --world %s", w.Name, ErrNoAddresses, w.Name)
}

// Open returns the world of that name in the clone around the current directory.
func Open(name string) (*World, error) {
	root, err := findRoot()
	if err != nil {
		return nil, err
	}
	return OpenIn(root, name)
}

// OpenIn is Open for the clone at root.
func OpenIn(root, name string) (*World, error) {
	if name == "" || name != filepath.Base(name) || strings.HasPrefix(name, ".") {
		return nil, fmt.Errorf("world: %q can't be a directory's name", name)
	}
	w := &World{Root: root, Name: name}
	// A directory that is itself a link is no world of this clone: Up refuses it, Down removes
	// the link.
	if cluster.IsLink(w.Dir()) {
		return w, nil
	}
	if err := errors.Join(w.checkOwner(), w.load()); err != nil {
		return nil, fmt.Errorf("opening world %s: %w", name, err)
	}
	return w, nil
}

// findRoot goes up from the current directory to the clone's root.
func findRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "Pulumi.yaml")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", errors.New("this isn't a clone of the project: no Pulumi.yaml here or further up; run the command from within the clone")
		}
		dir = parent
	}
}

// Dir holds everything that belongs to this world, and is removed with it.
func (w *World) Dir() string {
	return filepath.Join(w.Root, ".sandbox", "worlds", w.Name)
}

func (w *World) path(parts ...string) string {
	return filepath.Join(append([]string{w.Dir()}, parts...)...)
}

// PulumiHome is Pulumi's directory for the selected stack and the login, which differ
// between worlds. Its plugins are a link to SharedPulumiHome's.
func (w *World) PulumiHome() string { return w.path("pulumi-home") }

// SharedPulumiHome is the Pulumi directory with the plugins of all worlds. A plugin put
// there by hand stays.
func (w *World) SharedPulumiHome() string {
	return filepath.Join(w.Root, ".sandbox", "pulumi")
}

// Kubeconfig is the file with the administrator's credentials for the cluster.
func (w *World) Kubeconfig() string { return w.path("kubeconfig") }

// loopback is an address of this machine that belongs to this world alone. The
// default world has 127.0.0.1, to which browsers resolve *.localhost.
func (w *World) loopback(host int) string {
	return fmt.Sprintf("127.0.%d.%d", w.Slot, host)
}

// The ports of the Cloudflare process, the same in every world.
const (
	apiPort        = 4443
	frontPort      = 8080
	frontHTTPSPort = 8443
	controlPort    = 4480
	edgePort       = 7844 // the one that cloudflared dials
)

func address(host string, port int) string { return fmt.Sprintf("%s:%d", host, port) }

// APIAddr is where Cloudflare's API answers, over HTTPS.
func (w *World) APIAddr() string { return address(w.loopback(1), apiPort) }

// apiURL is the address below which clients find the API.
func (w *World) apiURL() string { return "https://" + w.APIAddr() + api.BasePath }

// FrontAddr is where web requests enter.
func (w *World) FrontAddr() string { return address(w.loopback(1), frontPort) }

// FrontHTTPSAddr is FrontAddr for HTTPS, with certificates of the sandbox's CA.
func (w *World) FrontHTTPSAddr() string { return address(w.loopback(1), frontHTTPSPort) }

// ControlAddr is where tests ask the Cloudflare process what it saw and tell it to
// misbehave.
func (w *World) ControlAddr() string { return address(w.loopback(1), controlPort) }

// localEdge are the edge's addresses for a cloudflared on this machine. They end as those in the node's
// network.
func (w *World) localEdge() []string {
	var addrs []string
	for _, addr := range w.clusterConfig().EdgeAddrs() {
		addrs = append(addrs, address(w.loopback(int(addr.As4()[3])), edgePort))
	}
	return addrs
}

// edgeAddrs are all addresses at which the edge listens.
func (w *World) edgeAddrs() []string {
	addrs := w.localEdge()
	if !w.NoCluster {
		for _, addr := range w.clusterConfig().EdgeAddrs() {
			addrs = append(addrs, netip.AddrPortFrom(addr, edgePort).String())
		}
	}
	return addrs
}

// clusterConfig says which node is this world's.
func (w *World) clusterConfig() cluster.Config {
	return cluster.Config{
		Slot:         w.Slot,
		Dir:          w.path("node"),
		BinDir:       toolchain.BinDir(w.Root),
		EdgeProtocol: w.EdgeProtocol,
	}
}
