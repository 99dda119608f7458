package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/gofrs/flock"
)

// lock creates the node's directory and locks it for this process, so that of two commands at once
// the second one waits. The kernel releases the lock when the process ends, however that happens.
func lock(ctx context.Context, c Config) (unlock func(), err error) {
	dir := flock.New(c.Dir, flock.SetFlag(os.O_RDONLY))
	told := false
	for {
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return nil, fmt.Errorf("creating the node's directory: %w", err)
		}
		locked, err := dir.TryLock()
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue // another command has just removed it
		case err != nil:
			return nil, fmt.Errorf("locking the node's directory %s: %w", c.Dir, err)
		case locked && stillThere(dir):
			return func() { _ = dir.Close() }, nil
		}
		_ = dir.Close()
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

// stillThere reports whether the path still leads to the locked directory. The command that held
// the lock before may have removed it, and a lock on a removed directory excludes no other command.
func stillThere(dir *flock.Flock) bool {
	locked, err1 := dir.Stat()
	named, err2 := os.Stat(dir.Path())
	return err1 == nil && err2 == nil && os.SameFile(locked, named)
}
