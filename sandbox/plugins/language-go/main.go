// Command pulumi-language-go stands in front of Pulumi's Go language host and lets it keep the
// program that it compiles, or run one that was prepared.
//
// The newest language host that can be had as a Go module compiles and links the program anew at
// every run, which takes seconds and more than a gigabyte of memory. The host has a flag that
// names a lasting target, but no way to set it from a project or the environment. This command adds
// the flag and becomes the host. `go build` then decides whether the target is still up to date, so
// a stale program can't run, and compile errors reach the user in the way they always do.
//
// That host also learns of a prepared binary from a flag, where today's Pulumi tells its host with
// each call. This command reads it from Pulumi.yaml.
package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"gopkg.in/yaml.v3"
)

// programVariable names the file in which the project's compiled program is kept. It counts only for
// the project in whose folder it lies: two projects that share a target would run each other's
// program.
const programVariable = "SANDBOX_PROGRAM"

// buildEnvironment makes the host's `go build` do what the toolchain did when it prepared the
// program, because other flags would mean compiling the SDKs again.
var buildEnvironment = []string{
	"CGO_ENABLED=0",
	"GOWORK=off",
	"GOAMD64=",
	"GOARM64=",
	"GOEXPERIMENT=",
	"GOFLAGS=-mod=readonly -trimpath -buildvcs=false '-gcflags=all=-dwarf=false -l' -gcflags=std=-dwarf=false '-ldflags=-s -w'",
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pulumi-language-go:", err)
		os.Exit(1)
	}
}

func run() error {
	self, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding the real language host: %w", err)
	}
	host := filepath.Join(filepath.Dir(self), "..", "libexec", "pulumi-language-go")
	project, err := os.Getwd()
	if err != nil {
		return fmt.Errorf("finding the project's folder: %w", err)
	}
	args, env := os.Args[1:], os.Environ()
	binary, err := preparedBinary(project)
	if err != nil {
		return err
	}
	if binary != "" {
		args = append([]string{"-binary=" + binary}, args...)
	}
	if target := os.Getenv(programVariable); keeps(target, project, args) {
		args = append([]string{"-buildTarget=" + target}, args...)
		// Beside the target the finished program can be renamed into place, so that nobody ever
		// starts half of it.
		env = override(env, append(buildEnvironment, "GOTMPDIR="+filepath.Dir(target)))
	}
	return fmt.Errorf("starting %s: %w", host, syscall.Exec(host, append([]string{host}, args...), env))
}

// preparedBinary is the project's option runtime.options.binary, if it has one.
func preparedBinary(project string) (string, error) {
	raw, err := os.ReadFile(filepath.Join(project, "Pulumi.yaml"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // Pulumi starts hosts outside of projects too
	} else if err != nil {
		return "", fmt.Errorf("reading the project: %w", err)
	}
	var settings struct{ Runtime yaml.Node }
	if err := yaml.Unmarshal(raw, &settings); err != nil {
		return "", fmt.Errorf("reading the project: %w", err)
	}
	var runtime struct{ Options struct{ Binary string } }
	if settings.Runtime.Kind == yaml.MappingNode { // and not the runtime's name alone
		if err := settings.Runtime.Decode(&runtime); err != nil {
			return "", fmt.Errorf("reading the project's options: %w", err)
		}
	}
	return runtime.Options.Binary, nil
}

// keeps reports whether target can hold the program of project: it lies below it, its folder exists,
// and nobody has said already where the program comes from.
func keeps(target, project string, args []string) bool {
	if !filepath.IsAbs(target) {
		return false
	}
	for _, arg := range args {
		name, _, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if strings.HasPrefix(arg, "-") && (name == "binary" || name == "buildTarget") {
			return false
		}
	}
	folder, err := filepath.EvalSymlinks(filepath.Dir(target))
	if err != nil {
		return false
	}
	project, err = filepath.EvalSymlinks(project)
	if err != nil {
		return false
	}
	below, err := filepath.Rel(project, folder)
	return err == nil && filepath.IsLocal(below)
}

// override gives env with the variables of values in place of those of the same name. Exec passes
// doubles on as they are, and then the first one counts.
func override(env, values []string) []string {
	names := map[string]bool{}
	for _, value := range values {
		name, _, _ := strings.Cut(value, "=")
		names[name] = true
	}
	var kept []string
	for _, variable := range env {
		if name, _, _ := strings.Cut(variable, "="); !names[name] {
			kept = append(kept, variable)
		}
	}
	return append(kept, values...)
}
