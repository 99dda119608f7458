package limited_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"k8s-tunnel/sandbox/limited"
)

// TestForget forgets a file, what a link in a folder leads to, and nothing of what isn't there.
func TestForget(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file, linked := filepath.Join(folder, "file"), filepath.Join(t.TempDir(), "linked")
	for _, name := range []string{file, linked} {
		require.NoError(t, os.WriteFile(name, make([]byte, 64<<10), 0o600))
	}
	for name, to := range map[string]string{"link": linked, "nowhere": filepath.Join(folder, "gone"), "folder-link": folder} {
		require.NoError(t, os.Symlink(to, filepath.Join(folder, name)))
	}
	require.NoError(t, limited.Forget(filepath.Join(folder, "absent")))
	require.True(t, cached(t, file))
	require.True(t, cached(t, linked))
	require.NoError(t, limited.Forget(file))
	if cached(t, file) {
		t.Skip("the file system forgets nothing, as tmpfs doesn't")
	}
	require.NoError(t, limited.Forget(filepath.Join(folder, "folder-link")))
	require.False(t, cached(t, linked))
}

// cached reports whether the kernel has the beginning of a file in memory: only then can it be read
// without waiting.
func cached(t *testing.T, name string) bool {
	t.Helper()
	file, err := os.Open(name)
	require.NoError(t, err)
	defer file.Close()
	n, err := unix.Preadv2(int(file.Fd()), [][]byte{make([]byte, 1)}, 0, unix.RWF_NOWAIT)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		t.Skip("the kernel doesn't say what it has in memory")
	}
	if !errors.Is(err, unix.EAGAIN) {
		require.NoError(t, err)
	}
	return n == 1
}
