package cluster

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReach_NeedsANode(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, Reach(t.Context(), testConfig(t), netip.MustParseAddrPort("127.0.0.1:1")), "k8st3 doesn't run")
}

func TestDialFrom_ConnectsWhereTheProcessIs(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	addr := listener.Addr().(*net.TCPAddr).AddrPort()

	elsewhere := exec.Command("sleep", "1000")
	elsewhere.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET}
	if err := elsewhere.Start(); errors.Is(err, syscall.EPERM) {
		t.Skip("needs the right to make namespaces: ", err)
	} else {
		require.NoError(t, err)
	}
	t.Cleanup(func() { _ = elsewhere.Process.Kill(); _ = elsewhere.Wait() })

	for range 20 {
		require.Error(t, dialFrom(t.Context(), elsewhere.Process.Pid, addr), "a network of its own doesn't lead here")
		require.NoError(t, dialFrom(t.Context(), os.Getpid(), addr), "no thread stays in the other network")
		conn, err := net.Dial("tcp", addr.String())
		require.NoError(t, err)
		require.NoError(t, conn.Close())
	}
	require.NoError(t, listener.Close())
	require.ErrorIs(t, dialFrom(t.Context(), os.Getpid(), addr), syscall.ECONNREFUSED)
}
