package toolchain

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// stamp is recorded for a target's binaries: what they were made of, and their sizes, which reveal
// a damaged or replaced file. The cost is there to be read by people and measurements.
type stamp struct {
	Key   string           `json:"key"`
	Sizes map[string]int64 `json:"sizes"`
	Cost  Cost             `json:"cost"`
}

// key digests everything that decides the result of a build of t: the recipe, the compiler and the
// module's files. Required modules aren't read, because go.sum stands for them.
func (t target) key(root string, settings goSettings) (string, error) {
	digest := sha256.New()
	fmt.Fprintf(digest, "%s %s %s\n", settings.GOVERSION, settings.GOOS, settings.GOARCH)
	fmt.Fprintf(digest, "%q\n", slices.Concat(t.packages, t.flags(), []string{t.as, fmt.Sprint(t.cgo)}))
	fmt.Fprintf(digest, "%q\n", t.embeds)
	module := filepath.Join(root, t.module)
	sources := t.sources
	if len(sources) == 0 {
		sources = []string{"."}
	}
	for _, source := range sources {
		if err := digestAll(digest, module, source); err != nil {
			return "", fmt.Errorf("reading the sources of %s: %w", t.name, err)
		}
	}
	if t.edited {
		if err := digestAll(digest, filepath.Join(root, "sandbox", "toolchain"), "edited"); err != nil {
			return "", fmt.Errorf("reading how the modules of %s are edited: %w", t.name, err)
		}
	}
	return hex.EncodeToString(digest.Sum(nil)), nil
}

// digestAll adds the files that match the pattern source, which is relative to module.
func digestAll(digest io.Writer, module, source string) error {
	// The path of the module is no pattern, whatever characters are in it.
	names, err := fs.Glob(os.DirFS(module), source)
	if err != nil {
		return err
	}
	if len(names) == 0 {
		return fmt.Errorf("%s: %w", filepath.Join(module, source), fs.ErrNotExist)
	}
	for _, name := range names {
		if err := digestTree(digest, module, filepath.Join(module, name)); err != nil {
			return err
		}
	}
	return nil
}

// digestTree adds the files at path with their names in module.
func digestTree(digest io.Writer, module, path string) error {
	return filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if entry.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".md") || !entry.Type().IsRegular() {
			return nil
		}
		name, err := filepath.Rel(module, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(digest, "%q %d\n%s\n", name, len(content), content)
		return err
	})
}

// current reports whether the binaries of t exist and were made of what key stands for.
func (t target) current(root, key string) bool {
	content, err := os.ReadFile(t.stampPath(root))
	if err != nil {
		return false
	}
	var written stamp
	if err := json.Unmarshal(content, &written); err != nil || written.Key != key {
		return false
	}
	for _, name := range t.binaries() {
		info, err := os.Lstat(filepath.Join(t.destination(root), name))
		if err != nil || !info.Mode().IsRegular() || info.Size() != written.Sizes[name] {
			return false
		}
	}
	return true
}

// writeStamp records that the binaries of t are made of what key stands for.
func (t target) writeStamp(root, key string, cost Cost) error {
	written := stamp{Key: key, Sizes: map[string]int64{}, Cost: cost}
	for _, name := range t.binaries() {
		info, err := os.Stat(filepath.Join(t.destination(root), name))
		if err != nil {
			return fmt.Errorf("looking at the new %s: %w", name, err)
		}
		written.Sizes[name] = info.Size()
	}
	content, err := json.Marshal(written)
	if err != nil {
		return fmt.Errorf("writing down the key of %s: %w", t.name, err)
	}
	return writeFile(t.stampPath(root), content)
}

// dropStamp comes before anything that changes the binaries, so that a run that is killed in
// between leaves a target that counts as not built.
func (t target) dropStamp(root string) error {
	if err := os.Remove(t.stampPath(root)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting the key of %s: %w", t.name, err)
	}
	return nil
}

func (t target) stampPath(root string) string {
	return filepath.Join(stateDir(root), "keys", t.name+".json")
}

// writeFile writes content to path in one step, creating its directory if missing.
func writeFile(path string, content []byte) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, content, 0o644, renameio.WithTempDir(dir))
}
