package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// Names below Config.Dir. Everything else there belongs to the programs of the node.
const (
	identityFile = "init.json"   // which process the node is
	specFile     = "spec.json"   // what that process was told
	statusFile   = "status.json" // what that process says about the others
	completeFile = "complete"    // exists once the command that started the node has finished
	imagesFile   = "images.json" // which images containerd has already
	configDir    = "config"
	pkiDir       = "pki"
	logDir       = "logs"
	kubeletDir   = "kubelet" // what the node has at kubeletRoot
	podLogsDir   = "podlogs" // what the node has at podLogsRoot
	rootDir      = "root"    // where the node's root is mounted, inside its mount namespace only
)

// IsLink reports whether a path is itself a symbolic link.
func IsLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode()&os.ModeSymlink != 0
}

// writeFile replaces a file as a whole: a process killed in the middle leaves the old one.
func writeFile(path string, data []byte, mode os.FileMode) error {
	err := renameio.WriteFile(path, data, mode, renameio.IgnoreUmask(), renameio.WithTempDir(filepath.Dir(path)))
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return nil
}

// writeJSON writes indented JSON, which is also YAML: every program here reads it.
func writeJSON(path string, value any, mode os.FileMode) error {
	data, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	return writeFile(path, append(data, '\n'), mode)
}

// readJSON returns an error that matches os.ErrNotExist when there is no such file.
func readJSON(path string, value any) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	if err := json.Unmarshal(data, value); err != nil {
		return fmt.Errorf("reading %s: %w", path, err)
	}
	return nil
}
