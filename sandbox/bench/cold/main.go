// Command cold measures what the first make up takes on a machine that has nothing: a copy of this
// clone brings its world dev up, deploys into it and takes it down, with caches of its own. It prints
// what each tool took. Nothing here passes or fails.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"k8s-tunnel/sandbox/git"
	"k8s-tunnel/sandbox/toolchain"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// cold is one measurement.
type cold struct {
	dir string // of all that it makes
	cpu float64
}

// tree is the copy of the clone.
func (c *cold) tree() string { return filepath.Join(c.dir, "tree") }

func (c *cold) modules() string { return filepath.Join(c.dir, "modules") }

func run(ctx context.Context) (err error) {
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	unlock, err := toolchain.TryLock(root, "run-cold")
	if err != nil {
		return fmt.Errorf("measuring what the first make up takes: %w", err)
	}
	defer unlock()
	c := &cold{dir: filepath.Join(root, ".sandbox", "cold")}
	if err := c.remove(ctx); err != nil {
		return err
	}
	c.cpu = 0 // of removing what an interrupted measurement left
	if err := c.hidePulumi(); err != nil {
		return err
	}
	if err := c.copy(ctx, root); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.remove(context.WithoutCancel(ctx))) }()
	began := time.Now()
	if err := c.sandbox(ctx, "up", "--deploy"); err != nil {
		return err
	}
	wall := time.Since(began)
	return c.print(ctx, wall)
}

// copy copies the files that Git knows, or would.
func (c *cold) copy(ctx context.Context, root string) error {
	out, err := git.Output(ctx, root, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return fmt.Errorf("listing the clone's files: %w", err)
	}
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		content, err := os.ReadFile(filepath.Join(root, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue // it was removed, and Git hasn't been told
		}
		if err != nil {
			return err
		}
		target := filepath.Join(c.tree(), name)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(target, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// sandbox runs one of the local world's commands in the copy.
func (c *cold) sandbox(ctx context.Context, command ...string) error {
	cmd := c.goCommand(ctx, append([]string{"run", "."}, command...)...)
	cmd.Dir = filepath.Join(c.tree(), "sandbox")
	if _, err := os.Stat(cmd.Dir); err != nil {
		return nil // nothing was copied yet
	}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s: %w", command[0], err)
	}
	c.cpu += (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	return nil
}

func (c *cold) goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "GOMODCACHE="+c.modules(), "GOCACHE="+filepath.Join(c.dir, "build"),
		"PATH="+c.programs()+string(os.PathListSeparator)+os.Getenv("PATH"),
		// The toolchain looks for the user's plugins there. Folders below .sandbox don't count for it.
		"PULUMI_HOME="+filepath.Join(os.DevNull, "pulumi"))
	return cmd
}

// programs is a folder that comes first on the search path.
func (c *cold) programs() string { return filepath.Join(c.dir, "programs") }

// hidePulumi puts a Pulumi before the user's that the toolchain finds too old, so that it builds one.
func (c *cold) hidePulumi() error {
	if err := os.MkdirAll(c.programs(), 0o755); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.programs(), "pulumi"), []byte("#!/bin/sh\necho v0.0.0\n"), 0o755)
}

// remove takes the world down and removes all that was made.
func (c *cold) remove(ctx context.Context) error {
	if err := c.sandbox(ctx, "destroy"); err != nil {
		fmt.Fprintln(os.Stderr, err) // there may be nothing to destroy
	}
	if err := c.sandbox(ctx, "down"); err != nil {
		return err
	}
	// The module cache is read-only.
	if out, err := c.goCommand(ctx, "clean", "-modcache").CombinedOutput(); err != nil {
		return fmt.Errorf("removing the module cache: %w: %s", err, out)
	}
	return os.RemoveAll(c.dir)
}

// archives returns the size in MB of the modules that were downloaded into a module cache.
func archives(cache string) (float64, error) {
	size := 0.0
	err := filepath.WalkDir(filepath.Join(cache, "cache", "download"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".zip" {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			size += float64(info.Size()) / 1e6
		}
		return err
	})
	return size, err
}

func (c *cold) print(ctx context.Context, wall time.Duration) error {
	costs, err := toolchain.CostsOf(ctx, c.tree(), c.modules())
	if err != nil {
		return err
	}
	fmt.Print("\nThe first make up, from empty caches\n\n")
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "CPU\twall\tmemory\tdownloaded\t  what\n")
	all, pulumi := toolchain.Spent{}, 0.0
	for _, cost := range costs {
		fmt.Fprintf(w, "%.0f s\t%.0f s\t%.1f GiB\t%.0f MB\t  %s\n", cost.CPU, cost.Wall, cost.Memory, cost.Downloaded, cost.Target)
		all.CPU += cost.CPU
		if cost.Group == toolchain.GroupPulumi {
			pulumi += cost.CPU
		}
		all.Memory = max(all.Memory, cost.Memory)
		all.Downloaded += cost.Downloaded
	}
	downloaded, err := archives(c.modules())
	if err != nil {
		return fmt.Errorf("measuring what was downloaded: %w", err)
	}
	fmt.Fprintf(w, "%.0f s\t\t\t%.0f MB\t  the sandbox itself, the world and the deployment, and modules that are edited\n",
		c.cpu-all.CPU, downloaded-all.Downloaded)
	fmt.Fprintf(w, "%.0f s\t%.0f s\t%.1f GiB\t%.0f MB\t  all\n", c.cpu, wall.Seconds(), all.Memory, downloaded)
	// In fact a little more: packages that the program has in common with Pulumi were compiled with Pulumi.
	fmt.Fprintf(w, "%.0f s\t\t\t\t  all where Pulumi is installed, and its plugins are downloaded\n", c.cpu-pulumi)
	return w.Flush()
}
