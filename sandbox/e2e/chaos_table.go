//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// result is how a stack coped with a disturbance.
type result int

const (
	atOnce result = iota // the disturbed command itself succeeded
	nextRun
	byHand // by the next run, after a command in docs/troubleshooting.md
	missed // the moment didn't come
	failed
)

func (r result) String() string {
	return [...]string{"converged at once", "converged by the next run", "converged by hand", "not disturbed", "failed"}[r]
}

// chaosTable counts results by operation and kind of disturbance.
type chaosTable struct{ lines []*chaosLine }

type chaosLine struct {
	operation, kind string
	counts          [5]int
}

func (c *chaosTable) add(operation, kind string, r result) {
	for _, line := range c.lines {
		if line.operation == operation && line.kind == kind {
			line.counts[r]++
			return
		}
	}
	line := &chaosLine{operation: operation, kind: kind}
	line.counts[r]++
	c.lines = append(c.lines, line)
}

func (c *chaosTable) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\noperation\tdisturbance\ttried\tconverged at once\tby the next run\tby hand\tnot disturbed\tfailed")
	for _, line := range c.lines {
		n := line.counts
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", line.operation, line.kind,
			n[atOnce]+n[nextRun]+n[byHand]+n[missed]+n[failed], n[atOnce], n[nextRun], n[byHand], n[missed], n[failed])
	}
	_ = w.Flush()
}
