package world

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/process"
)

// newCloneWithPulumi returns the root of a clone with the real Pulumi, if that was built.
func newCloneWithPulumi(t *testing.T) string {
	t.Helper()
	bin := os.Getenv("SANDBOX_BIN")
	if bin == "" {
		t.Skip("needs SANDBOX_BIN with the directory of the tools")
	}
	root := newClone(t)
	write(t, "name: k8s-tunnel\nruntime: go\n", root, "Pulumi.yaml")
	link(t, bin, root, ".sandbox/bin")
	return root
}

// TestPulumi_EachWorldHasItsSelectedStack selects stacks with the real Pulumi, in several
// worlds of one clone at once.
func TestPulumi_EachWorldHasItsSelectedStack(t *testing.T) {
	t.Parallel()
	root := newCloneWithPulumi(t)
	var worlds []*World
	for i := range 4 {
		w := open(t, root, fmt.Sprint("world-", i))
		require.NoError(t, os.MkdirAll(w.path("pulumi"), 0o755))
		require.NoError(t, w.linkPlugins())
		worlds = append(worlds, w)
	}
	var group sync.WaitGroup
	for _, w := range worlds {
		group.Go(func() {
			for _, stack := range []string{"other", "stack-of-" + w.Name} {
				if err := w.quietly(t.Context(), "pulumi", "stack", "select", "--create", stack); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, w := range worlds {
		out, err := w.Command(t.Context(), "pulumi", "stack", "--show-name").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, "stack-of-"+w.Name, strings.TrimSpace(string(out)))
		require.DirExists(t, filepath.Join(w.PulumiHome(), "workspaces"))
	}
	shared, err := os.ReadDir(worlds[0].SharedPulumiHome())
	require.NoError(t, err)
	require.Len(t, shared, 1, "nothing but the plugins is shared")
}

// TestPulumi_IsInterruptedOnce cancels a command that isn't shown on a terminal. The terminal's Ctrl-C
// reaches the processes of one group. The test isn't parallel, because a process that is just being started
// has the ports that other tests wait for.
func TestPulumi_IsInterruptedOnce(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("groups of processes are looked up on Linux only")
	}
	w := open(t, newClone(t), "interrupted")
	program := write(t, `#!/bin/sh
trap 'echo interrupted' INT
trap 'exit 3' TERM
read -r _ _ _ _ group _ </proc/$$/stat
echo "$$ $group"
while :; do sleep 0.1; done
`, w.Root, ".sandbox", "bin", "pulumi")
	require.NoError(t, os.Chmod(program, 0o755))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	read, out := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		err := w.pulumi(ctx, out, "up")
		_ = out.Close()
		ended <- err
	}()
	lines := bufio.NewScanner(read)
	require.True(t, lines.Scan())
	var pid, group int
	_, err := fmt.Sscan(lines.Text(), &pid, &group)
	require.NoError(t, err)
	id, err := process.Identify(pid)
	require.NoError(t, err)
	t.Cleanup(func() { _ = id.Stop(context.Background(), time.Second) })
	require.Equal(t, pid, group, "it has a group of its own")
	cancel()
	require.True(t, lines.Scan())
	require.Equal(t, "interrupted", lines.Text())
	require.NoError(t, syscall.Kill(pid, syscall.SIGTERM))
	require.False(t, lines.Scan(), "once is enough")
	require.ErrorContains(t, <-ended, "pulumi up")
}

// TestUndeploy_UnlocksTheStack locks a stack of the real Pulumi as a command does that is killed then.
func TestUndeploy_UnlocksTheStack(t *testing.T) {
	t.Parallel()
	root := newCloneWithPulumi(t)
	w := open(t, root, DefaultName)
	require.NoError(t, os.MkdirAll(w.path("pulumi"), 0o755))
	require.NoError(t, w.linkPlugins())
	require.NoError(t, w.prepareStack(t.Context()))
	require.NoError(t, w.unlockStack(t.Context()), "it isn't locked")
	destroy := func() error {
		return w.quietly(t.Context(), "pulumi", "destroy", "--stack", Stack, "--yes", "--skip-preview")
	}
	write(t, `{"pid":1,"username":"root","hostname":"here","timestamp":"2030-01-02T03:04:05Z"}`, w.stackLocks(), "a-lock.json")
	require.ErrorContains(t, destroy(), "currently locked")
	require.NoError(t, w.unlockStack(t.Context()))
	require.NoError(t, destroy())

	if runtime.GOOS != "linux" {
		return // where running commands can't be told
	}
	lock := write(t, `{"pid":1,"username":"root","hostname":"here","timestamp":"2030-01-02T03:04:05Z"}`, w.stackLocks(), "a-lock.json")
	start(t, "pulumi", w.PulumiHome())
	require.NoError(t, w.unlockAbandoned(t.Context()))
	require.FileExists(t, lock, "it may be the running command's")
}

// TestDeploy_UnlocksTheStack deploys with a Pulumi that says what it is asked.
func TestDeploy_UnlocksTheStack(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("running commands are told on Linux only")
	}
	t.Parallel()
	w := open(t, newClone(t), DefaultName)
	program := write(t, "#!/bin/sh\necho \"$1\" >>\"$PULUMI_HOME/asked\"\n", w.Root, ".sandbox", "bin", "pulumi")
	require.NoError(t, os.Chmod(program, 0o755))
	write(t, "{}", w.stackLocks(), "a-lock.json")
	require.NoError(t, os.MkdirAll(w.PulumiHome(), 0o755))
	require.NoError(t, w.deploy(t.Context(), io.Discard))
	asked, err := os.ReadFile(filepath.Join(w.PulumiHome(), "asked"))
	require.NoError(t, err)
	require.Equal(t, "cancel\nup\n", string(asked))
}
