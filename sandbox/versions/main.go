// Command versions raises the versions of what the clone's modules require, in all of them at once:
//
//	make versions RAISE=k8s.io/kubernetes@v1.37.2
//
// First it raises what it is asked for, in each module that requires it. With k8s.io/kubernetes go
// the modules that are made from the same repository. Then it raises in each module what another
// one requires in a higher version, until all require the same, as the tests demand. Without
// arguments, it does only that.
//
// A workspace would do the second part as well (go work sync), but for modules that have to stay
// behind in something, see differing.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"golang.org/x/mod/semver"

	"k8s-tunnel/sandbox/toolchain"
	"k8s-tunnel/sandbox/toolchain/edited"
)

const (
	kubernetes = "k8s.io/kubernetes"
	// rounds is how often modules can make each other raise something before that looks endless.
	rounds = 20
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "\nerror: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt)
	defer stop()
	wanted, err := parse(args)
	if err != nil {
		return err
	}
	root, err := filepath.Abs("..")
	if err != nil {
		return err
	}
	before, err := readModules(root)
	if err != nil {
		return err
	}
	if before["sandbox"] == nil {
		return errors.New("run this in the directory sandbox of a clone")
	}
	// go.mod files name the copies.
	if err := edited.Make(ctx, toolchain.EditedDir(root), "", os.Environ()); err != nil {
		return err
	}
	raiser := &raiser{root: root, incomplete: map[string]bool{}}
	if err := raiser.raise(ctx, before, wanted); err != nil {
		return fmt.Errorf("%w\nsome go.mod files may be changed by now: git diff shows them, git restore brings them back", err)
	}
	after, err := readModules(root)
	if err != nil {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, line := range after.changes(before) {
		fmt.Fprintln(table, line)
	}
	return table.Flush()
}

// parse reads arguments of the form module@version.
func parse(args []string) (map[string]string, error) {
	wanted := map[string]string{}
	for _, arg := range args {
		path, version, _ := strings.Cut(arg, "@")
		if !semver.IsValid(version) {
			return nil, fmt.Errorf("%s: not a module with its version, such as %s@v1.37.2", arg, kubernetes)
		}
		wanted[path] = version
	}
	return wanted, nil
}

// raiser changes the modules below root.
type raiser struct {
	root       string
	incomplete map[string]bool // directories of modules that may lack requirements now
}

// raise brings all modules to the wanted versions, and together.
func (r *raiser) raise(ctx context.Context, all modules, wanted map[string]string) error {
	for path := range wanted {
		if len(all.requiring(map[string]string{path: wanted[path]})) == 0 && !all.has(path, wanted[path]) {
			return fmt.Errorf("%s: none of the modules whose versions are held together requires it", path)
		}
	}
	if version := wanted[kubernetes]; version != "" {
		staging, err := r.replaceStaging(version)
		if err != nil {
			return err
		}
		maps.Copy(wanted, staging)
	}
	queries := all.requiring(wanted)
	for range rounds {
		if err := r.step(ctx, queries); err != nil {
			return err
		}
		all, err := readModules(r.root)
		if err != nil {
			return err
		}
		if queries = all.behind(); len(queries) == 0 && len(r.incomplete) == 0 {
			return nil
		}
	}
	return fmt.Errorf("modules still require different versions after %d rounds: %v", rounds, queries)
}

// step raises what is asked for, or else completes the modules that were changed, which may bring
// in further requirements.
func (r *raiser) step(ctx context.Context, queries map[string][]string) error {
	for _, dir := range slices.Sorted(maps.Keys(queries)) {
		if err := r.get(ctx, dir, queries[dir]); err != nil {
			return err
		}
	}
	if len(queries) > 0 {
		return nil
	}
	for _, dir := range slices.Sorted(maps.Keys(r.incomplete)) {
		if err := r.complete(ctx, dir); err != nil {
			return err
		}
	}
	return nil
}

// has reports whether any module requires the version already.
func (m modules) has(path, version string) bool {
	return slices.ContainsFunc(m.together(), func(dir string) bool { return m[dir][path] == version })
}

// replaceStaging changes the lines by which the node's module replaces the modules that are made from
// the repository of Kubernetes, and returns their versions.
func (r *raiser) replaceStaging(version string) (map[string]string, error) {
	path := filepath.Join(r.root, node, "go.mod")
	file, err := readModule(path)
	if err != nil {
		return nil, err
	}
	staged := "v0" + strings.TrimPrefix(version, semver.Major(version))
	versions := map[string]string{}
	for _, line := range slices.Clone(file.Replace) {
		if line.Old.Path == line.New.Path && strings.HasPrefix(line.Old.Path, "k8s.io/") {
			versions[line.Old.Path] = staged
			if err := file.AddReplace(line.Old.Path, "", line.New.Path, staged); err != nil {
				return nil, err
			}
		}
	}
	content, err := file.Format()
	if err != nil {
		return nil, err
	}
	return versions, os.WriteFile(path, content, 0o644)
}

func (r *raiser) get(ctx context.Context, dir string, queries []string) error {
	fmt.Printf("%s: %s\n", dir, summary(queries))
	r.incomplete[dir] = true
	return r.goCmd(ctx, dir, append([]string{"get"}, queries...)...)
}

// complete adds what go.mod and go.sum need for all packages, whatever they are built with, and
// removes what they needed before. Where that can't be, it only adds: tidying would drop
// requirements that hold the modules without code at the others' versions, and looks for packages
// that tests of the plugin's dependencies import and Kubernetes has no more.
func (r *raiser) complete(ctx context.Context, dir string) error {
	fmt.Printf("%s: all packages\n", dir)
	delete(r.incomplete, dir)
	if !strings.HasPrefix(dir, pins) && dir != plugin {
		return r.goCmd(ctx, dir, "mod", "tidy")
	}
	return r.goCmd(ctx, dir, "list", "-deps", "-tags", "seccomp,netgo,osusergo,no_btrfs", "./...", "tool")
}

func (r *raiser) goCmd(ctx context.Context, dir string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(r.root, dir)
	cmd.Env = append(os.Environ(), "PWD="+cmd.Dir, "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("go %s in %s: %w\n%s", args[0], dir, err, bytes.TrimSpace(stderr.Bytes()))
	}
	return nil
}

// summary names a few queries.
func summary(queries []string) string {
	const few = 3
	if len(queries) <= few {
		return strings.Join(queries, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(queries[:few], ", "), len(queries)-few)
}
