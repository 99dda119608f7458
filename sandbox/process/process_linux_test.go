package process

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestParseStat(t *testing.T) {
	t.Parallel()
	tail := " 1 4711 4711 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 100 200"
	for name, tt := range map[string]struct {
		line  string
		state byte
		bad   bool
	}{
		"plain":                         {"4711 (sh) S" + tail, 'S', false},
		"a name with a blank":           {"4711 (my program) R" + tail, 'R', false},
		"a name that looks like a line": {"4711 (a) Z 1 (b) S" + tail, 'S', false},
		"a zombie":                      {"4711 (sh) Z" + tail, 'Z', false},
		"cut off":                       {"4711 (sh) S 1 2 3", 0, true},
		"empty":                         {"", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state, start, err := parseStat(tt.line)
			if tt.bad {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.state, state)
			require.EqualValues(t, 987654, start)
		})
	}
}

// run starts a shell that lives until it is stopped.
func run(t *testing.T, script string) (*exec.Cmd, Identity) {
	t.Helper()
	cmd := exec.Command("sh", "-c", script)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH")}
	ready, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	_, err = ready.Read(make([]byte, 1)) // the script prints a line when its traps are set
	require.NoError(t, err)
	id, err := Identify(cmd.Process.Pid)
	require.NoError(t, err)
	return cmd, id
}

func TestIdentity_Stop(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	t.Run("ends by SIGTERM", func(t *testing.T) {
		t.Parallel()
		cmd, id := run(t, "echo; exec sleep 1000")
		require.True(t, id.Alive())
		require.NoError(t, id.Stop(ctx, 10*time.Second))
		require.False(t, id.Alive(), "a zombie isn't alive")
		require.Error(t, cmd.Wait())
		require.Equal(t, syscall.SIGTERM, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
		require.NoError(t, id.Stop(ctx, time.Second), "again")
	})
	t.Run("is killed when it doesn't listen", func(t *testing.T) {
		t.Parallel()
		cmd, id := run(t, `trap "" TERM; echo; while :; do sleep 0.1; done`)
		require.NoError(t, id.Stop(ctx, 200*time.Millisecond))
		require.Error(t, cmd.Wait())
		require.Equal(t, syscall.SIGKILL, cmd.ProcessState.Sys().(syscall.WaitStatus).Signal())
	})
	t.Run("leaves another process with the same number alone", func(t *testing.T) {
		t.Parallel()
		_, id := run(t, "echo; exec sleep 1000")
		earlier, lastBoot := id, id
		earlier.Start--
		lastBoot.BootID = "00000000-0000-0000-0000-000000000000"
		for _, foreign := range []Identity{earlier, lastBoot} {
			require.False(t, foreign.Alive())
			require.NoError(t, foreign.Stop(ctx, time.Second))
		}
		require.True(t, id.Alive())
	})
	t.Run("stops waiting with its context", func(t *testing.T) {
		t.Parallel()
		_, id := run(t, `trap "" TERM; echo; while :; do sleep 0.1; done`)
		ctx, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
		defer cancel()
		require.ErrorIs(t, id.Stop(ctx, time.Minute), context.DeadlineExceeded)
	})
}

func TestSpawn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pidFile := filepath.Join(dir, "pid")
	read, write, err := os.Pipe()
	require.NoError(t, err)
	t.Cleanup(func() { _ = read.Close() })
	id, err := Spawn(pidFile, filepath.Join(dir, "log"), []*os.File{write}, "sh", "-c", "echo hello; echo given >&3; exec sleep 1000")
	require.NoError(t, write.Close())
	require.NoError(t, err)
	noted, ok := Load(pidFile)
	require.True(t, ok)
	require.Equal(t, id, noted)
	require.Eventually(t, func() bool {
		log, _ := os.ReadFile(filepath.Join(dir, "log"))
		return string(log) == "hello\n"
	}, 10*time.Second, 10*time.Millisecond)
	given := make([]byte, 6)
	_, err = io.ReadFull(read, given)
	require.NoError(t, err)
	require.Equal(t, "given\n", string(given))
	require.NoError(t, id.Stop(context.Background(), 5*time.Second))
	require.False(t, id.Alive())
}

func TestFind(t *testing.T) {
	t.Parallel()
	own, err := Identify(os.Getpid())
	require.NoError(t, err)
	found, err := Find(func(pid int, argv []string) bool { return pid == own.PID && slices.Equal(argv, os.Args) })
	require.NoError(t, err)
	require.Equal(t, []Identity{own}, found)
}

func TestLoad_Nothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	_, ok := Load(file)
	require.False(t, ok)
	require.NoError(t, os.WriteFile(file, []byte(`{"pid": 1`), 0o644))
	_, ok = Load(file)
	require.False(t, ok)
}
