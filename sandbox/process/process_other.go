//go:build !linux

package process

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Identify returns the identity of a living process, or ErrGone. Without /proc it asks
// ps, which knows the start to the second only, and writes it in the user's language and time zone.
func Identify(pid int) (Identity, error) {
	cmd := exec.Command("ps", "-o", "lstart=", "-p", strconv.Itoa(pid))
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	out, err := cmd.Output()
	if err != nil {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, ErrGone)
	}
	start, err := time.Parse(time.ANSIC, strings.Join(strings.Fields(string(out)), " "))
	if err != nil {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	return Identity{PID: pid, Start: uint64(start.Unix())}, nil
}

// Stop asks the process to end, waits for up to grace, and then kills it. It returns
// when the process is gone.
func (i Identity) Stop(ctx context.Context, grace time.Duration) error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, 30 * time.Second}} {
		if !i.Alive() {
			return nil
		}
		if err := syscall.Kill(i.PID, step.signal); err != nil {
			return fmt.Errorf("sending %v to process %d: %w", step.signal, i.PID, err)
		}
		for deadline := time.Now().Add(step.wait); time.Now().Before(deadline) && i.Alive(); {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(50 * time.Millisecond):
			}
		}
	}
	if i.Alive() {
		return fmt.Errorf("process %d does not end, not even by SIGKILL", i.PID)
	}
	return nil
}
