//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"testing"

	"k8s-tunnel/sandbox/cli"
	"k8s-tunnel/sandbox/world"
)

// testWorld is the fresh local world of this run.
var testWorld *world.World

// worldName is the world's name; another one leaves a run beside this one alone.
func worldName() string { return cmp.Or(os.Getenv("E2E_WORLD"), "test") }

func TestMain(m *testing.M) {
	// The world's parts are this very program, started again.
	if code, ok := cli.Hidden(os.Args[1:]); ok {
		os.Exit(code)
	}
	code, err := runInWorld(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// runInWorld brings a world up, runs the tests in it, takes it down, and
// compares the machine with what it was before.
func runInWorld(m *testing.M) (int, error) {
	ctx := context.Background()
	w, err := world.Open(worldName())
	if err != nil {
		return 0, err
	}
	// What a run before this one may have left.
	if err := w.Down(ctx, os.Stdout); err != nil {
		return 0, err
	}
	before, err := takeSnapshot(w.Slot)
	if err != nil {
		return 0, err
	}
	if err := w.Up(ctx, os.Stdout); err != nil {
		return 0, err
	}
	testWorld = w
	code := m.Run()
	if err := downWorlds(); err != nil {
		return 0, err
	}
	// Down has to cope with whatever it finds.
	killWorld(func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	if err := w.Down(ctx, os.Stdout); err != nil {
		return 0, err
	}
	after, err := takeSnapshot(w.Slot)
	if err != nil {
		return 0, err
	}
	if left := after.without(before); left != "" {
		return 0, fmt.Errorf("the world left something behind:\n%s", left)
	}
	return code, nil
}
