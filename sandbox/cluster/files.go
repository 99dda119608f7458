package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// Names below Config.Dir. Everything else there belongs to the programs of the node.
const (
	identityFile = "init.json"   // which process the node is
	specFile     = "spec.json"   // what that process was told
	statusFile   = "status.json" // what that process says about the others
	completeFile = "complete"    // exists once the command that started the node has done its part
	imagesFile   = "images.json" // which images containerd has got already
	configDir    = "config"
	pkiDir       = "pki"
	logDir       = "logs"
	rootDir      = "root" // where the node's root is mounted, inside its mount namespace only
)

// writeFile replaces a file as a whole: a process killed in the middle leaves the old one.
func writeFile(path string, data []byte, mode os.FileMode) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("writing %s: %w", path, err)
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already when all went well
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if closeErr := tmp.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(tmp.Name(), path)
	}
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
