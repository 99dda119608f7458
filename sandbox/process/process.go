// Package process starts programs that outlive the one that started them, and
// finds and ends them again.
//
// A process is known by its ID and the time it was started, as the kernel gives
// it: an ID alone may by now belong to somebody else's process, and that one is
// never touched.
package process

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Identity names one process for good.
type Identity struct {
	PID   int
	Start uint64 // clock ticks between the machine's start and the process's
}

// Identify returns the identity of a running process.
func Identify(pid int) (Identity, error) {
	stat, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	// The command's name stands in brackets and may hold anything.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const state, start = 0, 19 // fields 3 and 22 of proc(5)
	if len(fields) <= start {
		return Identity{}, fmt.Errorf("identifying process %d: unexpected %q", pid, stat)
	}
	if fields[state] == "Z" {
		return Identity{}, fmt.Errorf("identifying process %d: it has ended: %w", pid, fs.ErrNotExist)
	}
	ticks, err := strconv.ParseUint(fields[start], 10, 64)
	if err != nil {
		return Identity{}, fmt.Errorf("identifying process %d: %w", pid, err)
	}
	return Identity{PID: pid, Start: ticks}, nil
}

// Alive tells whether this very process still runs.
func (i Identity) Alive() bool {
	now, err := Identify(i.PID)
	return err == nil && now == i
}

// Stop asks the process to end, and kills it when it hasn't by the end of grace.
func (i Identity) Stop(grace time.Duration) error {
	for _, step := range []struct {
		signal syscall.Signal
		wait   time.Duration
	}{{syscall.SIGTERM, grace}, {syscall.SIGKILL, 10 * time.Second}} {
		if !i.Alive() {
			return nil
		}
		if err := syscall.Kill(i.PID, step.signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stopping process %d: %w", i.PID, err)
		}
		for deadline := time.Now().Add(step.wait); time.Now().Before(deadline) && i.Alive(); {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if i.Alive() {
		return fmt.Errorf("stopping process %d: it doesn't end", i.PID)
	}
	return nil
}

// Spawn starts a program in a session of its own, so that neither a closed
// terminal nor Ctrl-C ends it, and notes its identity in pidFile. What it prints
// is appended to logFile.
func Spawn(pidFile, logFile string, argv ...string) (Identity, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return Identity{}, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	defer log.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Identity{}, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	id, err := Identify(cmd.Process.Pid)
	if err == nil {
		err = os.WriteFile(pidFile, fmt.Appendf(nil, "%d %d\n", id.PID, id.Start), 0o644)
	}
	if err != nil {
		_ = cmd.Process.Kill()
		return Identity{}, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	go func() { _ = cmd.Wait() }() // no zombie while this program lives on
	return id, nil
}

// Load returns the identity that Spawn noted. A file that is missing or was
// only half written means that there is none.
func Load(pidFile string) (Identity, bool) {
	raw, err := os.ReadFile(pidFile)
	if err != nil {
		return Identity{}, false
	}
	var id Identity
	_, err = fmt.Sscanf(string(raw), "%d %d", &id.PID, &id.Start)
	return id, err == nil
}
