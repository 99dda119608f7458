// Package project makes throw-away copies of the program, with stacks in a local world:
// what tests and measurements deploy doesn't touch the clone's own files. It talks to
// the program the way its users do, through Pulumi's CLI.
package project

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/sources"
	"k8s-tunnel/sandbox/toolchain"
	"k8s-tunnel/sandbox/world"
)

// OtherOrigin is one of the world's apps, reached without the ingress controller: other pods in another
// namespace.
const OtherOrigin = "http://hello.apps"

// token is the one setting that is a secret.
const token = "cloudflare:apiToken"

// Project is a copy of the program in a world's directory. It goes with the world.
type Project struct {
	World *world.World
	// Dir is the copy's root, where its stacks keep their settings.
	Dir string
}

// Copy copies the program as it is in the clone now: the files that are released. A world has one copy:
// later calls bring it up to date and leave unchanged files untouched, so that nothing is compiled
// again.
func Copy(ctx context.Context, w *world.World) (*Project, error) {
	p := &Project{World: w, Dir: filepath.Join(w.Dir(), "project")}
	files, err := sources.List(ctx, w.Root, append(os.Environ(), BuildEnvironment...))
	if err != nil {
		return nil, fmt.Errorf("listing the program's files: %w", err)
	}
	for _, file := range append(files, "Pulumi.yaml") {
		if err := copyFile(filepath.Join(w.Root, file), filepath.Join(p.Dir, file)); err != nil {
			return nil, fmt.Errorf("copying the program: %w", err)
		}
	}
	// The language host keeps the compiled program only in a directory that exists.
	return p, os.MkdirAll(filepath.Dir(p.Compiled()), 0o755)
}

// Program copies another program of the clone's module, from a directory below the root,
// into the same directory of the copy, without its stacks and tests. It is a project of its own.
func (p *Project) Program(directory string) (*Project, error) {
	other := &Project{World: p.World, Dir: filepath.Join(p.Dir, directory)}
	from := filepath.Join(p.World.Root, directory)
	for _, pattern := range []string{"Pulumi.yaml", "*.go"} {
		files, err := fs.Glob(os.DirFS(from), pattern)
		if err != nil {
			return nil, fmt.Errorf("listing the files of %s: %w", directory, err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			if err := copyFile(filepath.Join(from, file), filepath.Join(other.Dir, file)); err != nil {
				return nil, fmt.Errorf("copying %s: %w", directory, err)
			}
		}
	}
	return other, os.MkdirAll(filepath.Dir(other.Compiled()), 0o755)
}

func copyFile(from, to string) error {
	raw, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, raw) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	return os.WriteFile(to, raw, 0o644)
}

// Compiled is where the copy's compiled program is kept.
func (p *Project) Compiled() string { return filepath.Join(p.Dir, ".program", "k8s-tunnel") }

// BuildEnvironment are the variables with which programs are compiled, as the world's language
// host does: with others, the SDKs would be compiled again.
var BuildEnvironment = []string{
	"CGO_ENABLED=0", "GOWORK=off",
	toolchain.GoFlags(slices.Concat([]string{"-mod=readonly"}, toolchain.LeanFlags, []string{"-ldflags=-s -w"})...),
}

// Compile compiles the program, so that the world's language host has nothing left to compile.
func (p *Project) Compile(ctx context.Context) error {
	if err := os.MkdirAll(filepath.Dir(p.Compiled()), 0o755); err != nil {
		return err
	}
	build := exec.CommandContext(ctx, "go", "build", "-o", p.Compiled(), ".")
	build.Dir = p.Dir
	build.Env = append(os.Environ(), BuildEnvironment...)
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("compiling the program in %s: %w:\n%s", p.Dir, err, out)
	}
	return nil
}

// SettingsFile is where Pulumi keeps the stack's settings.
func (s *Stack) SettingsFile() string {
	return filepath.Join(s.Project.Dir, "Pulumi."+s.Name+".yaml")
}

// Forget removes what Compile and a stack's settings left in another checkout.
func (p *Project) Forget(stacks ...*Stack) error {
	errs := []error{os.RemoveAll(filepath.Dir(p.Compiled()))}
	for _, s := range stacks {
		errs = append(errs, os.RemoveAll((&Stack{p, s.Name}).SettingsFile()))
	}
	return errors.Join(errs...)
}

// Settings are the least that a stack needs to deploy into a world.
func Settings(w *world.World) map[string]string {
	return map[string]string{
		"domain":                 state.HomeZoneName,
		token:                    state.SeedToken,
		"cloudflare:apiHostname": w.APIAddr(),
		"kubernetes:kubeconfig":  w.Kubeconfig(),
	}
}

// Stack is one stack of a copy.
type Stack struct {
	Project *Project
	Name    string
}

// NewStack makes a stack without settings. What an interrupted run left of them in another checkout is
// removed.
func (p *Project) NewStack(ctx context.Context, name string) (*Stack, error) {
	s := &Stack{p, name}
	if err := os.RemoveAll(s.SettingsFile()); err != nil {
		return nil, err
	}
	_, err := s.Run(ctx, "stack", "init")
	return s, err
}

// Command prepares the Pulumi CLI to run in the copy with the world's environment. The
// arguments say which stack is meant.
func (s *Stack) Command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := s.Project.World.Command(ctx, "pulumi", args...)
	cmd.Dir = s.Project.Dir
	cmd.Env = append(cmd.Env, "SANDBOX_PROGRAM="+s.Project.Compiled())
	return cmd
}

// Run runs one command on the stack and returns all its output, which is in the error
// too.
func (s *Stack) Run(ctx context.Context, args ...string) (string, error) {
	all := append(append([]string{}, args...), "--stack", s.Name, "--non-interactive")
	out, err := s.Command(ctx, all...).CombinedOutput()
	if err != nil {
		return string(out), fmt.Errorf("pulumi %s: %w:\n%s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

// Set changes one setting, or a field of one. The token is set as a secret, from
// standard input.
func (s *Stack) Set(ctx context.Context, key, value string) error {
	args := []string{"config", "set", key, "--stack", s.Name}
	if key == token {
		args = append(args, "--secret")
	}
	if strings.ContainsAny(key, ".[") {
		args = append(args, "--path")
	}
	cmd := s.Command(ctx, args...)
	cmd.Stdin = strings.NewReader(value)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("setting %s: %w: %s", key, err, out)
	}
	return nil
}

// Configure sets all settings except empty ones.
func (s *Stack) Configure(ctx context.Context, settings map[string]string) error {
	for key, value := range settings {
		if value == "" {
			continue
		}
		if err := s.Set(ctx, key, value); err != nil {
			return err
		}
	}
	return nil
}

// Up deploys the stack with its settings.
func (s *Stack) Up(ctx context.Context, args ...string) error {
	_, err := s.Run(ctx, append([]string{"up", "--yes", "--skip-preview"}, args...)...)
	return err
}

// Destroy destroys everything in the stack. With --remove, the stack is removed too.
func (s *Stack) Destroy(ctx context.Context, args ...string) error {
	_, err := s.Run(ctx, append([]string{"destroy", "--yes", "--skip-preview"}, args...)...)
	return err
}

// Output returns one of the stack's outputs.
func (s *Stack) Output(ctx context.Context, name string) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd := s.Command(ctx, "stack", "output", name, "--stack", s.Name)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("output %s: %w: %s", name, err, stderr.String())
	}
	return strings.TrimSpace(stdout.String()), nil
}
