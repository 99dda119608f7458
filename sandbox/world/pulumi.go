package world

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"github.com/google/renameio/v2"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/toolchain"
)

// Stack is the stack that the world is for.
const Stack = "dev"

// Domain is the zone that the dev stack exposes.
func (w *World) Domain() string { return state.HomeZoneName }

// Command prepares one of the world's tools, or any other program, to run in
// the clone's root with the world's environment.
func (w *World) Command(ctx context.Context, name string, args ...string) *exec.Cmd {
	path := toolchain.BinDir(w.Root) + "/" + name
	if _, err := os.Stat(path); err != nil {
		path = name
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Dir = w.Root
	cmd.Env = w.Environ()
	return cmd
}

// quietly runs a command. If it fails, its output is in the error.
func (w *World) quietly(ctx context.Context, name string, args ...string) error {
	if out, err := w.Command(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// stackState is the file in which Pulumi keeps the dev stack.
func (w *World) stackState() string {
	return w.path("pulumi", ".pulumi", "stacks", "k8s-tunnel", Stack+".json")
}

// stackLocks is the directory with the locks of the dev stack.
func (w *World) stackLocks() string {
	return w.path("pulumi", ".pulumi", "locks", "organization", "k8s-tunnel", Stack)
}

// prepareStack makes the dev stack in the world's own backend, so that `pulumi up`
// works by hand as soon as the world is up. Users of other worlds make their own
// stacks.
func (w *World) prepareStack(ctx context.Context) error {
	if w.Name != DefaultName {
		return nil
	}
	if _, err := os.Stat(w.stackState()); err == nil {
		return nil
	}
	return w.quietly(ctx, "pulumi", "stack", "select", "--create", Stack)
}

// linkPlugins shows the shared plugins in the world's own Pulumi directory.
func (w *World) linkPlugins() error {
	shared := filepath.Join(w.SharedPulumiHome(), "plugins")
	for _, dir := range []string{shared, w.PulumiHome()} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	return renameio.Symlink(shared, filepath.Join(w.PulumiHome(), "plugins"))
}

// Deploy runs `pulumi up` on the dev stack, if it is this world that would be changed.
func (w *World) Deploy(ctx context.Context, out io.Writer) error {
	if err := w.Healthy(ctx); err != nil {
		return fmt.Errorf("world %s is not up: %w", w.Name, err)
	}
	return w.deploy(ctx, out)
}

// deploy runs `pulumi up` on the dev stack. A stack that a killed command has left locked is unlocked first.
func (w *World) deploy(ctx context.Context, out io.Writer) error {
	if err := w.unlockAbandoned(ctx); err != nil {
		return err
	}
	return w.pulumi(ctx, out, "up", "--stack", Stack, "--yes", "--skip-preview")
}

// Undeploy runs `pulumi destroy` on the dev stack, after commands that still run, or were killed, have
// given it up. In a world that isn't healthy there is nothing to do, because the stack goes with its world.
func (w *World) Undeploy(ctx context.Context, out io.Writer) error {
	unlock, err := w.lock(ctx, out) // one that brings the world up may be deploying
	if err != nil {
		return err
	}
	defer unlock()
	if err := errors.Join(w.reload(), w.stopPulumi(ctx)); err != nil {
		return err
	}
	resources, err := w.deployed()
	if err != nil || resources == 0 {
		fmt.Fprintf(out, "stack %s holds nothing, so there is nothing to destroy\n", Stack)
		return err
	}
	if err := w.Healthy(ctx); err != nil {
		fmt.Fprintf(out, "stack %s goes with its world, which can't be asked any more (%v)\n", Stack, err)
		return nil
	}
	// The clone may have been moved, and its plugins with it.
	if err := errors.Join(w.unlockStack(ctx), w.linkPlugins()); err != nil {
		return err
	}
	return w.pulumi(ctx, out, "destroy", "--stack", Stack, "--yes", "--skip-preview")
}

// unlockAbandoned does what unlockStack does, unless one of the world's commands runs: then the lock may be
// its own, and Pulumi says who holds it. Elsewhere than on Linux, running commands can't be told.
func (w *World) unlockAbandoned(ctx context.Context) error {
	if runtime.GOOS != "linux" {
		return nil
	}
	running, err := w.programs(isCommand)
	if err != nil || len(running) > 0 {
		return err
	}
	return w.unlockStack(ctx)
}

// unlockStack removes the locks that killed commands have left on the dev stack.
func (w *World) unlockStack(ctx context.Context) error {
	locks, err := os.ReadDir(w.stackLocks())
	if errors.Is(err, os.ErrNotExist) || err == nil && len(locks) == 0 {
		return nil
	} else if err != nil {
		return err
	}
	return w.quietly(ctx, "pulumi", "cancel", "--stack", Stack, "--yes")
}

func (w *World) pulumi(ctx context.Context, out io.Writer, args ...string) error {
	cmd := w.Command(ctx, "pulumi", args...)
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if toolchain.TerminalWidth(os.Stdin) > 0 && toolchain.TerminalWidth(out) > 0 {
		cmd.Stdin = os.Stdin // Pulumi reads Ctrl-C there as a key
	} else {
		// In a group of its own, it gets Ctrl-C from here alone: the second one would end it at once.
		cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	}
	// Ctrl-C is passed to Pulumi itself, which stops in order.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("pulumi %s: %w", args[0], err)
	}
	return nil
}

// deployed counts the resources in the dev stack's state.
func (w *World) deployed() (int, error) {
	raw, err := os.ReadFile(w.stackState())
	if errors.Is(err, os.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	var checkpoint struct {
		Checkpoint struct {
			Latest struct{ Resources []json.RawMessage }
		}
	}
	if err := json.Unmarshal(raw, &checkpoint); err != nil {
		return 0, fmt.Errorf("reading the state of stack %s: %w", Stack, err)
	}
	return len(checkpoint.Checkpoint.Latest.Resources), nil
}
