package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"k8s-tunnel/sandbox/limited"
	"k8s-tunnel/sandbox/project"
	"k8s-tunnel/sandbox/toolchain"
)

// smallMachine is the memory that commands with a prepared binary may use.
const smallMachine = 512 * limited.MiB

// compareMemory measures what Pulumi's commands need with the binary of a release, and where they
// compile the program. The SDKs that the program imports have been compiled before; the README says
// what that takes.
func (b *bench) compareMemory(ctx context.Context, c *contender) error {
	compiled := c.way.(program).Stack
	p, err := project.Prepare(ctx, b.World)
	if err != nil {
		return err
	}
	prepared, err := p.NewStack(ctx, "memory")
	if err != nil {
		return err
	}
	if err := prepared.Configure(ctx, project.Settings(b.World)); err != nil {
		return err
	}
	t := &table{
		title:   fmt.Sprintf("Memory of pulumi and all that it starts: a prepared binary, in %d MiB : the program compiled", smallMachine/limited.MiB),
		columns: [2]string{"prepared", "compiled"},
	}
	compiling, err := memoryOf(ctx, compiled, 0, []string{"preview"})
	if err != nil {
		return err
	}
	for _, c := range []struct {
		what     string
		args     []string
		compiled figure
	}{
		{"preview, nothing there yet", []string{"preview"}, mebibytes(compiling.Needed)},
		{"up", []string{"up", "--yes", "--skip-preview"}, figure{}},
		{"preview, all there", []string{"preview"}, figure{}},
		{"up, nothing to change", []string{"up", "--yes", "--skip-preview"}, figure{}},
		{"destroy", []string{"destroy", "--yes", "--skip-preview"}, figure{}},
	} {
		small, err := memoryOf(ctx, prepared, smallMachine, c.args)
		if err != nil {
			return err
		}
		t.add(c.what, mebibytes(small.Needed), c.compiled, mebibytes(small.Peak).text+" with the files that were read, programs among them")
	}
	b.tables = append(b.tables, t)
	_, err = b.deleteRecords(ctx)
	return err
}

// memoryOf runs a command on a stack and returns what it needed. Nothing may be killed.
func memoryOf(ctx context.Context, s *project.Stack, limit int64, args []string) (limited.Usage, error) {
	fmt.Printf("memory of pulumi %s in stack %s\n", args[0], s.Name)
	cmd := s.Command(ctx, append(args, "--stack", s.Name, "--non-interactive")...)
	// The language host compiles into a temporary file, as everybody's does, but with the flags for which
	// the SDKs are in the cache.
	cmd.Env = append(cmd.Env, "SANDBOX_PROGRAM=", toolchain.GoFlags(toolchain.LeanFlags...))
	cmd.Stdout, cmd.Stderr = io.Discard, io.Discard
	if err := limited.Forget(s.Project.Dir, toolchain.BinDir(s.Project.World.Root), filepath.Join(s.Project.World.PulumiHome(), "plugins")); err != nil {
		return limited.Usage{}, err
	}
	usage, err := limited.Run(cmd, limit)
	if err == nil && usage.Killed > 0 {
		err = errors.New("the kernel killed a process for its memory")
	}
	if err != nil {
		err = fmt.Errorf("pulumi %s with at most %d MiB: %w", args[0], limit/limited.MiB, err)
	}
	return usage, err
}

func mebibytes(bytes int64) figure {
	return figure{float64(bytes), fmt.Sprintf("%d MiB", bytes/limited.MiB)}
}
