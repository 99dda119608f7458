package load

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	vegeta "github.com/tsenart/vegeta/v12/lib"
)

// Report is the outcome of a load, phase by phase.
type Report []*Phase

// Phase is one part of a load.
type Phase struct {
	Name         string
	Began, Ended time.Time
	// Cuts are the ends of WebSockets, see the package's comment.
	Cuts []Cut

	metrics map[string]*vegeta.Metrics // by kind
	errors  map[string]int             // by kind and text
	answers []time.Time                // when the steady requests were answered
}

// Cut is the end of a WebSocket.
type Cut struct {
	Lived time.Duration
	Why   error
}

func newPhase(name string, began time.Time) *Phase {
	return &Phase{Name: name, Began: began, metrics: map[string]*vegeta.Metrics{}, errors: map[string]int{}}
}

func (p *Phase) add(r *vegeta.Result, kind string) {
	m := p.metrics[kind]
	if m == nil {
		m = &vegeta.Metrics{}
		p.metrics[kind] = m
	}
	m.Add(r)
	switch {
	case r.Error != "":
		p.errors[kind+": "+r.Error]++
	case kind == KindGet || kind == KindPost:
		p.answers = append(p.answers, r.End())
	}
}

func (p *Phase) cut(lived time.Duration, why error) {
	p.Cuts = append(p.Cuts, Cut{lived, why})
}

// Sent is the number of requests of a kind, or of all kinds.
func (p *Phase) Sent(kinds ...string) int {
	total := 0
	for kind, m := range p.metrics {
		if len(kinds) == 0 || slices.Contains(kinds, kind) {
			total += int(m.Requests)
		}
	}
	return total
}

// Failed is the number of requests that failed.
func (p *Phase) Failed() int {
	total := 0
	for _, n := range p.errors {
		total += n
	}
	return total
}

// Errors lists the failures by kind and text, with their number.
func (p *Phase) Errors() []string {
	var lines []string
	for _, text := range slices.Sorted(maps.Keys(p.errors)) {
		lines = append(lines, fmt.Sprintf("%d × %s", p.errors[text], text))
	}
	return lines
}

// LongestGap is the longest time without an answer to any of the steady requests.
func (p *Phase) LongestGap() time.Duration {
	slices.SortFunc(p.answers, time.Time.Compare)
	var longest time.Duration
	for i := 1; i < len(p.answers); i++ {
		longest = max(longest, p.answers[i].Sub(p.answers[i-1]))
	}
	return longest
}

// latencies are the steady GETs' median and 99th percentile.
func (p *Phase) latencies() (median, p99 time.Duration) {
	m := p.metrics[KindGet]
	if m == nil || m.Requests == 0 {
		return 0, 0
	}
	m.Close()
	return m.Latencies.P50, m.Latencies.P99
}

// Failed is the number of requests that failed in all phases.
func (r Report) Failed() int {
	total := 0
	for _, p := range r {
		total += p.Failed()
	}
	return total
}

// Write prints a table with a line for each phase. Latencies are ratios to those of the
// first phase, which makes them comparable between machines.
func (r Report) Write(out io.Writer) error {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "phase\tseconds\tsent\tfailed\tslow\tdownloads\tlongest gap\tmedian\tp99\tWebSockets cut (lived)")
	var median, p99 time.Duration
	for i, p := range r {
		m, p9 := p.latencies()
		if i == 0 {
			median, p99 = m, p9
		}
		fmt.Fprintf(table, "%s\t%.0f\t%d\t%d\t%d\t%d\t%s\t%s\t%s\t%s\n", p.Name, p.Ended.Sub(p.Began).Seconds(),
			p.Sent(), p.Failed(), p.Sent(KindSlow), p.Sent(KindDownload),
			p.LongestGap().Round(time.Millisecond), ratio(m, median), ratio(p9, p99), p.lives())
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing report: %w", err)
	}
	for _, p := range r {
		for _, line := range p.Errors() {
			fmt.Fprintf(out, "%s: %s\n", p.Name, line)
		}
	}
	return nil
}

func (p *Phase) lives() string {
	if len(p.Cuts) == 0 {
		return "0"
	}
	var lives []string
	for _, c := range p.Cuts {
		lives = append(lives, c.Lived.Round(time.Second).String())
	}
	return fmt.Sprintf("%d (%s)", len(p.Cuts), strings.Join(lives, ", "))
}

// ratio returns that of two durations, such as 1.2×.
func ratio(a, b time.Duration) string {
	if a == 0 || b == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f×", float64(a)/float64(b))
}
