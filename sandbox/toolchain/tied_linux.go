package toolchain

import (
	"os/exec"
	"runtime"
	"syscall"
)

// runTied runs command so that it is interrupted when this process dies, even by force: a build
// that nobody waits for would keep the machine busy for minutes.
func runTied(cmd *exec.Cmd) error {
	// The kernel takes the end of the thread that started the command for that of the process.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGINT}
	return cmd.Run()
}
