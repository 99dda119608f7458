//go:build !linux

package toolchain

import "os/exec"

// runTied runs command. Only Linux can end it together with this process.
func runTied(command *exec.Cmd) error { return command.Run() }
