// Command rename puts the repository's Go modules under a path from which Go can fetch them:
//
//	make rename MODULE=github.com/me/k8s-tunnel
//
// It changes imports, go.mod files, linters' settings, and texts that name a package. It leaves alone
// what only looks like the module's path and is a contract with running stacks: the project's name, the
// component's type, labels, annotations, and the owners in the comments on records.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"k8s-tunnel/sandbox/git"
)

func main() {
	root := flag.String("root", "..", "the clone's `folder`")
	path := flag.String("module", "", "the new `path`, such as github.com/me/k8s-tunnel")
	flag.Parse()
	if err := run(context.Background(), *root, *path); err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root, path string) error {
	if err := module.CheckPath(path); err != nil {
		return fmt.Errorf("%q is no path for a module: %w; set it: make rename MODULE=github.com/me/k8s-tunnel", path, err)
	}
	raw, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		return err
	}
	old := modfile.ModulePath(raw)
	if old == path {
		fmt.Printf("the module is %s already\n", path)
		return nil
	}
	// Without other changes, git diff shows what was renamed, and git restore . undoes it.
	status, err := git.Output(ctx, root, "status", "--porcelain")
	if err != nil {
		return err
	}
	if len(status) > 0 {
		return fmt.Errorf("there are changes that aren't committed; commit or stash them first:\n%s", status)
	}
	files, err := git.Output(ctx, root, "ls-files", "-z")
	if err != nil {
		return err
	}
	names := strings.Split(strings.TrimRight(string(files), "\x00"), "\x00")
	changed, err := rename(root, names, old, path)
	if err != nil {
		return err
	}
	fmt.Printf("%s is %s now, in %d files\n", old, path, changed)
	return nil
}

// rename changes the files below root and returns how many.
func rename(root string, names []string, old, path string) (changed int, err error) {
	r := newRenaming(names, old, path)
	for _, name := range names {
		file := filepath.Join(root, name)
		info, err := os.Lstat(file)
		if err != nil {
			return changed, err
		}
		if !info.Mode().IsRegular() {
			continue
		}
		before, err := os.ReadFile(file)
		if err != nil {
			return changed, err
		}
		after := r.apply(name, before)
		if bytes.Equal(before, after) {
			continue
		}
		if err := os.WriteFile(file, after, info.Mode().Perm()); err != nil {
			return changed, err
		}
		changed++
	}
	return changed, nil
}
