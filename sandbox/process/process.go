// Package process starts programs that outlive the one that started them, and
// finds and ends them again.
//
// A process is known by more than its ID, which sooner or later is another process's;
// that one is never touched.
package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"github.com/google/renameio/v2"
)

// Identity names one process for all time.
type Identity struct {
	PID    int    `json:"pid"`
	Start  uint64 `json:"start"`  // when it was started; on Linux in clock ticks since the boot
	BootID string `json:"bootID"` // of the boot it was started in
}

// ErrGone says that a process has ended.
var ErrGone = errors.New("process is gone")

// Alive reports whether exactly this process is still running.
func (i Identity) Alive() bool {
	if i.PID <= 0 {
		return false
	}
	now, err := Identify(i.PID)
	return err == nil && now == i
}

// Spawn starts a program in a session of its own, so that neither a closed
// terminal nor Ctrl-C ends it, and notes its identity in pidFile. What it prints
// is appended to logFile. Files are open in it from descriptor 3 on.
func Spawn(pidFile, logFile string, files []*os.File, argv ...string) (Identity, error) {
	log, err := os.OpenFile(logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return Identity{}, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	defer log.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.ExtraFiles = files
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return Identity{}, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	id, err := Note(cmd.Process.Pid, pidFile)
	if err != nil {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		return Identity{}, fmt.Errorf("starting %s: %w", argv[0], err)
	}
	go func() { _ = cmd.Wait() }() // leaves no zombie while this program runs
	return id, nil
}

// Note writes the identity of a process into a file, from which [Load] reads it.
func Note(pid int, pidFile string) (Identity, error) {
	id, err := Identify(pid)
	if err != nil {
		return id, err
	}
	raw, err := json.Marshal(id)
	if err != nil {
		return id, err
	}
	// As a whole, because Spawn and the process itself may note it at the same time.
	return id, renameio.WriteFile(pidFile, raw, 0o644, renameio.WithTempDir(filepath.Dir(pidFile)))
}

// Load returns the identity that was noted. A file that is missing or can't be read
// means that there is none.
func Load(pidFile string) (Identity, bool) {
	raw, err := os.ReadFile(pidFile)
	if err != nil {
		return Identity{}, false
	}
	var id Identity
	return id, json.Unmarshal(raw, &id) == nil
}
