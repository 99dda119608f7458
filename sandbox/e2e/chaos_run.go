//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// run is a command of Pulumi's that is under way.
type run struct {
	cmd     *exec.Cmd
	mark    string // in the environment of all its processes
	events  string // the file of the engine's events
	out     bytes.Buffer
	began   time.Time
	took    time.Duration
	done    chan struct{}
	err     error // after done
	offset  int64
	pending []byte
}

// start starts a command whose events and processes can be watched.
func (s *subject) start(t *testing.T, args ...string) *run {
	t.Helper()
	r := &run{mark: newMark(), events: filepath.Join(t.TempDir(), "events"), began: time.Now(), done: make(chan struct{})}
	args = append(append([]string{}, args...), "--stack", s.Name, "--non-interactive", "--event-log", r.events)
	r.cmd = s.command(args...)
	r.cmd.Env = append(r.cmd.Env, r.mark, "PULUMI_DEBUG_COMMANDS=true")
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.WaitDelay = 5 * time.Second
	require.NoError(t, r.cmd.Start())
	s.runs = append(s.runs, r)
	go func() {
		r.err = r.cmd.Wait()
		r.took = time.Since(r.began)
		close(r.done)
	}()
	return r
}

// wait waits for the end of the command, and kills it when that takes too long.
func (r *run) wait(t *testing.T) error {
	t.Helper()
	select {
	case <-r.done:
		return r.err
	case <-time.After(patience):
		r.kill(t)
		return fmt.Errorf("still running after %s", patience)
	}
}

func (r *run) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

func (r *run) kill(t *testing.T) {
	t.Helper()
	killMarked(t, r.mark)
	<-r.done
	require.Empty(t, marked(t, r.mark))
}

// newMark returns a variable by which a command's processes can be told.
func newMark() string { return "CHAOS=" + uuid.NewString() }

// killMarked kills Pulumi's CLI, the language host, the plugins and the program at once, as the
// machine's end does. Plugins have process groups of their own, so all are told by their environment.
func killMarked(t *testing.T, mark string) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for pids := marked(t, mark); len(pids) > 0; pids = marked(t, mark) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		require.True(t, time.Now().Before(deadline), "processes survive SIGKILL: %v", pids)
	}
}

// marked lists the processes that have a variable in their environment, in the order of their IDs:
// the CLI comes first, so that it sees no other process end.
func marked(t *testing.T, variable string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var pids []int
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		environ, err := os.ReadFile("/proc/" + entry.Name() + "/environ")
		if err == nil && bytes.Contains(environ, []byte(variable+"\x00")) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// boundary is the beginning or the end of a step of the engine's.
type boundary struct{ when, op, resource string }

func (b boundary) String() string { return b.when + " " + b.op + " of " + b.resource }

// boundaries reads those that the command has come to since the last call.
func (r *run) boundaries(t *testing.T) []boundary {
	t.Helper()
	file, err := os.Open(r.events)
	if err != nil {
		return nil // not yet
	}
	defer file.Close()
	var fresh bytes.Buffer
	_, err = file.Seek(r.offset, 0)
	require.NoError(t, err)
	n, err := fresh.ReadFrom(file)
	require.NoError(t, err)
	r.offset += n
	r.pending = append(r.pending, fresh.Bytes()...)
	var found []boundary
	for {
		line, rest, complete := bytes.Cut(r.pending, []byte{'\n'})
		if !complete {
			return found
		}
		r.pending = rest
		type step struct {
			Metadata struct{ Op, URN string } `json:"metadata"`
		}
		var event struct {
			Before *step `json:"resourcePreEvent"`
			After  *step `json:"resOutputsEvent"`
		}
		require.NoError(t, json.Unmarshal(line, &event))
		for when, step := range map[string]*step{"before": event.Before, "after": event.After} {
			if step != nil && step.Metadata.Op != "same" {
				name := step.Metadata.URN[strings.LastIndex(step.Metadata.URN, "::")+2:]
				found = append(found, boundary{when, step.Metadata.Op, name})
			}
		}
	}
}
