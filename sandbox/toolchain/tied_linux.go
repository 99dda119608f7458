package toolchain

import (
	"os/exec"
	"runtime"
	"syscall"
)

// runTied runs cmd so that it is interrupted when this process dies, even by SIGKILL: an abandoned
// build would keep the machine busy for minutes.
// It calls started in between.
func runTied(cmd *exec.Cmd, started func()) error {
	// The kernel sends the signal when the thread that started the command ends, not the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	if err := cmd.Start(); err != nil {
		return err
	}
	started()
	return cmd.Wait()
}
