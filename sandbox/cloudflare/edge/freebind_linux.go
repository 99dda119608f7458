package edge

import (
	"errors"
	"fmt"
	"syscall"

	"golang.org/x/sys/unix"
)

// freeBind lets a socket bind to an address that no interface has yet.
func freeBind(_, _ string, c syscall.RawConn) error {
	var inner error
	err := c.Control(func(fd uintptr) {
		inner = unix.SetsockoptInt(int(fd), unix.SOL_IP, unix.IP_FREEBIND, 1)
	})
	if err := errors.Join(err, inner); err != nil {
		return fmt.Errorf("setting IP_FREEBIND: %w", err)
	}
	return nil
}
