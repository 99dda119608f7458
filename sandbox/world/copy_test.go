package world

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/process"
)

// TestDown_CopiedClone takes a copy of a clone down, with a process that stands for the original's
// Cloudflare. It isn't parallel, because a process that is just being started has the ports that other
// tests wait for.
func TestDown_CopiedClone(t *testing.T) {
	for _, name := range []string{DefaultName, "named"} {
		t.Run(name, func(t *testing.T) {
			root, review := newClone(t), filepath.Join(newClone(t), "review")
			original := open(t, root, name)
			original.ID, original.Slot = newID(), 30
			require.NoError(t, original.save())
			running := exec.Command("sleep", "60")
			require.NoError(t, running.Start())
			t.Cleanup(func() { _ = running.Process.Kill(); _ = running.Wait() })
			id, err := process.Identify(running.Process.Pid)
			require.NoError(t, err)
			raw, err := json.Marshal(id)
			require.NoError(t, err)
			write(t, string(raw), original.pidFile())
			write(t, `{"checkpoint":{"latest":{"resources":[{}]}}}`, original.stackState())
			tool := write(t, "a tool", root, ".sandbox", "bin", "kubectl")
			require.NoError(t, os.CopyFS(review, os.DirFS(root)))

			w := open(t, review, name)
			require.Empty(t, w.ID, "that is the original's")
			require.Zero(t, w.Slot)
			const isCopy = "is a copy of the world of another clone"
			for command, err := range map[string]error{
				"up": w.Up(t.Context(), os.Stdout), "status": w.Status(t.Context(), os.Stdout),
				"deploy": w.Deploy(t.Context(), os.Stdout), "env": w.CheckAddresses(t.Context()),
			} {
				require.ErrorContains(t, err, isCopy, command)
				require.ErrorContains(t, err, root, command)
			}
			var out bytes.Buffer
			require.NoError(t, w.Undeploy(t.Context(), &out))
			require.Contains(t, out.String(), isCopy)
			require.NoError(t, w.Down(t.Context(), &out))
			require.Contains(t, out.String(), "was a copy of the world of "+root)
			require.True(t, id.Alive())
			require.NoDirExists(t, w.Dir())
			require.FileExists(t, original.pidFile())
			require.FileExists(t, tool)
			require.FileExists(t, filepath.Join(review, ".sandbox", "bin", "kubectl"), "the tools stay")

			again := open(t, review, name)
			require.NoError(t, again.checkCopy(), "it may have a world of its own now")
			require.Equal(t, original.ID, open(t, root, name).ID)
		})
	}
}

func TestCopiedFrom(t *testing.T) {
	t.Parallel()
	root := newClone(t)
	w := open(t, root, "first")
	require.Empty(t, w.copiedFrom(), "there is no world")
	w.ID, w.Slot = newID(), 30
	require.NoError(t, w.save())
	require.Empty(t, w.copiedFrom(), "it is the original")
	linked := open(t, link(t, root, newClone(t), "linked"), "first")
	require.Empty(t, linked.copiedFrom(), "it is the original by another name")

	copied := open(t, newClone(t), "first")
	require.NoError(t, os.CopyFS(copied.Dir(), os.DirFS(w.Dir())))
	require.Equal(t, root, copied.copiedFrom())
	w.ID = newID()
	require.NoError(t, w.save())
	require.Empty(t, copied.copiedFrom(), "the original was taken down, and another world is in its place")
	require.NoError(t, os.RemoveAll(w.Dir()))
	require.Empty(t, copied.copiedFrom(), "the clone was moved")
}
