package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"go.yaml.in/yaml/v3"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/limited"
	"k8s-tunnel/sandbox/project"
)

const (
	// nameRounds is how often a stack is taken through its life. The table has the medians.
	nameRounds = 3
	// manyNames is the number of names from which on once is enough: it takes most of an hour.
	manyNames = 500
	// connectorsURN ends the URN of the connectors' Deployment.
	connectorsURN = "::edge-cloudflared"
)

// The commands of a stack's life, in the table's order.
const (
	firstUp      = "first up"
	preview      = "unchanged preview"
	quickPreview = "the same, --refresh=false"
	unchanged    = "unchanged up, with its preview"
	quickUp      = "the same up, --refresh=false"
	rotate       = "rotation"
	destroyStack = "destroy"
)

// names measures what the number of names costs, with the real service's latencies and its
// limit of calls.
func (b *bench) names(ctx context.Context, counts []int, before string) (err error) {
	programs := []*named{}
	now, err := project.Copy(ctx, b.World)
	if err != nil {
		return err
	}
	programs = append(programs, &named{label: "now", project: now})
	if before != "" {
		other := &project.Project{World: b.World, Dir: before}
		defer func() { err = errors.Join(err, other.Forget()) }()
		if _, err := timed("compiling the program before", func() error { return other.Compile(ctx) }); err != nil {
			return err
		}
		programs = append(programs, &named{label: "before", project: other})
	}
	b.perName = programs
	for _, count := range counts {
		for round := range roundsFor(count) {
			for _, p := range programs {
				fmt.Printf("\n%d names, round %d of %d, %s\n", count, round+1, roundsFor(count), p.label)
				// A life follows the one before at once, and has all of the limit again.
				if err := b.SetRealLatency(ctx, true); err != nil {
					return err
				}
				if err := b.nameLife(ctx, p, count); err != nil {
					return fmt.Errorf("%d names, %s: %w", count, p.label, err)
				}
			}
		}
	}
	return nil
}

// roundsFor is how often a life with so many names is measured.
func roundsFor(count int) int {
	if count >= manyNames {
		return 1
	}
	return nameRounds
}

// named is one program with its measurements.
type named struct {
	label   string
	project *project.Project
	samples []sample
}

// sample is one command.
type sample struct {
	names   int
	command string
	parts
	peaks map[string]int64 // of memory, by program, in bytes
}

// parts are what a command's time consists of, in seconds.
type parts struct {
	total, calling, waiting float64 // calling: a call to Cloudflare was in flight; waiting: for connectors, and none was
	calls, refused          int
	cpu                     float64 // of all programs
}

// rest is the time in which neither Cloudflare nor the cluster was waited for.
func (p parts) rest() float64 { return max(p.total-p.calling-p.waiting, 0) }

func (b *bench) nameLife(ctx context.Context, p *named, count int) (err error) {
	stack, err := p.project.NewStack(ctx, "names"+strconv.Itoa(count))
	if err != nil {
		return err
	}
	// In the checkout of the version before, they would stay.
	defer func() { err = errors.Join(err, os.RemoveAll(stack.SettingsFile())) }()
	settings := project.Settings(b.World)
	delete(settings, "domain")
	if err := stack.Configure(ctx, settings); err != nil {
		return err
	}
	if err := setNames(stack, count); err != nil {
		return err
	}
	for _, step := range []struct {
		command string
		args    []string
	}{
		{firstUp, []string{"up", "--yes", "--skip-preview"}},
		{preview, []string{"preview"}},
		{quickPreview, []string{"preview", "--refresh=false"}},
		// As people run it, it previews first, which refreshes and looks everything up once more.
		{unchanged, []string{"up", "--yes"}},
		{quickUp, []string{"up", "--yes", "--refresh=false"}},
		{rotate, []string{"up", "--yes", "--skip-preview"}},
		{destroyStack, []string{"destroy", "--yes", "--skip-preview"}},
	} {
		if step.command == rotate {
			if err := stack.Set(ctx, "rotation", "bench"); err != nil {
				return err
			}
		}
		s, err := b.sample(ctx, stack, step.command, step.args)
		if err != nil {
			return err
		}
		s.names = count
		p.samples = append(p.samples, s)
	}
	_, err = stack.Run(ctx, "stack", "rm", "--yes")
	return err
}

// setNames writes the names into the stack's settings, all at once.
func setNames(stack *project.Stack, count int) error {
	path := stack.SettingsFile()
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var file struct {
		Salt   string         `yaml:"encryptionsalt"`
		Config map[string]any `yaml:"config"`
	}
	if err := yaml.Unmarshal(content, &file); err != nil {
		return err
	}
	// The version before knows the domain with its wildcard, and further names.
	hostnames := []string{}
	for i := 2; i < count; i++ {
		hostnames = append(hostnames, fmt.Sprintf("h%d.%s", i, state.HomeZoneName))
	}
	file.Config["k8s-tunnel:domain"] = state.HomeZoneName
	if len(hostnames) > 0 {
		file.Config["k8s-tunnel:hostnames"] = hostnames
	}
	content, err = yaml.Marshal(file)
	if err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}

// sample runs a command and takes its time apart.
func (b *bench) sample(ctx context.Context, stack *project.Stack, command string, args []string) (sample, error) {
	if err := b.Control().ForgetCalls(ctx); err != nil {
		return sample{}, err
	}
	events := filepath.Join(b.Dir(), "events.json")
	if err := os.RemoveAll(events); err != nil {
		return sample{}, err
	}
	cmd := stack.Command(ctx, append(slices.Clone(args), "--stack", stack.Name, "--non-interactive", "--event-log", events)...)
	cmd.Env = append(cmd.Env, "PULUMI_DEBUG_COMMANDS=true") // which the log of events is one of
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	began := time.Now()
	usage, err := limited.Run(cmd, 0)
	s := sample{command: command, peaks: usage.Programs}
	s.total = time.Since(began).Seconds()
	if err != nil {
		return s, fmt.Errorf("%s: %w:\n%s", command, err, out.String())
	}
	calls, err := b.Control().Calls(ctx)
	if err != nil {
		return s, err
	}
	pods, err := connectorSteps(events)
	if err != nil {
		return s, err
	}
	var calling []interval
	for _, call := range calls {
		calling = append(calling, interval{call.Time, call.Time.Add(time.Duration(call.Took))})
		if call.Status == http.StatusTooManyRequests {
			s.refused++
		}
	}
	s.calls, s.calling = len(calls), covered(calling)
	s.waiting = covered(append(pods, calling...)) - s.calling
	s.cpu = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	fmt.Printf("  %s took %.1f s\n", command, s.total)
	return s, nil
}

// interval is a stretch of time.
type interval struct{ from, to time.Time }

// covered returns how many seconds lie in at least one of the intervals.
func covered(intervals []interval) float64 {
	slices.SortFunc(intervals, func(a, b interval) int { return a.from.Compare(b.from) })
	var total time.Duration
	var end time.Time
	for _, i := range intervals {
		if i.from.Before(end) {
			i.from = end
		}
		if i.to.After(i.from) {
			total += i.to.Sub(i.from)
			end = i.to
		}
	}
	return total.Seconds()
}

// connectorSteps returns the times in which the engine worked on the connectors' Deployment,
// from its log of events, whose times are in whole seconds.
func connectorSteps(path string) ([]interval, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	type metadata struct {
		Metadata struct {
			URN string `json:"urn"`
		} `json:"metadata"`
	}
	var steps []interval
	var began time.Time
	for line := range strings.Lines(string(content)) {
		var event struct {
			Timestamp int64     `json:"timestamp"`
			Pre       *metadata `json:"resourcePreEvent"`
			Outputs   *metadata `json:"resOutputsEvent"`
		}
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			return nil, fmt.Errorf("reading %s: %w", path, err)
		}
		at := time.Unix(event.Timestamp, 0)
		switch {
		case event.Pre != nil && strings.HasSuffix(event.Pre.Metadata.URN, connectorsURN):
			began = at
		case event.Outputs != nil && strings.HasSuffix(event.Outputs.Metadata.URN, connectorsURN) && !began.IsZero():
			steps, began = append(steps, interval{began, at}), time.Time{}
		}
	}
	return steps, nil
}

// printNames prints what names cost.
func (b *bench) printNames(out io.Writer) error {
	if len(b.perName) == 0 || len(b.perName[0].samples) == 0 {
		return nil
	}
	fmt.Fprintf(out, "\nWhat names cost, with the real service's latencies (%s) and its limit of %d calls in five minutes; medians\n\n",
		latencies(), api.RealLimit)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "names\tcommand\t")
	for _, p := range b.perName {
		fmt.Fprintf(w, "%s\t", p.label)
	}
	fmt.Fprintln(w, "ratio\tcalls\trefused\tin calls\tfor connectors\trest\tCPU\t")
	now := b.perName[0]
	for _, key := range now.keys() {
		fmt.Fprintf(w, "%d\t%s\t", key.names, key.command)
		for _, p := range b.perName {
			fmt.Fprintf(w, "%.1f s\t", p.median(key, func(s sample) float64 { return s.total }))
		}
		ratio := "–"
		if len(b.perName) > 1 {
			ratio = fmt.Sprintf("%.2f", now.median(key, func(s sample) float64 { return s.total })/
				b.perName[1].median(key, func(s sample) float64 { return s.total }))
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%.1f s\t%.1f s\t%.1f s\t%.1f s\t\n", ratio,
			now.median(key, func(s sample) float64 { return float64(s.calls) }),
			now.median(key, func(s sample) float64 { return float64(s.refused) }),
			now.median(key, func(s sample) float64 { return s.calling }),
			now.median(key, func(s sample) float64 { return s.waiting }),
			now.median(key, func(s sample) float64 { return s.rest() }),
			now.median(key, func(s sample) float64 { return s.cpu }))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return now.printPeaks(out)
}

func latencies() string {
	real := api.RealLatency
	return fmt.Sprintf("reads %s, creations %s, deletions %s", time.Duration(real.Read), time.Duration(real.Create), time.Duration(real.Delete))
}

// printPeaks prints the most memory that each program ever had.
func (n *named) printPeaks(out io.Writer) error {
	fmt.Fprint(out, "\nThe most memory that each program had in any of these commands\n\n")
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	peaks := map[string]map[int]int64{}
	counts := map[int]bool{}
	for _, s := range n.samples {
		counts[s.names] = true
		for name, peak := range s.peaks {
			if peaks[name] == nil {
				peaks[name] = map[int]int64{}
			}
			peaks[name][s.names] = max(peaks[name][s.names], peak)
		}
	}
	fmt.Fprint(w, "program\t")
	sorted := slices.Sorted(maps.Keys(counts))
	for _, count := range sorted {
		fmt.Fprintf(w, "%d names\t", count)
	}
	fmt.Fprintln(w)
	for _, name := range slices.Sorted(maps.Keys(peaks)) {
		fmt.Fprintf(w, "%s\t", name)
		for _, count := range sorted {
			fmt.Fprintf(w, "%d MiB\t", peaks[name][count]/limited.MiB)
		}
		fmt.Fprintln(w)
	}
	return w.Flush()
}

// key is what has a line in the table.
type key struct {
	names   int
	command string
}

// keys returns the lines in the order in which they were first measured.
func (n *named) keys() []key {
	var keys []key
	for _, s := range n.samples {
		if k := (key{s.names, s.command}); !slices.Contains(keys, k) {
			keys = append(keys, k)
		}
	}
	return keys
}

// median returns the middle one of the values of a line, and 0 if there are none.
func (n *named) median(k key, of func(sample) float64) float64 {
	var values []float64
	for _, s := range n.samples {
		if s.names == k.names && s.command == k.command {
			values = append(values, of(s))
		}
	}
	if len(values) == 0 {
		return 0
	}
	return median(values)
}
