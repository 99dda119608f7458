//go:build !linux

package toolchain

import "os/exec"

// runTied runs cmd and calls started in between. Only Linux can end it together with this process.
func runTied(cmd *exec.Cmd, started func()) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	started()
	return cmd.Wait()
}
