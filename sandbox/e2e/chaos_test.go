//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A few disturbances, for a run of all tests. make chaos makes more.
const (
	fewKills  = "8"
	fewFaults = "4"
)

// TestChaos kills Pulumi and lets Cloudflare's API fail while a stack is created, changed and
// destroyed. The same command has to complete the work afterwards, and nothing may be left over.
//
// KILLS and FAULTS say how many times, and SEED repeats an earlier choice. ONLY restricts the test to
// disturbances whose lines in the log match a regular expression, and with KEEP_GOING a failure isn't
// the end.
func TestChaos(t *testing.T) {
	kills, err := strconv.Atoi(cmp.Or(os.Getenv("KILLS"), fewKills))
	require.NoError(t, err, "KILLS is a number")
	faults, err := strconv.Atoi(cmp.Or(os.Getenv("FAULTS"), fewFaults))
	require.NoError(t, err, "FAULTS is a number")
	seed, err := strconv.ParseUint(cmp.Or(os.Getenv("SEED"), strconv.FormatInt(time.Now().UnixNano(), 10)), 10, 64)
	require.NoError(t, err, "SEED is a number")
	fmt.Printf("chaos: SEED=%d KILLS=%d FAULTS=%d\n", seed, kills, faults)

	only, err := regexp.Compile(os.Getenv("ONLY"))
	require.NoError(t, err, "ONLY is a regular expression")
	c := &chaos{random: rand.New(rand.NewPCG(seed, 0)), only: only}
	defer c.table.print(os.Stdout)
	t.Run("kills, own namespace", func(t *testing.T) {
		c.kills(t, c.subject(t, nil, ""), kills-kills/2)
	})
	t.Run("kills, shared namespace", func(t *testing.T) {
		namespaceFor(t, "chaos-shared")
		c.kills(t, c.subject(t, newNeighbour(t, "chaos-shared"), "chaos-shared"), kills/2)
	})
	t.Run("faults", func(t *testing.T) {
		c.faults(t, c.subject(t, nil, ""), faults)
	})
}

// chaos is one run of TestChaos.
type chaos struct {
	random   *rand.Rand
	only     *regexp.Regexp
	table    chaosTable
	subjects int
}

// subject makes a stack and records what its operations do undisturbed.
func (c *chaos) subject(t *testing.T, n *neighbour, namespace string) *subject {
	t.Helper()
	c.subjects++
	s := newSubject(t, fmt.Sprintf("chaos-%d", c.subjects), namespace)
	s.neighbour = n
	for _, o := range operations {
		s.record(t, o)
	}
	return s
}

// attempt is one disturbance of an operation.
type attempt struct {
	kind, name string
	make       func(*subject) (result, error)
}

// kills kills n commands, the operations in turn.
func (c *chaos) kills(t *testing.T, s *subject, n int) {
	plan := map[string][]attempt{}
	for _, o := range operations {
		for _, m := range s.recorded[o.name].moments(n, c.random) {
			plan[o.name] = append(plan[o.name], attempt{m.kind(), m.String(), func(s *subject) (result, error) { return s.killed(t, o, m) }})
		}
	}
	c.run(t, s, plan, n)
}

// faults disturbs n calls of the operations in turn, or all of them in each way.
func (c *chaos) faults(t *testing.T, s *subject, n int) {
	plan := map[string][]attempt{}
	for _, o := range operations {
		for _, d := range s.recorded[o.name].faultMatrix(o, c.random) {
			plan[o.name] = append(plan[o.name], attempt{d.kind(), d.String(), func(s *subject) (result, error) { return s.disturbed(t, d) }})
		}
	}
	c.run(t, s, plan, n)
}

// run makes n of the planned attempts, or fewer if there aren't as many. An operation that has none
// left is run undisturbed, for the next one.
func (c *chaos) run(t *testing.T, s *subject, plan map[string][]attempt, n int) {
	for name, attempts := range plan {
		plan[name] = slices.DeleteFunc(attempts, func(a attempt) bool { return !c.only.MatchString(name + ": " + a.kind + ": " + a.name) })
	}
	for made := 0; made < n; {
		left := 0
		for _, o := range operations {
			attempts := plan[o.name]
			if len(attempts) == 0 || made == n {
				s.prepare(t, o)
				s.mustPulumi(t, o.args...)
				continue
			}
			plan[o.name] = attempts[1:]
			left += len(attempts) - 1
			made++
			s = c.try(t, s, o, attempts[0])
		}
		if left == 0 {
			return
		}
	}
}

// try makes one attempt and returns the stack for the next one.
func (c *chaos) try(t *testing.T, s *subject, o operation, a attempt) *subject {
	t.Helper()
	began := time.Now()
	result, err := a.make(s)
	c.table.add(o.name, a.kind, result)
	t.Logf("%s: %s, %s: %s in %s", o.name, a.kind, a.name, result, time.Since(began).Round(time.Second))
	if err == nil {
		return s
	}
	t.Errorf("%s: %s, %s: %v", o.name, a.kind, a.name, err)
	if !keepsGoing() {
		t.FailNow()
	}
	s.abandon(t)
	c.subjects++
	fresh := newSubject(t, fmt.Sprintf("chaos-%d", c.subjects), s.namespace)
	fresh.neighbour, fresh.recorded = s.neighbour, s.recorded
	if !o.gone {
		fresh.up(t)
	}
	return fresh
}
