// Command release makes what users download, in dist/ of the clone: the folder and the archive to
// give to pulumi new, and the program for each platform, with checksums, bills of materials and the
// version's section of the changelog.
//
//	go -C sandbox run ./release template
//	go -C sandbox run ./release build -version v0.1.0
//	go -C sandbox run ./release check -version v0.1.0
//
// The same commit gives the same bytes, whoever builds it and where, with the same version of Go:
// paths, times, owners and the state of Git don't get into what is built. check shows it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

// allPlatforms are those of a release.
const allPlatforms = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("say what to make: template, build or check")
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	root := flags.String("root", "..", "the clone's `folder`")
	out := flags.String("out", "", "the `folder` to write to, dist in the clone by default")
	version := flags.String("version", "", "the release's `version`, such as v0.1.0")
	platforms := flags.String("platforms", allPlatforms, "what to build for, a `list`")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	r := &release{version: *version}
	var err error
	if r.root, err = filepath.Abs(*root); err != nil {
		return err
	}
	if r.out, err = filepath.Abs(*out); *out == "" {
		r.out = filepath.Join(r.root, "dist")
	} else if err != nil {
		return err
	}
	if args[0] == "template" {
		return r.writeTemplate(ctx)
	}
	if !semver.IsValid(r.version) || semver.Canonical(r.version) != r.version {
		return fmt.Errorf("version %q isn't like v0.1.0; set it: make release VERSION=v0.1.0", r.version)
	}
	if r.platforms, err = parsePlatforms(*platforms); err != nil {
		return err
	}
	if err := r.checkModule(); err != nil {
		return err
	}
	switch args[0] {
	case "build":
		return r.build(ctx)
	case "check":
		return r.check(ctx)
	}
	return fmt.Errorf("%q isn't template, build or check", args[0])
}

// release is one version of the program as users get it.
type release struct {
	root      string // the clone
	out       string // where the files go
	version   string // such as v0.1.0
	platforms []platform
	// cache is the go command's build cache, the usual one if unset.
	cache string
}

// checkModule demands that Go can fetch the module in this version, once it has a path to be fetched from:
// from v2 on, the path ends in the major version.
func (r *release) checkModule() error {
	raw, err := os.ReadFile(filepath.Join(r.root, "go.mod"))
	if err != nil {
		return err
	}
	path := modfile.ModulePath(raw)
	host, _, _ := strings.Cut(path, "/")
	prefix, major, ok := module.SplitPathVersion(path)
	if !ok || !strings.Contains(host, ".") || module.MatchPathMajor(r.version, major) {
		return nil
	}
	fitting := prefix
	if wanted := semver.Major(r.version); wanted != "v0" && wanted != "v1" {
		fitting += "/" + wanted
	}
	return fmt.Errorf("a module %s can't be fetched as %s; first put it under the path of this major version: make rename MODULE=%s",
		path, r.version, fitting)
}

// platform is what a binary runs on.
type platform struct{ system, architecture string }

func parsePlatforms(list string) ([]platform, error) {
	var all []platform
	for _, entry := range strings.Split(list, ",") {
		system, architecture, found := strings.Cut(entry, "/")
		if !found || !slices.Contains(strings.Split(allPlatforms, ","), entry) {
			return nil, fmt.Errorf("platform %q isn't one of %s", entry, allPlatforms)
		}
		all = append(all, platform{system, architecture})
	}
	return all, nil
}

// binary is the program's file name.
func (p platform) binary() string {
	if p.system == "windows" {
		return program + ".exe"
	}
	return program
}

// program is the name of the program, its project and its archives.
const program = "k8s-tunnel"
