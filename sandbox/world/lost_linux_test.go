package world

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/process"
)

// TestDown_WithoutADirectory takes a world down whose directory was removed, with a process that stands for
// its node, in a network namespace of the test's own.
func TestDown_WithoutADirectory(t *testing.T) {
	t.Parallel()
	w := open(t, newClone(t), "lost")
	c := w.clusterConfig()
	c.Slot = 30
	cmd := exec.Command("sh", cluster.InitCommand, filepath.Join(c.Dir, "spec.json")) // the first is the script's name
	cmd.Dir = t.TempDir()
	write(t, "trap exit TERM\necho\nwhile sleep 0.1; do :; done", cmd.Dir, cluster.InitCommand)
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWPID}
	ready, err := cmd.StdoutPipe()
	require.NoError(t, err)
	if err := cmd.Start(); err != nil {
		t.Skip("needs the right to make namespaces: ", err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	_, err = ready.Read(make([]byte, 1))
	require.NoError(t, err)
	id, err := process.Identify(cmd.Process.Pid)
	require.NoError(t, err)

	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
	attrs := netlink.NewLinkAttrs()
	attrs.Name = c.Name()
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "eth0"}))
	link, err := netlink.LinkByName(c.Name())
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetAlias(link, "k8s-tunnel sandbox "+c.Dir))

	require.NoError(t, open(t, w.Root, "another").Down(t.Context(), io.Discard))
	require.True(t, id.Alive(), "of another world")
	linked := open(t, w.Root, "linked")
	require.NoError(t, os.MkdirAll(c.Dir, 0o700))
	require.NoError(t, os.MkdirAll(linked.Dir(), 0o700))
	require.NoError(t, os.Symlink(c.Dir, linked.clusterConfig().Dir))
	require.NoError(t, linked.Down(t.Context(), io.Discard))
	require.True(t, id.Alive(), "of the world that a link led to")
	require.NoError(t, os.RemoveAll(w.Dir()))
	require.NoError(t, w.Down(t.Context(), io.Discard))
	require.False(t, id.Alive())
	_, err = netlink.LinkByName(c.Name())
	require.ErrorAs(t, err, new(netlink.LinkNotFoundError))
	_, err = os.Lstat(w.Dir())
	require.ErrorIs(t, err, os.ErrNotExist)
}
