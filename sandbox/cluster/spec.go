package cluster

import (
	"fmt"
	"net/netip"
	"os"
)

// nodePrograms are the tools that the node cannot start without.
var nodePrograms = []string{"kube", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "ptp", "loopback", "host-local", "netpol"}

// spec is what process 1 is told, and what a running node is compared with: where they differ, the node is started
// anew. Files are told apart by size and time, which is enough for tools that are built once and kept.
type spec struct {
	Slot      int               `json:"slot"`
	Dir       string            `json:"dir"`
	BinDir    string            `json:"binDir"`
	EdgeAddrs []netip.Addr      `json:"edgeAddrs"`
	Programs  map[string]string `json:"programs"`
	Generator string            `json:"generator"`
}

// generator changes when this package sets up nodes differently, so that a node of an older version is restarted.
const generator = "1"

func newSpec(c Config) (spec, error) {
	s := spec{Slot: c.Slot, Dir: c.Dir, BinDir: c.BinDir, EdgeAddrs: c.EdgeAddrs, Programs: map[string]string{}, Generator: generator}
	for _, name := range nodePrograms {
		stamp, err := fileStamp(c.bin(name))
		if err != nil {
			return spec{}, fmt.Errorf("looking for the node's programs: %w", err)
		}
		s.Programs[name] = stamp
	}
	return s, nil
}

func (s spec) config() Config {
	return Config{Slot: s.Slot, Dir: s.Dir, BinDir: s.BinDir, EdgeAddrs: s.EdgeAddrs}
}

// fileStamp tells versions of a file apart without reading it.
func fileStamp(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes of %s", info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000Z")), nil
}
