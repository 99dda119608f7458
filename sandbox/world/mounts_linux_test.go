package world

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// TestRemove_ForgetsTheWorldLast interrupts the removal of a world by something that can't be removed.
func TestRemove_ForgetsTheWorldLast(t *testing.T) {
	t.Parallel()
	w := open(t, newClone(t), "removed")
	w.ID, w.Slot = newID(), 30
	require.NoError(t, w.save())
	file := write(t, "", w.path("pulumi", "file"))
	at := w.path("written after " + settingsFile)
	require.NoError(t, os.MkdirAll(at, 0o755))
	if err := unix.Mount(t.TempDir(), at, "", unix.MS_BIND, ""); err != nil {
		t.Skip("needs the right to mount: ", err)
	}
	t.Cleanup(func() { _ = unix.Unmount(at, unix.MNT_DETACH) })
	require.ErrorIs(t, w.removeAll(), unix.EBUSY)
	require.FileExists(t, w.path(settingsFile))
	require.NoError(t, unix.Unmount(at, 0))
	require.NoError(t, w.removeAll())
	require.NoFileExists(t, file)
	require.NoDirExists(t, w.Dir())
	require.NoError(t, w.removeAll(), "again")
}

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
