package cluster

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

// processID names one process for all time. A process ID alone is used again by others sooner or later; together
// with the moment of the start and the boot it isn't, so nothing foreign is ever signalled.
type processID struct {
	PID    int    `json:"pid"`
	Start  uint64 `json:"start"` // in clock ticks since the boot
	BootID string `json:"bootID"`
}

var errProcessGone = errors.New("process is gone")

// identify returns the identity of a living process.
func identify(pid int) (processID, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return processID{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, unix.ESRCH) {
		return processID{}, fmt.Errorf("identifying process %d: %w", pid, errProcessGone)
	} else if err != nil {
		return processID{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	state, start, err := parseStat(string(raw))
	if err != nil {
		return processID{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	if state == 'Z' || state == 'X' {
		return processID{}, fmt.Errorf("identifying process %d: %w", pid, errProcessGone)
	}
	return processID{PID: pid, Start: start, BootID: strings.TrimSpace(string(boot))}, nil
}

// parseStat reads the state and the start time, fields 3 and 22, of /proc/PID/stat. Field 2 is the program's name
// in parentheses and may itself hold blanks and parentheses, so counting begins behind the last one.
func parseStat(stat string) (state byte, start uint64, err error) {
	i := strings.LastIndexByte(stat, ')')
	if i < 0 {
		return 0, 0, fmt.Errorf("unexpected stat line %q", stat)
	}
	fields := strings.Fields(stat[i+1:])
	if len(fields) < 20 || len(fields[0]) != 1 {
		return 0, 0, fmt.Errorf("unexpected stat line %q", stat)
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	if err != nil {
		return 0, 0, fmt.Errorf("unexpected stat line %q", stat)
	}
	return fields[0][0], start, nil
}

// alive says whether exactly this process still runs.
func (p processID) alive() bool {
	if p.PID <= 0 {
		return false
	}
	now, err := identify(p.PID)
	return err == nil && now == p
}

// open returns a handle that keeps meaning this process even when its number is used again.
func (p processID) open() (fd int, err error) {
	fd, err = unix.PidfdOpen(p.PID, 0)
	if err != nil {
		if errors.Is(err, unix.ESRCH) {
			return -1, errProcessGone
		}
		return -1, fmt.Errorf("opening process %d: %w", p.PID, err)
	}
	// Checked after opening: from here on the handle can't come to mean another.
	if !p.alive() {
		_ = unix.Close(fd)
		return -1, errProcessGone
	}
	return fd, nil
}

// stop asks the process to end, waits for as long as grace, and kills it then. It returns when the process is gone.
func (p processID) stop(ctx context.Context, grace time.Duration) error {
	fd, err := p.open()
	if errors.Is(err, errProcessGone) {
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
			return fmt.Errorf("sending %v to process %d: %w", step.signal, p.PID, err)
		}
		if gone, err := waitExit(ctx, fd, step.wait); gone || err != nil {
			return err
		}
	}
	return fmt.Errorf("process %d does not end, not even by SIGKILL", p.PID)
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

// findInit returns the process 1 of this node: the recorded one, or, where the record is lost with its folder, one
// that was started with this very folder's specification.
func findInit(c Config) (processID, bool) {
	var recorded processID
	if err := readJSON(c.path(identityFile), &recorded); err == nil && recorded.alive() {
		return recorded, true
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return processID{}, false
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !isInitOf(pid, c.path(specFile)) {
			continue
		}
		if p, err := identify(pid); err == nil {
			return p, true
		}
	}
	return processID{}, false
}

// isInitOf says whether a process is the first of a pid namespace and was started with the given specification.
func isInitOf(pid int, spec string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	cmdline, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		return false
	}
	args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	if len(args) != 3 || args[1] != InitCommand || args[2] != spec {
		return false
	}
	return pidInNamespace(pid) == 1
}

// pidInNamespace returns a process's number in the innermost pid namespace it lives in, or 0.
func pidInNamespace(pid int) int {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			fields := strings.Fields(rest)
			if len(fields) < 2 { // it lives in our own namespace
				return 0
			}
			n, _ := strconv.Atoi(fields[len(fields)-1])
			return n
		}
	}
	return 0
}
