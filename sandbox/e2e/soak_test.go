//go:build e2e

package e2e

import (
	"cmp"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/handmade"
	"k8s-tunnel/sandbox/load"
	"k8s-tunnel/sandbox/project"
)

// TestSoak makes each change many times in a row under load, in every scene, and prints how many
// requests failed. It takes hours, so it runs only if SOAK gives the number of rounds. SOAK_SCENES
// and SOAK_CHANGES restrict it to scenes and changes, as comma-separated names.
func TestSoak(t *testing.T) {
	rounds, err := strconv.Atoi(cmp.Or(os.Getenv("SOAK"), "0"))
	require.NoError(t, err, "SOAK is the number of rounds")
	if rounds == 0 {
		t.Skip("make soak runs it")
	}
	table := &soakTable{}
	defer table.print()
	forProtocols(t, func(t *testing.T, protocol string) {
		for _, lag := range []control.Lag{{}, lagging} {
			s := scene{protocol, lag}
			if asked("SOAK_SCENES", s.name()) {
				t.Run(s.name(), func(t *testing.T) { soak(t, s, rounds, table) })
			}
		}
	})
}

// soak makes the changes of one scene.
func soak(t *testing.T, s scene, rounds int, table *soakTable) {
	c := newChanges(t, s)
	for _, change := range soakChanges(c) {
		if !asked("SOAK_CHANGES", change.name) {
			continue
		}
		t.Run(change.name, func(t *testing.T) {
			for round := range rounds {
				if c.load == nil {
					change.prepare(t)
					c.begin(t)
				}
				// Connectors that one round replaces may still be shutting down in the next one.
				c.phase(t, change.name, func() { change.make(t, round) })
				if change.alone || round == rounds-1 {
					table.add(s, change.name, c.end(t))
					c.load = nil
				}
			}
			require.Zero(t, table.failed(s, change.name))
		})
	}
}

// soakChange is one kind of change.
type soakChange struct {
	name    string
	prepare func(t *testing.T) // runs without load
	make    func(t *testing.T, round int)
	alone   bool // prepared anew for each round, with a load of its own
}

func soakChanges(c *changes) []soakChange {
	deployed := func(t *testing.T) {
		c.stack.up(t)
		c.set(t, map[string]string{"image": goodImage, "replicas": "2"})
	}
	pick := func(values ...string) func(int) string {
		return func(round int) string { return values[round%len(values)] }
	}
	origin := pick(project.OtherOrigin, handmade.Origin)
	image, memory := pick(nextImage, goodImage), pick("192Mi", "256Mi")
	label := func(round int) string { return fmt.Sprintf("round-%d-%d", round, time.Now().Unix()) }
	return []soakChange{
		{name: "cut-over", alone: true, prepare: func(t *testing.T) {
			c.stack.mustPulumi(t, "destroy", "--yes", "--skip-preview")
			c.byHand.routeNames(t)
			time.Sleep(time.Duration(c.scene.lag.DNS) + time.Second)
		}, make: func(t *testing.T, _ int) { c.cutOver(t) }},
		{name: "rule", prepare: deployed, make: func(t *testing.T, round int) {
			c.set(t, map[string]string{"ingress[0].path": fmt.Sprintf("^/round/%d$", round), "ingress[0].service": "http_status:404"})
		}},
		{name: "origin", prepare: deployed, make: func(t *testing.T, round int) { c.changeOrigin(t, origin(round)) }},
		{name: "image and resources", prepare: deployed, make: func(t *testing.T, round int) {
			c.set(t, map[string]string{"image": image(round), "pod.resources.limits.memory": memory(round)})
		}},
		{name: "replicas", prepare: deployed, make: func(t *testing.T, _ int) {
			c.set(t, map[string]string{"replicas": "3"})
			c.set(t, map[string]string{"replicas": "2"})
		}},
		{name: "rotation", prepare: deployed, make: func(t *testing.T, round int) { c.rotate(t, label(round)) }},
		{name: "failed rotation", prepare: deployed, make: func(t *testing.T, round int) { c.failAndCorrect(t, label(round), label(round)) }},
		{name: "eviction", prepare: deployed, make: func(t *testing.T, _ int) { c.evict(t) }},
	}
}

// asked reports whether a comma-separated list in the environment contains a name or is unset.
func asked(variable, name string) bool {
	list := os.Getenv(variable)
	if list == "" {
		return true
	}
	for _, item := range strings.Split(list, ",") {
		if strings.TrimSpace(item) == name {
			return true
		}
	}
	return false
}

// soakTable holds the counts, with a line for each scene and change.
type soakTable struct {
	sync.Mutex
	lines []*soakLine
}

type soakLine struct {
	scene, change         string
	rounds, sent, failed  int
	slow, downloads, cuts int
	gap                   time.Duration
	problems              []string
}

func (s *soakTable) add(scene scene, change string, report load.Report) {
	s.Lock()
	defer s.Unlock()
	line := s.line(scene, change)
	for _, phase := range report {
		if phase.Name == change {
			line.rounds++
		}
		line.sent += phase.Sent()
		line.failed += phase.Failed()
		line.slow += phase.Sent(load.KindSlow)
		line.downloads += phase.Sent(load.KindDownload)
		line.cuts += len(phase.Cuts)
		line.gap = max(line.gap, phase.LongestGap())
		line.problems = append(line.problems, phase.Errors()...)
	}
}

func (s *soakTable) line(scene scene, change string) *soakLine {
	for _, line := range s.lines {
		if line.scene == scene.name() && line.change == change {
			return line
		}
	}
	line := &soakLine{scene: scene.name(), change: change}
	s.lines = append(s.lines, line)
	return line
}

func (s *soakTable) failed(scene scene, change string) int {
	s.Lock()
	defer s.Unlock()
	return s.line(scene, change).failed
}

func (s *soakTable) print() {
	s.Lock()
	defer s.Unlock()
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "\nscene\tchange\trounds\trequests\tfailed\t3 s\t20 s\tWebSockets cut\tlongest gap")
	for _, l := range s.lines {
		fmt.Fprintf(out, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\t%s\n", l.scene, l.change, l.rounds, l.sent, l.failed,
			l.slow, l.downloads, l.cuts, l.gap.Round(time.Millisecond))
	}
	_ = out.Flush()
	for _, l := range s.lines {
		for _, problem := range l.problems {
			fmt.Printf("%s, %s: %s\n", l.scene, l.change, problem)
		}
	}
}
