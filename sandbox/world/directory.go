package world

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/renameio/v2"

	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/toolchain"
)

// settingsFile keeps the world's identity, its slot and the options of `up` for later
// commands.
const settingsFile = "world.json"

// newID makes the ID of a world.
func newID() string { return rand.Text() }

// record is what settingsFile holds.
type record struct {
	*World
	// Root is the clone that the world was made by. It tells a world of this clone from
	// another's, to which a symbolic link may lead.
	Root string `json:"root"`
}

// save writes settingsFile.
func (w *World) save() error {
	raw, err := json.Marshal(record{w, w.Root})
	if err != nil {
		return err
	}
	if err := os.MkdirAll(w.Dir(), 0o755); err != nil {
		return err
	}
	w.recorded = true
	return renameio.WriteFile(w.path(settingsFile), raw, 0o644, renameio.WithTempDir(w.Dir()))
}

// forget undoes save.
func (w *World) forget() {
	_ = os.Remove(w.path(settingsFile))
	_ = os.Remove(w.Dir()) // if there is nothing else in it
	w.recorded = false
}

// load reads settingsFile, if there is one, into w. That of a copy, or
// behind a link, is another's.
func (w *World) load() error {
	w.recorded, w.original = false, w.copiedFrom()
	raw, err := os.ReadFile(w.path(settingsFile))
	if w.original != "" || cluster.IsLink(w.Dir()) || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &record{World: w})
	}
	w.recorded = err == nil
	return err
}

// lock keeps other commands that start or stop this world away until the returned function
// is called.
func (w *World) lock(ctx context.Context, out io.Writer) (unlock func(), err error) {
	return toolchain.Lock(ctx, w.Root, "world-"+w.Name, func() {
		fmt.Fprintf(out, "waiting for another command that starts or stops world %s\n", w.Name)
	})
}

// Reserve keeps other runs of tests or measurements from the world until the returned function is called, or
// this process ends. A run that another one keeps away is told what to do instead.
func (w *World) Reserve(instead string) (release func(), err error) {
	release, err = toolchain.TryLock(w.Root, "run-"+w.Name)
	if errors.Is(err, toolchain.ErrLocked) {
		return nil, fmt.Errorf("another run uses world %s: wait for its end, or %s", w.Name, instead)
	}
	return release, err
}

// checkOwner returns an error if the world's directory may be somebody else's. Whoever
// needs the room may link .sandbox to another disk, but then only a directory that says it
// is this clone's world counts as one, or one in which nothing is lost.
func (w *World) checkOwner() error {
	dir := w.Dir()
	if cluster.IsLink(dir) {
		return fmt.Errorf("%s is a symbolic link, and what it leads to may be somebody else's: remove it", dir)
	}
	here, err := os.Stat(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	link := ""
	for _, parent := range []string{filepath.Dir(filepath.Dir(dir)), filepath.Dir(dir)} {
		if cluster.IsLink(parent) {
			link = parent
		}
	}
	made := readRecord(dir)
	switch there, err := os.Stat(filepath.Join(made.Root, ".sandbox", "worlds", w.Name)); {
	case made.Root == w.Root, sameFile(made.Root, w.Root):
		return nil
	case made.Root != "" && err == nil && os.SameFile(here, there):
		return fmt.Errorf("%s is the world of another clone, %s: use it there, or remove the symbolic link %s", dir, made.Root, link)
	case link != "" && !holdsNoFiles(dir):
		return fmt.Errorf("%s can't be told to be this clone's world, because %s is a symbolic link: remove the link, or the directory if it is yours", dir, link)
	}
	return nil // made before the clone was moved or copied, or its record was never written
}

// holdsNoFiles reports whether there is nothing but directories in a directory.
func holdsNoFiles(dir string) bool {
	return filepath.WalkDir(dir, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			err = fs.ErrExist
		}
		return err
	}) == nil
}

func sameFile(a, b string) bool {
	one, err1 := os.Stat(a)
	other, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(one, other)
}

// checkLinks returns an error if something that the world writes to is a symbolic link. The
// world makes none there, so they lead to somebody else's files.
func (w *World) checkLinks() error {
	var links []string
	err := filepath.WalkDir(w.Dir(), func(path string, entry fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err != nil:
			return err
		case entry.Type()&fs.ModeSymlink != 0:
			links = append(links, path)
		case entry.IsDir() && (filepath.Dir(path) == w.path("node") || path == w.path("project") || path == w.PulumiHome()):
			return fs.SkipDir // what is further down is full of links, and written by others
		}
		return nil
	})
	if err == nil && len(links) > 0 {
		err = fmt.Errorf("symbolic links in a world may lead to somebody else's files: remove %s, or take the world down, which removes the links alone", strings.Join(links, " and "))
	}
	return err
}

// checkMounts returns an error if something is mounted in the world's directory. The world's
// own mounts are invisible here, and removing the directory would empty what is mounted.
func (w *World) checkMounts() error {
	dir, err := filepath.EvalSymlinks(w.Dir())
	if err != nil {
		return nil // nothing there
	}
	table, err := os.Open("/proc/self/mountinfo")
	if errors.Is(err, fs.ErrNotExist) {
		return nil // not Linux
	} else if err != nil {
		return err
	}
	defer table.Close()
	if mounts := MountsIn(table, dir); len(mounts) > 0 {
		return fmt.Errorf("something is mounted in the world's directory, and would be emptied with it: umount %s", strings.Join(mounts, " "))
	}
	return nil
}

// MountsIn lists the mount points at and below dir in a table such as /proc/self/mountinfo,
// the innermost first.
func MountsIn(table io.Reader, dir string) []string {
	var found []string
	for lines := bufio.NewScanner(table); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 5 {
			continue
		}
		// Blanks and the like are written as \040.
		point, err := strconv.Unquote(`"` + strings.ReplaceAll(fields[4], `"`, `\"`) + `"`)
		if err == nil && (point == dir || strings.HasPrefix(point, dir+"/")) {
			found = append([]string{point}, found...)
		}
	}
	return found
}
