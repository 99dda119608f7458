package world

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

func TestDown_Mounts(t *testing.T) {
	t.Parallel()
	root := newClone(t)
	target, untouched := precious(t)
	w := open(t, root, "mounted")
	at := filepath.Join(w.Dir(), "a mount")
	require.NoError(t, os.MkdirAll(at, 0o755))
	if err := unix.Mount(target, at, "", unix.MS_BIND, ""); err != nil {
		t.Skip("needs the right to mount: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	require.ErrorContains(t, w.Down(t.Context(), os.Stdout), "umount "+at)
	untouched()
	require.NoError(t, unix.Unmount(at, 0))
	require.NoError(t, w.Down(t.Context(), os.Stdout))
	require.NoDirExists(t, w.Dir())
	untouched()
}
