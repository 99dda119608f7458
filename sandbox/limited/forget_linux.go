package limited

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Forget makes the kernel forget what it keeps in memory of files and of all files in folders. What a
// group's processes read of them counts as theirs then, as on a machine that has just started, and not
// as that of whoever read it first. Files in use elsewhere are kept.
func Forget(paths ...string) error {
	for _, path := range paths {
		resolved, err := filepath.EvalSymlinks(path)
		if err != nil {
			return err
		}
		err = filepath.WalkDir(resolved, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.Type().IsRegular() {
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

func forget(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	// What isn't on the disk yet can't be forgotten.
	return errors.Join(file.Sync(), unix.Fadvise(int(file.Fd()), 0, 0, unix.FADV_DONTNEED))
}
