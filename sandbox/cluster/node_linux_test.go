package cluster

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/wait"
)

func TestNode_Lifecycle(t *testing.T) {
	n := newNodeTest(t)
	require.Empty(t, n.leftovers())
	require.Empty(t, Check(t.Context(), n.Config))
	require.NoError(t, Stop(t.Context(), n.Config), "where there is nothing to stop")
	require.NoDirExists(t, n.Dir)
	before := n.machine()

	t.Logf("FIGURE first start: %s", n.start())
	status, first := n.status(), n.pid()
	require.True(t, status.Healthy(), status.Problem)
	programs := n.components()
	require.Len(t, programs, 5)
	for _, c := range programs {
		require.NotZero(t, c.PID, c.Name)
	}
	took := n.start()
	t.Logf("FIGURE start of a running node: %s", took)
	require.Less(t, took, time.Second)
	require.Equal(t, first, n.pid(), "a healthy node stays as it is")
	require.Equal(t, before, n.machine())

	n.requireNames()
	require.NoError(t, Apply(t.Context(), n.Config, []byte(testPods)))
	n.requireWeb()
	n.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	require.Contains(t, n.kubectl("exec", "deployment/web", "--", "/usr/bin/webapp", "resolve", "web.default"), "10.123.0.80")
	require.NotEmpty(t, n.kubectl("logs", "deployment/web"))
	n.requireForward()
	n.requirePolicies()

	t.Run("programs that are killed come back", func(t *testing.T) {
		for _, c := range programs {
			require.NoError(t, syscall.Kill(c.PID, syscall.SIGKILL))
			n.requireBack(c.Name, 1)
		}
		n.requireWeb()
		require.Equal(t, first, n.pid())
	})
	t.Run("a killed node leaves no process and comes back with its objects", func(t *testing.T) {
		require.NoError(t, syscall.Kill(n.pid(), syscall.SIGKILL))
		wait.Until(t, 10*time.Second, "no process is left", func() bool { return len(n.processes()) == 0 && !n.status().Running })
		t.Logf("FIGURE start after kill -9: %s", n.start())
		n.requireWeb()
	})
	t.Run("a stopped node leaves nothing and comes back with its objects", func(t *testing.T) {
		began := time.Now()
		require.NoError(t, Stop(t.Context(), n.Config))
		t.Logf("FIGURE stop: %s", time.Since(began))
		require.Empty(t, n.leftovers())
		require.NoError(t, Stop(t.Context(), n.Config), "again")
		t.Logf("FIGURE start again: %s", n.start())
		n.requireWeb()
	})
	t.Run("a node whose directory is gone can still be stopped", func(t *testing.T) {
		// The kubelet goes on writing while its directory is removed.
		require.Eventually(t, func() bool { return os.RemoveAll(n.Dir) == nil }, 10*time.Second, 10*time.Millisecond)
		began := time.Now()
		require.NoError(t, Wipe(t.Context(), n.Config))
		t.Logf("FIGURE wipe: %s", time.Since(began))
		require.Empty(t, n.leftovers())
		require.NoDirExists(t, n.Dir)
	})
	require.Equal(t, before, n.machine())
}

func TestNode_StartKilledAtAnyMoment(t *testing.T) {
	n := newNodeTest(t)
	raw, err := json.Marshal(n.Config)
	require.NoError(t, err)
	startAndKill := func(after time.Duration) {
		starter := exec.Command("/proc/self/exe")
		starter.Env = append(os.Environ(), startInstead+"="+string(raw))
		require.NoError(t, starter.Start())
		time.Sleep(after)
		require.NoError(t, starter.Process.Kill())
		require.Error(t, starter.Wait())
	}
	for _, after := range []time.Duration{20, 60, 100, 150, 250, 400, 700, 1500, 3000} {
		after *= time.Millisecond
		startAndKill(after)
		running := n.status().Running
		require.NoError(t, Stop(t.Context(), n.Config))
		require.Empty(t, n.leftovers(), "start killed after %s", after)
		t.Logf("killed after %s, node was running: %v", after, running)
	}
	t.Run("the next start goes on", func(t *testing.T) {
		startAndKill(time.Second)
		running := n.pid()
		n.start()
		require.True(t, n.status().Healthy())
		require.Equal(t, running, n.pid())
		require.NoError(t, Stop(t.Context(), n.Config))
	})
	t.Run("two at once", func(t *testing.T) {
		other := make(chan error, 1)
		go func() { other <- Start(t.Context(), n.Config) }()
		n.start()
		require.NoError(t, <-other)
		require.True(t, n.status().Healthy())
	})
	t.Run("another clone with the same slot keeps away", func(t *testing.T) {
		clone := n.Config
		clone.Dir = filepath.Join(t.TempDir(), "node")
		clone.Progress = nil
		require.ErrorContains(t, Start(t.Context(), clone), "start a world of another name")
		require.NoError(t, Wipe(t.Context(), clone))
		require.True(t, n.status().Healthy(), "stopping a node that isn't there leaves the other alone")
	})
}
