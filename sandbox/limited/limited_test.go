package limited_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/limited"
)

// hold holds 100 MB in memory for a second: tail keeps its input to the end of it.
const hold = "{ head -c 100000000 /dev/zero; sleep 1; } | tail -c 100000000 | wc -c"

// file returns the file of a program, which may have another name.
func file(t *testing.T, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	require.NoError(t, err)
	path, err = filepath.EvalSymlinks(path)
	require.NoError(t, err)
	return path
}

func TestRun(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("needs root")
	}
	parent := "/sys/fs/cgroup/memory" // with version 1
	if _, err := os.Stat(filepath.Join(parent, "cgroup.procs")); err != nil {
		parent = "/sys/fs/cgroup"
		if enabled, _ := os.ReadFile(filepath.Join(parent, "cgroup.subtree_control")); !strings.Contains(string(enabled), "memory") {
			t.Skip("memory isn't limited by control groups now")
		}
	}
	t.Run("what a killed program left", func(t *testing.T) {
		killed := exec.Command("true")
		require.NoError(t, killed.Run())
		group := func(pid int) string {
			dir := filepath.Join(parent, fmt.Sprintf("k8s-tunnel-limited-%d-1", pid))
			require.NoError(t, os.Mkdir(dir, 0o755))
			t.Cleanup(func() { _ = os.Remove(dir) })
			return dir
		}
		left, other := group(killed.Process.Pid), group(os.Getpid())
		_, err := limited.Run(exec.Command("true"), 0)
		require.NoError(t, err)
		require.NoDirExists(t, left)
		require.DirExists(t, other, "its program runs")
	})
	t.Run("enough", func(t *testing.T) {
		cmd := exec.Command("sh", "-c", hold)
		usage, err := limited.Run(cmd, 512*limited.MiB)
		require.NoError(t, err)
		require.Zero(t, usage.Killed)
		require.Greater(t, usage.Needed, int64(95*limited.MiB))
		require.Less(t, usage.Needed, int64(200*limited.MiB))
		require.Greater(t, usage.Programs[filepath.Base(file(t, "tail"))], int64(95*limited.MiB))
		require.Less(t, usage.Programs[filepath.Base(file(t, "sh"))], int64(50*limited.MiB))
		require.Greater(t, usage.Peak, int64(95*limited.MiB))
	})
	t.Run("a program with a long name", func(t *testing.T) {
		const name = "a-name-of-20-letters"
		shell, err := os.ReadFile(file(t, "sh"))
		require.NoError(t, err)
		path := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(path, shell, 0o755))
		usage, err := limited.Run(exec.Command(path, "-c", "sleep 1; true"), 0)
		require.NoError(t, err)
		require.Contains(t, usage.Programs, name)
	})
	t.Run("too little", func(t *testing.T) {
		usage, _ := limited.Run(exec.Command("sh", "-c", hold), 40*limited.MiB) // the shell itself ends well
		require.NotZero(t, usage.Killed)
		require.LessOrEqual(t, usage.Peak, int64(40*limited.MiB))
	})
	t.Run("no limit", func(t *testing.T) {
		usage, err := limited.Run(exec.Command("sh", "-c", hold), 0)
		require.NoError(t, err)
		require.Greater(t, usage.Needed, int64(95*limited.MiB))
	})
	left, err := filepath.Glob(filepath.Join(parent, fmt.Sprintf("k8s-tunnel-limited-%d-*", os.Getpid())))
	require.NoError(t, err)
	require.Empty(t, left)
}
