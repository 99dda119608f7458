//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
)

// moment is when a command is killed.
type moment interface {
	fmt.Stringer
	// kind is the moment's line in the table.
	kind() string
	// prepare runs before the command starts.
	prepare(t *testing.T)
	// reached reports whether the moment has come.
	reached(t *testing.T, r *run) bool
}

// moments lists n moments of an operation in random order: those at the boundaries of its steps and
// within its calls, each once before any is repeated, and half as many that are left to chance. The
// refresh, which comes first and changes nothing, is left to chance too. The namespace's come first,
// because only the stack that is killed first has one.
func (rec recording) moments(n int, random *rand.Rand) []moment {
	var known, all []moment
	for _, b := range rec.boundaries {
		if b.op != "refresh" {
			known = append(known, b)
		}
	}
	for _, c := range rec.calls {
		known = append(known, c)
	}
	// Runs beside this one have to agree on the order, and steps don't always come in the same one.
	slices.SortFunc(known, func(a, b moment) int { return strings.Compare(a.String(), b.String()) })
	for len(all) < n {
		random.Shuffle(len(known), func(i, j int) { known[i], known[j] = known[j], known[i] })
		slices.SortStableFunc(known, func(a, b moment) int { return notOfNamespace(a) - notOfNamespace(b) })
		for i, m := range known {
			all = append(all, m)
			if i%2 == 1 {
				all = append(all, after(random.Int64N(int64(rec.took))))
			}
		}
	}
	return all[:n]
}

// notOfNamespace is 0 for moments of the stack's own namespace, and 1 for others.
func notOfNamespace(m moment) int {
	if b, ok := m.(boundary); ok && b.resource == "edge-namespace" {
		return 0
	}
	return 1
}

func (boundary) kind() string       { return "kill at a boundary" }
func (boundary) prepare(*testing.T) {}
func (b boundary) reached(t *testing.T, r *run) bool {
	return slices.Contains(r.boundaries(t), b)
}

func (callMoment) kind() string { return "kill within a call" }

// prepare delays the answer until the command is dead.
func (c callMoment) prepare(t *testing.T) {
	c.set(t, api.Fault{When: api.After, Delay: api.Duration(time.Minute), Count: 1})
}

// set makes Cloudflare misbehave at this call.
func (c callMoment) set(t *testing.T, fault api.Fault) {
	t.Helper()
	fault.Method, fault.Path, fault.Skip = c.method, c.path, c.n
	require.NoError(t, testWorld.Control().SetFaults(t.Context(), fault))
}

func (c callMoment) reached(t *testing.T, _ *run) bool {
	faults, err := testWorld.Control().Faults(t.Context())
	require.NoError(t, err)
	if len(faults) != 1 || faults[0].Hits <= c.n {
		return false
	}
	time.Sleep(50 * time.Millisecond) // for the call to take effect
	return true
}

// after is a moment at a time after the command's start.
type after time.Duration

func (a after) String() string   { return "after " + time.Duration(a).Round(time.Millisecond).String() }
func (after) kind() string       { return "kill at random" }
func (after) prepare(*testing.T) {}
func (a after) reached(_ *testing.T, r *run) bool {
	return time.Since(r.began) >= time.Duration(a)
}

// killed runs an operation, kills it at a moment, and runs it again.
func (s *subject) killed(t *testing.T, o operation, m moment) (result, error) {
	t.Helper()
	s.prepare(t, o)
	m.prepare(t)
	r := s.start(t, o.args...)
	for !r.ended() && !m.reached(t, r) {
		time.Sleep(5 * time.Millisecond)
	}
	survived := r.ended()
	r.kill(t)
	require.NoError(t, testWorld.Control().SetFaults(t.Context()))
	if survived {
		// The steps of a command don't always come in the same order, and it may be faster than the
		// recorded one.
		err := r.err
		if err == nil {
			err = s.converged(t, o)
		}
		if err != nil {
			return failed, fmt.Errorf("the undisturbed command: %w:\n%s", err, &r.out)
		}
		return missed, nil
	}
	if out, err := s.pulumi("cancel", "--yes"); err != nil {
		return failed, fmt.Errorf("cancel: %w:\n%s", err, out)
	}
	result, err := s.again(t, o)
	if err != nil {
		return failed, fmt.Errorf("the same command again: %w\nThe killed one had printed:\n%s", err, &r.out)
	}
	return result, nil
}

// again runs a command that didn't end well once more, this time undisturbed.
func (s *subject) again(t *testing.T, o operation) (result, error) {
	t.Helper()
	r, result := s.start(t, o.args...), nextRun
	err := r.wait(t)
	if err != nil && strings.Contains(r.out.String(), tunnelGone) {
		result = byHand
		r, err = s.remedied(t, o)
	}
	if err == nil {
		err = s.converged(t, o)
	}
	if err != nil {
		return failed, fmt.Errorf("%w:\n%s", err, &r.out)
	}
	return result, nil
}

// tunnelGone is the provider's error when it deletes a tunnel a second time. The engine can't be told
// to ignore it.
const tunnelGone = "failed to delete Argo Tunnel"

// remedied runs an operation again after what docs/troubleshooting.md says about tunnelGone.
func (s *subject) remedied(t *testing.T, o operation) (*run, error) {
	t.Helper()
	require.NoError(t, s.command("stack", "select", s.Name).Run())
	remedy := troubleshooting(t, tunnelGone+": …` on "+o.args[0])
	if out, err := s.shell(remedy).CombinedOutput(); err != nil {
		return &run{}, fmt.Errorf("%s, which docs/troubleshooting.md advises: %w:\n%s", remedy, err, out)
	}
	again := s.start(t, o.args...)
	return again, again.wait(t)
}
