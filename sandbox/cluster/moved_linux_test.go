package cluster

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"k8s-tunnel/sandbox/process"
)

// runAsNode starts a shell with the arguments of process 1 of the node in a directory.
func runAsNode(t *testing.T, dir, script string) process.Identity {
	t.Helper()
	cmd := exec.Command("sh", InitCommand, filepath.Join(dir, specFile)) // the first is the script's name
	cmd.Dir = t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(cmd.Dir, InitCommand), []byte(script), 0o600))
	cmd.SysProcAttr = &unix.SysProcAttr{Cloneflags: unix.CLONE_NEWNS}
	cmd.Stderr = os.Stderr
	_, err := cmd.StdinPipe() // what the script reads in the end
	require.NoError(t, err)
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
	return id
}

// moveNode moves the directory of a process that sees it, in mounts of its own, where it was.
func moveNode(t *testing.T) (before, moved Config, id process.Identity) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	clones, aside := t.TempDir(), t.TempDir()
	c := testConfig(t)
	c.Dir = filepath.Join(clones, "before", "node")
	require.NoError(t, os.MkdirAll(c.Dir, 0o700))
	id = runAsNode(t, c.Dir, strings.NewReplacer("CLONES", clones, "ASIDE", aside, "DIR", c.Dir).Replace(`set -e
		mount --make-rprivate /
		mount --bind DIR ASIDE
		mount -t tmpfs tmpfs CLONES
		mkdir -p DIR
		mount --bind ASIDE DIR
		echo
		read line`))
	require.NoError(t, writeJSON(c.path(identityFile), id, 0o600))
	moved = c
	moved.Dir = filepath.Join(clones, "after", "node")
	require.NoError(t, os.Rename(filepath.Dir(c.Dir), filepath.Dir(moved.Dir)))
	return c, moved, id
}

func TestFindInit_MovedAndCopied(t *testing.T) {
	t.Parallel()
	_, moved, id := moveNode(t)
	copied := moved
	copied.Dir = filepath.Join(t.TempDir(), "node")
	require.NoError(t, os.CopyFS(copied.Dir, os.DirFS(moved.Dir)))
	got, found := findInit(moved)
	require.True(t, found)
	require.Equal(t, id, got)
	_, found = findInit(copied)
	require.False(t, found)
}

// TestStop_MovedClone stops a node whose interface has the label of the place where it was started, in a
// network namespace of the test's own.
func TestStop_MovedClone(t *testing.T) {
	t.Parallel()
	before, moved, id := moveNode(t)
	runtime.LockOSThread() // and never unlocked: the thread ends with the test
	require.NoError(t, unix.Unshare(unix.CLONE_NEWNET))
	before.Slot, moved.Slot = testSlot, testSlot
	attrs := netlink.NewLinkAttrs()
	attrs.Name = before.Name()
	require.NoError(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: nodeInterface}))
	link, err := netlink.LinkByName(before.Name())
	require.NoError(t, err)
	require.NoError(t, netlink.LinkSetAlias(link, before.ownerLabel()))

	require.NoError(t, stop(t.Context(), moved))
	require.False(t, id.Alive())
	_, exists := linkLabel(before.Name())
	require.False(t, exists, "the interface isn't another clone's")
	require.NoFileExists(t, moved.path(identityFile))
}
