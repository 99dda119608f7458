package toolchain

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// heartbeat is how often builds in progress are mentioned where lines can't be rewritten.
const heartbeat = 30 * time.Second

// progress shows what is being built: in a line that is rewritten on a terminal, and in plain lines
// elsewhere, because a log is read afterwards.
type progress struct {
	out   io.Writer
	width int // of the terminal, 0 if there is none
	now   func() time.Time

	mu      sync.Mutex
	total   int
	done    int
	running []activity
	drawn   bool
	beat    time.Time
	stop    chan struct{}
	stopped sync.WaitGroup
}

type activity struct {
	name  string
	since time.Time
}

func newProgress(out io.Writer) *progress {
	if out == nil {
		out = io.Discard
	}
	return &progress{out: out, width: terminalWidth(out), now: time.Now}
}

// terminalWidth returns the number of columns if out is a terminal, and 0 otherwise.
func terminalWidth(out io.Writer) int {
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

// begin starts the display for total builds. The caller must call end.
func (p *progress) begin(total int) {
	p.total, p.beat, p.stop = total, p.now(), make(chan struct{})
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

func (p *progress) end() {
	close(p.stop)
	p.stopped.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.wipe()
}

// started and finished mark the beginning and the end of one build.
func (p *progress) started(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.running = append(p.running, activity{name, p.now()})
	if p.width == 0 {
		fmt.Fprintf(p.out, "building %s (%d of %d) …\n", name, p.done+len(p.running), p.total)
	}
	p.draw()
}

func (p *progress) finished(name string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, running := range p.running {
		if running.name != name {
			continue
		}
		p.wipe()
		p.done++
		p.running = append(p.running[:i:i], p.running[i+1:]...)
		verb := "built %s in %s\n"
		switch {
		case errors.Is(err, context.Canceled):
			verb = "stopped building %s after %s\n"
		case err != nil:
			verb = "failed to build %s in %s\n"
		}
		fmt.Fprintf(p.out, verb, name, elapsed(p.now().Sub(running.since)))
		break
	}
	p.draw()
}

// fewer removes a build from the total that turned out not to be needed.
func (p *progress) fewer() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total--
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
	if p.width > 0 {
		p.draw()
		return
	}
	if len(p.running) > 0 && p.now().Sub(p.beat) >= heartbeat {
		p.beat = p.now()
		fmt.Fprintf(p.out, "still building %s\n", p.activities())
	}
}

func (p *progress) draw() {
	if p.width == 0 || len(p.running) == 0 {
		return
	}
	line := fmt.Sprintf("building %d of %d: %s", p.done+len(p.running), p.total, p.activities())
	if runes := []rune(line); len(runes) >= p.width {
		line = string(runes[:p.width-1])
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
	texts := make([]string, len(p.running))
	for i, running := range p.running {
		texts[i] = running.name + " " + elapsed(p.now().Sub(running.since))
	}
	return strings.Join(texts, ", ")
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
