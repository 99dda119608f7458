package toolchain

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/gofrs/flock"
)

// Lock keeps other runs on the clone at root, in this process or another, away from name until the
// returned function is called. The kernel releases the lock when the process dies, however it dies.
// waiting is called once if another run holds it.
func Lock(ctx context.Context, root, name string, waiting func()) (func(), error) {
	path := filepath.Join(stateDir(root), "locks", name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("making the directory for locks: %w", err)
	}
	file := flock.New(path)
	locked, err := file.TryLock()
	if err == nil && !locked {
		waiting()
		_, err = file.TryLockContext(ctx, 100*time.Millisecond)
	}
	if err != nil {
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { _ = file.Close() }, nil
}
