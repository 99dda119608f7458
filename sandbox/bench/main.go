// Command bench measures the program in a fresh local world of its own, and what
// people do by hand beside it, and prints ratios. Both sides of a ratio are
// measured in the same run on the same machine, so a ratio can be compared
// between machines where seconds can't. Nothing here passes or fails.
//
// With numbers of names as arguments, it measures what those cost instead, beside the program of
// another checkout if -before names one.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"k8s-tunnel/sandbox/cli"
	"k8s-tunnel/sandbox/world"
)

func main() {
	// The world's parts are this same program, started again.
	if code, ok := cli.Hidden(os.Args[1:]); ok {
		os.Exit(code)
	}
	before := flag.String("before", "", "a checkout of the version before, to compare with")
	flag.Parse()
	measure := (*bench).measure
	if flag.NArg() > 0 {
		counts, err := numbers(flag.Args())
		if err != nil {
			fmt.Fprintln(os.Stderr, "error:", err)
			os.Exit(2)
		}
		measure = func(b *bench, ctx context.Context) error { return b.names(ctx, counts, *before) }
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, measure)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// run measures in a world of its own, which it takes down again with everything in it.
func run(ctx context.Context, measure func(*bench, context.Context) error) (err error) {
	w, err := world.Open("bench")
	if err != nil {
		return err
	}
	release, err := w.Reserve("end it")
	if err != nil {
		return err
	}
	defer release()
	if err := w.Down(ctx, os.Stdout); err != nil {
		return err
	}
	b := &bench{World: w}
	defer func() {
		// What was measured before a failure is still worth reading.
		err = errors.Join(err, w.Down(context.WithoutCancel(ctx), os.Stdout), b.print(os.Stdout), b.printNames(os.Stdout))
	}()
	if err := w.Up(ctx, os.Stdout); err != nil {
		return err
	}
	return measure(b, ctx)
}

// numbers reads numbers of names.
func numbers(args []string) ([]int, error) {
	var counts []int
	for _, arg := range args {
		count, err := strconv.Atoi(arg)
		if err != nil || count < 2 {
			return nil, fmt.Errorf("%s is no number of names, from 2 on", arg)
		}
		counts = append(counts, count)
	}
	return counts, nil
}

// bench is one run.
type bench struct {
	*world.World
	tables  []*table
	perName []*named
}

func (b *bench) measure(ctx context.Context) error {
	program, err := b.newProgram(ctx)
	if err != nil {
		return err
	}
	hand, err := b.newByHand()
	if err != nil {
		return err
	}
	for round := range rounds {
		last := round == rounds-1
		for _, c := range []*contender{program, hand} {
			fmt.Printf("\nround %d of %d, %s\n", round+1, rounds, c.name)
			if err := b.live(ctx, c, last); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
		}
	}
	b.tables = append([]*table{compareWays(program, hand), compareCommands(program)}, b.tables...)
	return b.compareMemory(ctx, program)
}
