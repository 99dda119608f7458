package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked says that another run holds a lock.
var ErrLocked = errors.New("another run holds the lock")

// Lock keeps other runs on the clone at root, in this process or another, away from name until the
// returned function is called. The kernel releases the lock when the process dies, however it dies.
// waiting is called at once if another run holds it, and then every half minute.
func Lock(ctx context.Context, root, name string, waiting func()) (func(), error) {
	unlock, err := TryLock(root, name)
	for called := (time.Time{}); errors.Is(err, ErrLocked); {
		if time.Since(called) >= heartbeat {
			waiting()
			called = time.Now()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for the lock %s: %w", name, ctx.Err())
		case <-time.After(100 * time.Millisecond):
			unlock, err = TryLock(root, name)
		}
	}
	return unlock, err
}

// TryLock is Lock for a run that doesn't wait: it returns ErrLocked.
func TryLock(root, name string) (unlock func(), err error) {
	path := filepath.Join(stateDir(root), "locks", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the directory for locks: %w", err)
	}
	file := flock.New(path)
	switch locked, err := file.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("locking %s: %w", path, err)
	case !locked:
		_ = file.Close()
		return nil, fmt.Errorf("locking %s: %w", path, ErrLocked)
	}
	return func() { _ = file.Close() }, nil
}
