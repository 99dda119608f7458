// Command bench measures the program in a fresh local world of its own, and what
// people did by hand beside it, and prints ratios. Both sides of a ratio are
// measured in the same run on the same machine, so a ratio can be compared
// between machines where seconds can't. Nothing here passes or fails.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"k8s-tunnel/sandbox/cli"
	"k8s-tunnel/sandbox/world"
)

func main() {
	// The world's parts are this very program, started again.
	if code, ok := cli.Hidden(os.Args[1:]); ok {
		os.Exit(code)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run measures in a world of its own, which it takes down again.
func run(ctx context.Context) error {
	w, err := world.Open("bench")
	if err != nil {
		return err
	}
	if err := w.Down(ctx, os.Stdout); err != nil {
		return err
	}
	defer func() { _ = w.Down(context.WithoutCancel(ctx), os.Stdout) }()
	if err := w.Up(ctx, os.Stdout); err != nil {
		return err
	}
	b := &bench{World: w}
	// What was measured before something failed is still worth a look.
	return errors.Join(b.measure(ctx), b.print())
}

// ratio is one line of the table.
type ratio struct {
	what   string
	a, b   float64
	unit   string
	remark string
}

type bench struct {
	*world.World
	ratios []ratio
}

// compare notes how many times b fits into a.
func (b *bench) compare(what string, x, y float64, unit, remark string) {
	b.ratios = append(b.ratios, ratio{what, x, y, unit, remark})
}

func (b *bench) print() error {
	fmt.Println()
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "what\tratio\tmeasured\t")
	for _, r := range b.ratios {
		fmt.Fprintf(table, "%s\t%.2f\t%.3g : %.3g %s\t%s\n", r.what, r.a/r.b, r.a, r.b, r.unit, r.remark)
	}
	return table.Flush()
}

// timed runs a step and tells how many seconds it took.
func timed(what string, step func() error) (float64, error) {
	fmt.Println("measuring:", what)
	began := time.Now()
	if err := step(); err != nil {
		return 0, fmt.Errorf("%s: %w", what, err)
	}
	return time.Since(began).Seconds(), nil
}
