package world

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A command that was killed leaves its plugins behind, and one whose parent was killed goes on. Those of
// other worlds, and other programs of this one, are left alone. The test isn't parallel, because a process that is just being started has the
// ports that other tests wait for.
func TestDown_StopsPulumi(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("processes are listed on Linux only")
	}
	w := open(t, newClone(t), "plugins")
	write(t, "", w.path("there"))
	left := []<-chan struct{}{
		start(t, "pulumi-resource-random", w.PulumiHome()), start(t, "pulumi-language-go", w.PulumiHome()),
		start(t, "pulumi", w.PulumiHome()),
	}
	others := []<-chan struct{}{
		start(t, "pulumi-resource-random", w.PulumiHome()+"-of-another"), start(t, "pulumi", w.PulumiHome()+"-of-another"), start(t, "editor", w.PulumiHome()),
	}
	require.NoError(t, w.Down(t.Context(), io.Discard))
	for _, ended := range left {
		select {
		case <-ended:
		case <-time.After(5 * time.Second):
			t.Error("a command or a plugin still runs")
		}
	}
	for _, ended := range others {
		select {
		case <-ended:
			t.Error("a process that isn't the world's Pulumi was ended")
		default:
		}
	}
}

// start starts a program of a name that has a Pulumi directory, and returns what tells that it has ended.
func start(t *testing.T, name, home string) (ended <-chan struct{}) {
	t.Helper()
	sleep, err := exec.LookPath("sleep")
	require.NoError(t, err)
	program := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.Symlink(sleep, program))
	cmd := exec.Command(program, "60")
	cmd.Env = []string{"PULUMI_HOME=" + home}
	require.NoError(t, cmd.Start())
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		_ = cmd.Wait()
	}()
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return gone
}
