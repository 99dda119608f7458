// Package world assembles the local world: the tools, Cloudflare, the cluster with
// something to expose in it, and a Pulumi of its own to drive it all. It knows where
// everything is kept and in what order it starts and stops; the parts themselves are in
// packages of their own.
package world

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strings"

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
	// Slot numbers the worlds of the machine. Every address, interface and
	// cgroup follows from it.
	Slot int `json:"slot"`
	// NoCluster leaves the node out: the Cloudflare part alone needs neither
	// Linux nor root.
	NoCluster bool `json:"noCluster"`
	// EdgeProtocol is what connectors that leave the choice to Cloudflare begin
	// with: quic, as in production and when empty, or http2.
	EdgeProtocol string `json:"edgeProtocol"`
}

// Open returns the world of that name in the clone around the current directory. A
// world that has never been up gets a slot, which it keeps until it is taken down; the
// default world always has slot 0.
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
	raw, err := os.ReadFile(w.path(settingsFile))
	switch {
	case err == nil:
		err = json.Unmarshal(raw, w)
	case errors.Is(err, fs.ErrNotExist) && name == DefaultName:
		err = nil // slot 0
	case errors.Is(err, fs.ErrNotExist):
		w.Slot, err = freeSlot()
	}
	if err != nil {
		return nil, fmt.Errorf("opening world %s: %w", name, err)
	}
	return w, nil
}

// settingsFile keeps the options of `up` for later commands.
const settingsFile = "world.json"

// save writes settingsFile.
func (w *World) save() error {
	raw, err := json.Marshal(w)
	if err != nil {
		return err
	}
	return os.WriteFile(w.path(settingsFile), raw, 0o644)
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

// PulumiHome is Pulumi's directory for plugins and credentials, shared by the worlds,
// so that a plugin put there by hand stays.
func (w *World) PulumiHome() string {
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

// FrontAddr is where web requests enter.
func (w *World) FrontAddr() string { return address(w.loopback(1), frontPort) }

// FrontHTTPSAddr is FrontAddr for HTTPS, with certificates of the sandbox's CA.
func (w *World) FrontHTTPSAddr() string { return address(w.loopback(1), frontHTTPSPort) }

// ControlAddr is where tests ask the Cloudflare process what it saw and tell it to
// misbehave.
func (w *World) ControlAddr() string { return address(w.loopback(1), controlPort) }

// edgeRegion is the first of four addresses at which the edge listens, both in the
// node's network and on the loopback network.
const edgeRegion = 11

// clusterEdge are the edge's addresses as the cluster sees them.
func (w *World) clusterEdge() []netip.Addr {
	addrs := make([]netip.Addr, 4)
	for i := range addrs {
		addrs[i] = netip.AddrFrom4([4]byte{10, 255, byte(w.Slot), byte(edgeRegion + i)})
	}
	return addrs
}

// localEdge are the edge's addresses for a cloudflared on this machine.
func (w *World) localEdge() []string {
	addrs := make([]string, 4)
	for i := range addrs {
		addrs[i] = address(w.loopback(edgeRegion+i), edgePort)
	}
	return addrs
}

// edgeAddrs are all addresses at which the edge listens.
func (w *World) edgeAddrs() []string {
	addrs := w.localEdge()
	if !w.NoCluster {
		for _, addr := range w.clusterEdge() {
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
		EdgeAddrs:    w.clusterEdge(),
		EdgeProtocol: w.EdgeProtocol,
	}
}
