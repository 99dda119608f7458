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

// TestChaos kills Pulumi and lets Cloudflare's API fail while a stack is created, changed and
// destroyed. The same command has to complete the work afterwards, and nothing may be left over.
//
// KILLS and FAULTS are how many, SEED repeats an earlier choice, ONLY restricts the test to disturbances
// whose lines in the log match a regular expression, and with KEEP_GOING a failure isn't the end. With
// RECORD, it finds out every moment first; otherwise it knows only the usual ones. CHAOS_SHARED names
// the directory in which several runs, each in a world of its own, share the disturbances.
func TestChaos(t *testing.T) {
	share(t)
	c := newChaos(t)
	defer c.report(t)
	if !c.thorough {
		c.recorded = usual
	}
	own := c.kills / 2
	if !c.thorough {
		own = 0
	}
	t.Run("kills", func(t *testing.T) {
		if own == 0 {
			t.Skip("those in a shared namespace are as good")
		}
		c.kill(t, c.subject(t, nil, ""), own)
	})
	t.Run("kills in a shared namespace", func(t *testing.T) {
		if c.kills == own {
			t.Skip("no kills")
		}
		namespaceFor(t, "chaos-shared")
		c.kill(t, c.subject(t, newNeighbour(t, "chaos-shared"), "chaos-shared"), c.kills-own)
	})
	t.Run("faults", func(t *testing.T) {
		c.disturb(t, c.subject(t, nil, ""), c.faults)
	})
}

// newChaos reads the environment.
func newChaos(t *testing.T) *chaos {
	t.Helper()
	number := func(name string, otherwise int64) int64 {
		n, err := strconv.ParseInt(cmp.Or(os.Getenv(name), strconv.FormatInt(otherwise, 10)), 10, 64)
		require.NoError(t, err, "%s is a number", name)
		return n
	}
	few := int64(len(operations))
	seed := number("SEED", time.Now().UnixNano())
	c := &chaos{
		kills: int(number("KILLS", few)), faults: int(number("FAULTS", few)),
		thorough: os.Getenv("RECORD") != "",
		random:   rand.New(rand.NewPCG(uint64(seed), 0)),
		only:     regexp.MustCompile(os.Getenv("ONLY")),
		shared:   os.Getenv("CHAOS_SHARED"),
	}
	fmt.Printf("chaos: SEED=%d KILLS=%d FAULTS=%d\n", seed, c.kills, c.faults)
	return c
}

// chaos is one run of TestChaos.
type chaos struct {
	kills, faults int
	thorough      bool // at every moment of a recorded run

	random   *rand.Rand
	only     *regexp.Regexp
	shared   string // the directory shared with other runs; none if empty
	table    chaosTable
	subjects int
	recorded map[string]recording // by operation
	moments  map[string][]moment  // of all kills, by operation
	killed   int                  // how many kills were planned so far
}

// subject makes a stack. What the operations of the first one do undisturbed is recorded.
func (c *chaos) subject(t *testing.T, n *neighbour, namespace string) *subject {
	t.Helper()
	c.subjects++
	s := newSubject(t, fmt.Sprintf("chaos-%d", c.subjects), namespace)
	s.neighbour = n
	if c.recorded == nil {
		c.recorded = map[string]recording{}
		for _, o := range operations {
			c.recorded[o.name] = s.record(t, o)
		}
	}
	return s
}

// attempt is one disturbance of an operation.
type attempt struct {
	kind, name string
	key        string // tells it from others of its kind, and is the same in runs that share a seed
	make       func(*subject) (result, error)
}

// kill kills n commands, the operations in turn. It begins with the moments at which the last call
// has ended.
func (c *chaos) kill(t *testing.T, s *subject, n int) {
	if c.moments == nil {
		c.moments = map[string][]moment{}
		for _, o := range operations {
			c.moments[o.name] = c.recorded[o.name].moments(c.kills, c.random)
		}
	}
	first := c.killed / len(operations)
	c.killed += n
	plan := map[string][]attempt{}
	for _, o := range operations {
		times := map[string]int{}
		for _, m := range c.moments[o.name][first:c.killed] {
			if s.namespace != "" && notOfNamespace(m) == 0 {
				continue
			}
			key := m.String()
			if _, random := m.(after); random {
				key = "" // it differs from run to run
			}
			times[key]++
			plan[o.name] = append(plan[o.name], attempt{
				kind: m.kind(), name: m.String(), key: fmt.Sprintf("%s time %d", key, times[key]),
				make: func(s *subject) (result, error) { return s.killed(t, o, m) },
			})
		}
	}
	c.run(t, s, plan, n)
}

// disturb disturbs n calls of the operations in turn, or all of them in each way.
func (c *chaos) disturb(t *testing.T, s *subject, n int) {
	plan := map[string][]attempt{}
	for _, o := range operations {
		for _, d := range c.recorded[o.name].faultMatrix(o, c.random) {
			plan[o.name] = append(plan[o.name], attempt{
				kind: d.kind(), name: d.String(), key: d.call.String(),
				make: func(s *subject) (result, error) { return s.disturbed(t, d) },
			})
		}
	}
	c.run(t, s, plan, n)
}

// run makes n of the planned attempts, or fewer if there aren't as many. An operation that has none
// left is run undisturbed if the next one needs it.
func (c *chaos) run(t *testing.T, s *subject, plan map[string][]attempt, n int) {
	defer func() { s.keepsSecrets(t) }()
	for name, attempts := range plan {
		plan[name] = slices.DeleteFunc(attempts, func(a attempt) bool { return !c.only.MatchString(name + ": " + a.kind + ": " + a.name) })
	}
	for made := 0; made < n; {
		left := 0
		for _, o := range operations {
			for len(plan[o.name]) > 0 && made < n && !c.claim(t, o, plan[o.name][0]) {
				plan[o.name] = plan[o.name][1:]
				made++
			}
			attempts := plan[o.name]
			if len(attempts) == 0 || made == n {
				if o.change == nil { // or the next one can do without
					s.mustPulumi(t, o.args...)
				}
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
	if err != nil {
		result = failed // also if all converged in the end
	}
	c.table.add(o.name, a.kind, result)
	c.note(t, o, a, result)
	t.Logf("%s: %s, %s: %s in %s", o.name, a.kind, a.name, result, time.Since(began).Round(time.Second))
	if err == nil {
		return s
	}
	t.Errorf("%s: %s, %s: %v", o.name, a.kind, a.name, err)
	if !keepsGoing() {
		t.FailNow()
	}
	s.abandon(t)
	fresh := c.subject(t, s.neighbour, s.namespace)
	if !o.gone {
		fresh.up(t)
	}
	return fresh
}
