package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be pause itself.
func TestMain(m *testing.M) {
	if os.Getenv("PAUSE_TEST") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func TestPause_ReapsOrphansAndEndsOnSIGTERM(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	// The shell replaces itself with pause, leaving it an orphan that ends later.
	cmd := exec.Command("sh", "-c", `(sleep 0.2 & ) ; exec "$0"`, self)
	cmd.Env = append(os.Environ(), "PAUSE_TEST=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); errors.Is(err, syscall.EPERM) {
		t.Skip("needs the right to make namespaces: ", err)
	} else {
		require.NoError(t, err)
	}

	children := func() string {
		data, _ := os.ReadFile(filepath.Join("/proc", fmt.Sprint(cmd.Process.Pid), "task", fmt.Sprint(cmd.Process.Pid), "children"))
		return strings.TrimSpace(string(data))
	}
	require.Eventually(t, func() bool { return children() != "" }, time.Second, time.Millisecond, "the orphan is there")
	require.Eventually(t, func() bool { return children() == "" }, 5*time.Second, 10*time.Millisecond, "the orphan is reaped")
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	require.NoError(t, cmd.Wait())
}
