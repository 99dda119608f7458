package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// heartbeat is how often builds in progress are mentioned where lines can't be rewritten.
	heartbeat = 30 * time.Second
	// settling is how many seconds of a machine's own pace weigh as much as the expectation.
	settling = 20
	// cells is the length of the bar.
	cells = 20
)

// progress shows what is being built, how much of the whole is done, and how long the rest is likely
// to take: in a line that is rewritten on a terminal, and in plain lines elsewhere, because a log is
// read afterwards.
type progress struct {
	out        io.Writer
	width      func() int // of the terminal, which changes with its window; 0 if there is none
	processors int
	now        func() time.Time

	mu      sync.Mutex
	costs   map[string]float64 // what each build is expected to take, in CPU seconds
	ended   []ended
	running []*activity
	waits   []*activity // what is in progress beside builds
	drawn   bool
	began   time.Time
	beat    time.Time
	stop    chan struct{}
	stopped sync.WaitGroup
}

// activity is a build, or something else, in progress.
type activity struct {
	name  string
	since time.Time
	// used returns the CPU seconds that a build has taken so far.
	used func() float64
}

// ended is a build that has ended.
type ended struct{ expected, used float64 }

func newProgress(out io.Writer, processors int) *progress {
	if out == nil {
		out = io.Discard
	}
	width := func() int { return TerminalWidth(out) }
	return &progress{out: out, width: width, processors: max(processors, 1), now: time.Now}
}

// TerminalWidth returns the number of columns if out is a terminal, and 0 otherwise: nothing else has a
// size.
func TerminalWidth(out io.Writer) int {
	file, ok := out.(*os.File)
	if !ok {
		return 0
	}
	size, err := unix.IoctlGetWinsize(int(file.Fd()), unix.TIOCGWINSZ)
	if err != nil {
		return 0
	}
	if size.Col == 0 {
		return 80
	}
	return int(size.Col)
}

// begin says what is about to happen and starts the display for builds with the given costs, whose results
// go into the directory where. The caller must call end.
func (p *progress) begin(costs map[string]float64, where string, caches goSettings) {
	p.expect(costs)
	if len(costs) > 0 {
		fmt.Fprintf(p.out, "Building %s from source into %s, which takes %s unless some of it was compiled before.\n"+
			"Go keeps what it downloads in %s, and what it compiles in %s, several gigabytes.\n"+
			"When interrupted, the same command goes on where it stopped.\n",
			tools(len(costs)), where, minutes(p.left()), caches.GOMODCACHE, caches.GOCACHE)
	}
	p.stop = make(chan struct{})
	p.stopped.Go(func() {
		ticker := time.NewTicker(500 * time.Millisecond)
		defer ticker.Stop()
		for {
			select {
			case <-p.stop:
				return
			case <-ticker.C:
				p.tick()
			}
		}
	})
}

func (p *progress) expect(costs map[string]float64) {
	p.costs, p.began, p.beat = costs, p.now(), p.now()
}

func tools(count int) string {
	if count == 1 {
		return "a tool"
	}
	return fmt.Sprintf("%d tools", count)
}

func (p *progress) end() {
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

// started and finished mark the beginning and the end of one build.
func (p *progress) started(name string, used func() float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.building() {
		p.began = p.now()
	}
	p.running = append(p.running, &activity{name, p.now(), used})
	p.draw()
}

func (p *progress) finished(name string, used float64, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, running := range p.running {
		if running.name != name {
			continue
		}
		p.wipe()
		p.ended = append(p.ended, ended{p.costs[name], used})
		delete(p.costs, name)
		p.running = append(p.running[:i:i], p.running[i+1:]...)
		verb := "built"
		switch {
		case errors.Is(err, context.Canceled):
			verb = "stopped building"
		case err != nil:
			verb = "failed to build"
		}
		line := fmt.Sprintf("%s %s in %s", verb, name, elapsed(p.now().Sub(running.since)))
		if p.width() == 0 && err == nil {
			line += "; " + p.whole()
		}
		fmt.Fprintln(p.out, line)
		break
	}
	p.draw()
}

// waiting marks the beginning of something that isn't a build, such as downloads, and returns what marks its
// end.
func (p *progress) waiting(what string) (end func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	wait := &activity{name: what, since: p.now()}
	p.waits = append(p.waits, wait)
	p.draw()
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.waits = slices.DeleteFunc(p.waits, func(other *activity) bool { return other == wait })
		p.wipe()
		p.draw()
	}
}

// fewer forgets a build that turned out not to be needed.
func (p *progress) fewer(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.costs, name)
}

// say prints a line above the live one.
func (p *progress) say(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
	fmt.Fprintf(p.out, format+"\n", args...)
	p.draw()
}

func (p *progress) tick() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.width() > 0 {
		p.draw()
		return
	}
	if p.busy() && p.now().Sub(p.beat) >= heartbeat {
		p.beat = p.now()
		what := p.activities()
		if len(p.running) > 0 {
			what = "building " + what
		}
		if p.building() {
			what = p.whole() + ": " + what
		}
		fmt.Fprintln(p.out, what)
	}
}

func (p *progress) busy() bool { return len(p.running)+len(p.waits) > 0 }

// building reports whether a build has begun, so that there is a pace to tell.
func (p *progress) building() bool { return len(p.running)+len(p.ended) > 0 }

func (p *progress) draw() {
	width := p.width()
	if width == 0 || !p.busy() {
		return
	}
	line := p.activities()
	if p.building() {
		full := int(p.share() * cells)
		line = strings.Repeat("█", full) + strings.Repeat("░", cells-full) + " " + p.whole() + ": " + line
	}
	if runes := []rune(line); len(runes) >= width {
		line = string(runes[:width-1])
	}
	fmt.Fprint(p.out, "\r\x1b[K"+line)
	p.drawn = true
}

func (p *progress) wipe() {
	if p.drawn {
		fmt.Fprint(p.out, "\r\x1b[K")
		p.drawn = false
	}
}

func (p *progress) activities() string {
	var texts []string
	for _, activity := range slices.Concat(p.running, p.waits) {
		texts = append(texts, activity.name+" "+elapsed(p.now().Sub(activity.since)))
	}
	return strings.Join(texts, ", ")
}

// whole says how far the whole is.
func (p *progress) whole() string {
	if len(p.costs) == 0 {
		return "100 %"
	}
	return fmt.Sprintf("%d %%, %s left", int(100*p.share()), minutes(p.left()))
}

// share returns how much of the whole is done, weighted by what the builds are expected to cost.
func (p *progress) share() float64 {
	done, ahead := 0.0, p.ahead()
	for _, build := range p.ended {
		done += build.expected
	}
	total := done
	for _, cost := range p.costs {
		total += cost
	}
	if total == 0 {
		return 0
	}
	return 1 - ahead/total
}

// ahead returns the cost of what is left to do, as expected.
func (p *progress) ahead() float64 {
	ahead := 0.0
	for _, cost := range p.costs {
		ahead += cost
	}
	for _, running := range p.running {
		// A build that takes more than expected isn't done until it is.
		ahead -= min(running.used()/p.inflation(), 0.95*p.costs[running.name])
	}
	return ahead
}

// left estimates the time that the rest takes, from what it is expected to cost and this machine's
// pace so far.
func (p *progress) left() time.Duration {
	used := 0.0
	for _, build := range p.ended {
		used += build.used
	}
	for _, running := range p.running {
		used += running.used()
	}
	pace := (used + settling*float64(p.processors)) / (p.now().Sub(p.began).Seconds() + settling)
	return time.Duration(p.ahead() * p.inflation() / pace * float64(time.Second))
}

// inflation says how much more than expected the finished builds have cost: less than one where
// some of it was compiled before, more on a slow machine.
func (p *progress) inflation() float64 {
	expected, used := settling*float64(p.processors), settling*float64(p.processors)
	for _, build := range p.ended {
		expected += build.expected
		used += build.used
	}
	return min(max(used/expected, 0.1), 10)
}

// minutes formats an estimate.
func minutes(duration time.Duration) string {
	if duration < time.Minute {
		return "less than a minute"
	}
	return fmt.Sprintf("about %d min", int(math.Round(duration.Minutes())))
}

// elapsed formats a duration for people, in seconds or in minutes and seconds.
func elapsed(duration time.Duration) string {
	if duration < 10*time.Second {
		return fmt.Sprintf("%.1f s", duration.Seconds())
	}
	seconds := int(duration.Round(time.Second).Seconds())
	if seconds < 60 {
		return fmt.Sprintf("%d s", seconds)
	}
	return fmt.Sprintf("%d min %02d s", seconds/60, seconds%60)
}
