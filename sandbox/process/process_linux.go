package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Identify returns the identity of a living process, or ErrGone.
func Identify(pid int) (Identity, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, ErrGone)
	} else if err != nil {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	state, start, err := parseStat(string(raw))
	if err != nil {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	if state == 'Z' || state == 'X' {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, ErrGone)
	}
	return Identity{PID: pid, Start: start, BootID: strings.TrimSpace(string(boot))}, nil
}

// parseStat reads the state and the start time, fields 3 and 22, of /proc/PID/stat.
func parseStat(stat string) (state byte, start uint64, err error) {
	fields := StatFields(stat)
	if len(fields) < 20 || len(fields[0]) != 1 {
		return 0, 0, fmt.Errorf("unexpected stat line %q", stat)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("unexpected stat line %q", stat)
	}
	return fields[0][0], start, nil
}

// open returns a handle that stands for this process even when its number is reused.
func (i Identity) open() (fd int, err error) {
	fd, err = unix.PidfdOpen(i.PID, 0)
	if err != nil {
		if errors.Is(err, unix.ESRCH) {
			return -1, ErrGone
		}
		return -1, fmt.Errorf("opening process %d: %w", i.PID, err)
	}
	// Checked after opening: from here on the handle can't stand for another process.
	if !i.Alive() {
		_ = unix.Close(fd)
		return -1, ErrGone
	}
	return fd, nil
}

// Stop asks the process to end, waits for up to grace, and then kills it. It returns when the
// process is gone.
func (i Identity) Stop(ctx context.Context, grace time.Duration) error {
	fd, err := i.open()
	if errors.Is(err, ErrGone) {
		return nil
	} else if err != nil {
		return err
	}
	defer func() { _ = unix.Close(fd) }()
	for _, step := range []struct {
		signal unix.Signal
		wait   time.Duration
	}{{unix.SIGTERM, grace}, {unix.SIGKILL, 30 * time.Second}} {
		if err := unix.PidfdSendSignal(fd, step.signal, nil, 0); errors.Is(err, unix.ESRCH) {
			return nil
		} else if err != nil {
			return fmt.Errorf("sending %v to process %d: %w", step.signal, i.PID, err)
		}
		if gone, err := waitExit(ctx, fd, step.wait); gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("process %d does not end, not even by SIGKILL", i.PID)
}

// waitExit waits for a process to end. A handle becomes readable at that moment.
func waitExit(ctx context.Context, fd int, limit time.Duration) (gone bool, err error) {
	deadline := time.Now().Add(limit)
	for {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(fds, 50)
		switch {
		case err != nil && !errors.Is(err, unix.EINTR):
			return false, fmt.Errorf("waiting for a process: %w", err)
		case n > 0:
			return true, nil
		case ctx.Err() != nil:
			return false, ctx.Err()
		case time.Now().After(deadline):
			return false, nil
		}
	}
}
