//go:build !linux

package edge

import "syscall"

// freeBind does nothing where binding future addresses isn't to be had; the local
// node, for which they are made, runs on Linux only.
func freeBind(_, _ string, _ syscall.RawConn) error { return nil }
