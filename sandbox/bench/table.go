package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// table compares two things, line by line.
type table struct {
	title   string
	columns [2]string
	lines   []line
}

type line struct {
	what   string
	a, b   figure
	remark string
}

// figure is a measured value and the text that people read.
type figure struct {
	value float64
	text  string
}

func (t *table) add(what string, a, b figure, remark string) {
	t.lines = append(t.lines, line{what, a, b, remark})
}

// ratio is the first figure divided by the second.
func (l line) ratio() string {
	switch {
	case l.b.value == 0:
		return "–" // there is none
	case l.a.value == 0:
		return "0"
	}
	return fmt.Sprintf("%.3g", l.a.value/l.b.value)
}

func (b *bench) print(out io.Writer) error {
	for _, t := range b.tables {
		fmt.Fprintf(out, "\n%s\n\n", t.title)
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(w, "what\tratio\t%s\t%s\t\n", t.columns[0], t.columns[1])
		for _, l := range t.lines {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.what, l.ratio(), l.a.text, l.b.text, l.remark)
		}
		if err := w.Flush(); err != nil {
			return err
		}
	}
	return nil
}

// compareWays compares the program with doing it by hand.
func compareWays(program, hand *contender) *table {
	t := &table{title: "The program : the same by hand, at a Cloudflare that learns at once", columns: [2]string{program.name, hand.name}}
	t.add("from nothing to the first answered request", seconds(median(program.first)), seconds(median(hand.first)),
		"the names move only when all connectors have been ready for 10 s")
	t.add("the same again, with nothing to change", seconds(median(program.again)), seconds(median(hand.again)),
		"up also finds that nothing is to change")
	t.add("new origin: until the command returns", seconds(program.change.seconds), seconds(hand.change.seconds),
		"new connectors beside the old ones, which finish what they have; nothing waits for that by hand")
	t.add("new origin: share of requests that failed", program.change.failures(), hand.change.failures(), "")
	t.add("new origin: longest time without an answer", seconds(program.change.gap), seconds(hand.change.gap), "")
	t.add("new secret: until the command returns", seconds(program.rotation.seconds), seconds(hand.rotation.seconds),
		"new beside old; by hand deleted, which waits for what is open, and made again")
	t.add("new secret: share of requests that failed", program.rotation.failures(), hand.rotation.failures(), "")
	t.add("new secret: longest time without an answer", seconds(program.rotation.gap), seconds(hand.rotation.gap), "")
	t.add("tearing down", seconds(median(program.tearDown)), seconds(median(hand.tearDown)),
		"connectors serve on for 15 s after the names are gone")
	t.add("names left behind, which lead nowhere", count(program.left), count(hand.left), "")
	return t
}

// compareCommands compares the program's commands with its first up.
func compareCommands(program *contender) *table {
	t := &table{title: "The program's commands : its first up", columns: [2]string{"command", "first up"}}
	up := seconds(median(program.setUp))
	t.add("up with nothing to change", seconds(median(program.again)), up, "")
	t.add("up with a new origin", seconds(program.change.seconds), up, "")
	t.add("up with a new secret", seconds(program.rotation.seconds), up, "")
	t.add("destroy", seconds(median(program.tearDown)), up, "")
	return t
}

func seconds(value float64) figure { return figure{value, fmt.Sprintf("%.3g s", value)} }

func milliseconds(d time.Duration) figure {
	value := d.Seconds() * 1000
	return figure{value, fmt.Sprintf("%.3g ms", value)}
}

func speed(value float64) figure { return figure{value, fmt.Sprintf("%.3g MB/s", value)} }

func count(n int) figure { return figure{float64(n), fmt.Sprint(n)} }

// failures are the requests that failed, as a share of those sent.
func (u underLoad) failures() figure {
	return figure{float64(u.failed) / max(float64(u.sent), 1), fmt.Sprintf("%d of %d", u.failed, u.sent)}
}

// median is the middle one of the values.
func median(values []float64) float64 {
	return slices.Sorted(slices.Values(values))[len(values)/2]
}
