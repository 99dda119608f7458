package limited

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Forget makes the kernel forget what it keeps in memory of files and of all files in folders, and of
// those that links in them lead to. What a group's processes read of them counts as theirs then, as on a
// machine that has just started, and not as that of whoever read it first. Files in use elsewhere are
// kept, and what isn't there is passed over.
func Forget(paths ...string) error {
	for _, path := range paths {
		resolved, err := filepath.EvalSymlinks(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		err = filepath.WalkDir(resolved, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			return forget(path)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// forget makes the kernel forget a file, or the one that a link leads to.
func forget(path string) error {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil || !info.Mode().IsRegular() {
		return err
	}
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	// What isn't on the disk yet can't be forgotten.
	return errors.Join(file.Sync(), unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED))
}
