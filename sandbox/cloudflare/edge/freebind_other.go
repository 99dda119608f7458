//go:build !linux

package edge

import "syscall"

// freeBind does nothing on systems that can't bind to future addresses. Those belong to
// the local node, which runs on Linux only.
func freeBind(_, _ string, _ syscall.RawConn) error { return nil }
