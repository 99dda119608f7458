package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSpawn(t *testing.T) {
	t.Parallel()
	pidFile := filepath.Join(t.TempDir(), "pid")
	id, err := Spawn(pidFile, filepath.Join(t.TempDir(), "log"), "sleep", "60")
	require.NoError(t, err)
	noted, ok := Load(pidFile)
	require.True(t, ok)
	require.Equal(t, id, noted)
	require.True(t, id.Alive())
	require.NoError(t, id.Stop(5*time.Second))
	require.False(t, id.Alive())
	require.NoError(t, id.Stop(time.Second), "stopping twice is fine")
}

func TestStop_KillsWhatIgnoresTheRequest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	id, err := Spawn(filepath.Join(dir, "pid"), filepath.Join(dir, "log"), "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done")
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		raw, _ := os.ReadFile(filepath.Join(dir, "log"))
		return len(raw) > 0
	}, 5*time.Second, 10*time.Millisecond)
	require.NoError(t, id.Stop(100*time.Millisecond))
	require.False(t, id.Alive())
}

// An ID that belongs to another process by now is left alone.
func TestStop_LeavesOthersAlone(t *testing.T) {
	t.Parallel()
	other := exec.Command("sleep", "60")
	require.NoError(t, other.Start())
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()
	id, err := Identify(other.Process.Pid)
	require.NoError(t, err)
	stale := Identity{PID: id.PID, Start: id.Start - 1}
	require.False(t, stale.Alive())
	require.NoError(t, stale.Stop(time.Second))
	require.True(t, id.Alive())
}

func TestLoad_Nothing(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "pid")
	_, ok := Load(file)
	require.False(t, ok)
	require.NoError(t, os.WriteFile(file, []byte("12"), 0o644))
	_, ok = Load(file)
	require.False(t, ok)
}
