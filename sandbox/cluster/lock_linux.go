package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lock makes the node's folder and takes it for this process alone, so that of two commands at once the second
// waits. The kernel lets go of it when the process ends, however that happens.
func lock(ctx context.Context, c Config) (unlock func(), err error) {
	told := false
	for {
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("creating the node's folder: %w", err)
		}
		dir, err := os.Open(c.Dir)
		if errors.Is(err, os.ErrNotExist) {
			continue // removed by another in this very moment
		} else if err != nil {
			return nil, fmt.Errorf("locking the node's folder: %w", err)
		}
		err = unix.Flock(int(dir.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil && stillThere(dir, c.Dir) {
			return func() { dir.Close() }, nil
		}
		dir.Close()
		if err != nil && !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, fmt.Errorf("locking the node's folder %s: %w", c.Dir, err)
		}
		if !told {
			c.progress("waiting for another command that starts or stops %s", c.Name())
			told = true
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for another command that starts or stops %s: %w", c.Name(), ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// stillThere says whether the path means the opened folder: whoever held the lock before may have removed it, and
// a lock on a removed folder excludes nobody.
func stillThere(dir *os.File, path string) bool {
	opened, err1 := dir.Stat()
	named, err2 := os.Stat(path)
	return err1 == nil && err2 == nil && os.SameFile(opened, named)
}
