package cluster

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// nodePrograms are the tools that the node cannot start without.
var nodePrograms = []string{"kube", "containerd", "containerd-shim-runc-v2", "ctr", "runc", "ptp", "loopback", "host-local", "netpol"}

// spec is what process 1 is told, and what a running node is compared with: if they differ, the
// node is restarted. Versions of a file are distinguished by size and time, which is enough for
// tools that are built once and kept.
type spec struct {
	Slot     int               `json:"slot"`
	Dir      string            `json:"dir"`
	BinDir   string            `json:"binDir"`
	Programs map[string]string `json:"programs"`
	// Config is a checksum of everything generated, so that a node set up by another version is
	// recognised.
	Config string `json:"config"`
}

func newSpec(c Config) (spec, error) {
	s := spec{Slot: c.Slot, Dir: c.Dir, BinDir: c.BinDir, Programs: map[string]string{}}
	var err error
	if s.Config, err = configDigest(c); err != nil {
		return spec{}, err
	}
	for _, name := range nodePrograms {
		real, err := filepath.EvalSymlinks(c.bin(name))
		if err != nil {
			return spec{}, fmt.Errorf("looking for the node's programs: %w", err)
		}
		if filepath.Dir(real) != c.BinDir {
			return spec{}, fmt.Errorf("looking for the node's programs: %s leads to %s, out of the only directory that the node can see", c.bin(name), real)
		}
		if s.Programs[name], err = fileStamp(real); err != nil {
			return spec{}, fmt.Errorf("looking for the node's programs: %w", err)
		}
	}
	return s, nil
}

// configDigest is a checksum of everything that this package generates for the node.
func configDigest(c Config) (string, error) {
	files, err := configFiles(c)
	if err != nil {
		return "", err
	}
	if files["dns"], err = dnsManifests(c); err != nil {
		return "", err
	}
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(sum, "%s %d\n%s", name, len(files[name]), files[name])
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (s spec) config() Config {
	return Config{Slot: s.Slot, Dir: s.Dir, BinDir: s.BinDir}
}

// fileStamp distinguishes versions of a file without reading it.
func fileStamp(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%d bytes of %s", info.Size(), info.ModTime().UTC().Format("2006-01-02T15:04:05.000000000Z")), nil
}
