//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
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
	r := &run{mark: "CHAOS=" + uuid.NewString(), events: filepath.Join(t.TempDir(), "events"), began: time.Now(), done: make(chan struct{})}
	args = append(append([]string{}, args...), "--stack", s.Name, "--non-interactive", "--event-log", r.events)
	r.cmd = s.command(args...)
	r.cmd.Env = append(r.cmd.Env, r.mark, "PULUMI_DEBUG_COMMANDS=true")
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.out
	r.cmd.WaitDelay = 5 * time.Second
	require.NoError(t, r.cmd.Start())
	go func() {
		r.err = r.cmd.Wait()
		r.took = time.Since(r.began)
		close(r.done)
	}()
	return r
}

// wait waits for the end of the command, and kills it after the given time.
func (r *run) wait(t *testing.T, atMost time.Duration) error {
	t.Helper()
	select {
	case <-r.done:
		return r.err
	case <-time.After(atMost):
		r.kill(t)
		return fmt.Errorf("still running after %s", atMost)
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

// kill kills Pulumi's CLI, the language host, the plugins and the program at once, as the machine's
// end does. Plugins have process groups of their own, so all are told by their environment.
func (r *run) kill(t *testing.T) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for pids := marked(t, r.mark); len(pids) > 0; pids = marked(t, r.mark) {
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		require.True(t, time.Now().Before(deadline), "processes survive SIGKILL: %v", pids)
	}
	<-r.done
	require.Empty(t, marked(t, r.mark))
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

// endpoint is a call of Cloudflare's API, whatever the identifiers in its path are.
type endpoint struct{ method, path string }

func (e endpoint) String() string { return e.method + " " + e.path }

var identifiers = regexp.MustCompile(`/([0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27})(/|$)`)

func endpointOf(call api.Call) endpoint {
	path := call.Path
	for range 2 { // matches that touch don't overlap
		path = identifiers.ReplaceAllString(path, "/*$2")
	}
	return endpoint{call.Method, path}
}

// callMoment is the n-th call of an endpoint, from 0 on.
type callMoment struct {
	endpoint
	n int
}

func (c callMoment) String() string { return fmt.Sprintf("%s #%d", c.endpoint, c.n+1) }

// recording is what an undisturbed operation does.
type recording struct {
	took       time.Duration
	boundaries []boundary
	calls      []callMoment
}

// record runs an operation undisturbed.
func (s *subject) record(t *testing.T, o operation) {
	t.Helper()
	s.prepare(t, o)
	forgetCalls(t)
	r := s.start(t, o.args...)
	require.NoError(t, r.wait(t, patience), "%s", &r.out)
	recorded := recording{took: r.took, boundaries: r.boundaries(t)}
	seen := map[endpoint]int{}
	for _, call := range calls(t) {
		e := endpointOf(call)
		recorded.calls = append(recorded.calls, callMoment{e, seen[e]})
		seen[e]++
	}
	s.recorded[o.name] = recorded
	t.Logf("%s takes %s, %d boundaries and %d calls:", o.name, r.took.Round(time.Millisecond), len(recorded.boundaries), len(recorded.calls))
	for _, b := range recorded.boundaries {
		t.Log("  ", b)
	}
	for _, c := range recorded.calls {
		t.Log("  ", c)
	}
	require.NoError(t, s.converged(t, o))
}
