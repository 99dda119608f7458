package world

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// removeKubeconfigs removes the copies of the world's kubeconfig that Pulumi's Kubernetes plugin
// leaves in the directory for temporary files, one for each command. They hold the
// administrator's key, and are told from others by the certificate authority of the world's
// cluster.
func (w *World) removeKubeconfigs() error {
	authority, err := os.ReadFile(w.path("node", "pki", "ca.crt"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil // there was no cluster
	} else if err != nil {
		return err
	}
	ours := []byte(base64.StdEncoding.EncodeToString(authority))
	files, err := filepath.Glob(filepath.Join(os.TempDir(), "kubeconfig[0-9]*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := os.Lstat(file)
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		if content, err := os.ReadFile(file); err != nil || !bytes.Contains(content, ours) {
			continue // another cluster's, or another user's
		}
		if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}
