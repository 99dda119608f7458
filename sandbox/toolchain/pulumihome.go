package toolchain

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"
)

// markerName is the file that marks a plugin's directory as made here. A directory without it, or
// whose plugin isn't the one that it describes, is the user's and stays as it is.
const markerName = "made-by-k8s-tunnel.json"

// marker describes the plugin in its directory.
type marker struct {
	Source   string    `json:"source"` // the file or directory that this is a copy of or a link to
	Link     string    `json:"link,omitempty"`
	Size     int64     `json:"size,omitempty"`
	Modified time.Time `json:"modified,omitzero"` // of the source
}

// AssemblePulumiHome puts the plugins of r into home, a Pulumi directory of a world's own, under
// the names that Pulumi looks for. Plugins that the user put there are left alone.
func (r Result) AssemblePulumiHome(ctx context.Context, home string) error {
	unlock, err := Lock(ctx, r.Root, "plugins", func() {})
	if err != nil {
		return err
	}
	defer unlock()
	for _, tool := range r.Tools {
		if tool.plugin == "" || tool.Origin == OriginPlaced {
			continue
		}
		if err := placePlugin(home, tool); err != nil {
			return fmt.Errorf("putting the %s plugin into %s: %w", tool.plugin, home, err)
		}
	}
	return nil
}

// placePlugin makes tool's directory in home, unless it is there and up to date.
func placePlugin(home string, tool Tool) error {
	dir := filepath.Join(home, "plugins", pluginDir(tool.plugin, tool.Version))
	binary := "pulumi-resource-" + tool.plugin
	if isForeign(dir, binary) {
		return nil
	}
	wanted, err := describe(tool)
	if err != nil {
		return err
	}
	if present, ok := readMarker(dir); ok && present.Source == wanted.Source &&
		present.Link == wanted.Link && present.Modified.Equal(wanted.Modified) {
		return nil
	}
	fresh := filepath.Join(home, "plugins", ".new-"+filepath.Base(dir))
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.MkdirAll(fresh, 0o755); err != nil {
		return err
	}
	if wanted.Link != "" {
		err = linkFiles(tool.Path, fresh)
	} else {
		wanted.Size, err = copyBinary(tool.Path, filepath.Join(fresh, binary))
	}
	if err != nil {
		return err
	}
	content, err := json.Marshal(wanted)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(fresh, markerName), content, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	return os.Rename(fresh, dir)
}

// describe returns the marker that tool's directory should have. A build is copied, so that writing
// another plugin over it doesn't change the shared tools; everything else is linked.
func describe(tool Tool) (marker, error) {
	wanted := marker{Source: tool.Path}
	if tool.Origin != OriginBuilt {
		wanted.Link = filepath.Join(tool.Path, "pulumi-resource-"+tool.plugin)
		return wanted, nil
	}
	info, err := os.Stat(tool.Path)
	if err != nil {
		return marker{}, err
	}
	wanted.Modified = info.ModTime()
	return wanted, nil
}

// isForeign reports whether dir holds a plugin that placePlugin didn't put there, or that was
// replaced since.
func isForeign(dir, binary string) bool {
	path := filepath.Join(dir, binary)
	info, err := os.Lstat(path)
	if err != nil {
		return false
	}
	ours, ok := readMarker(dir)
	if !ok {
		return true
	}
	if ours.Link != "" {
		destination, err := os.Readlink(path)
		return err != nil || destination != ours.Link
	}
	return !info.Mode().IsRegular() || info.Size() != ours.Size
}

func readMarker(dir string) (marker, bool) {
	var present marker
	content, err := os.ReadFile(filepath.Join(dir, markerName))
	if err != nil {
		return present, false
	}
	return present, json.Unmarshal(content, &present) == nil
}

// linkFiles links everything in source into dir. dir itself can't be a link, because Pulumi skips
// those when it lists its plugins.
func linkFiles(source, dir string) error {
	entries, err := os.ReadDir(source)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.Symlink(filepath.Join(source, entry.Name()), filepath.Join(dir, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyBinary(source, path string) (int64, error) {
	from, err := os.Open(source)
	if err != nil {
		return 0, err
	}
	defer from.Close()
	to, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if err != nil {
		return 0, err
	}
	size, err := io.Copy(to, from)
	if closed := to.Close(); err == nil {
		err = closed
	}
	return size, err
}
