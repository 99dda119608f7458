package main

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"k8s-tunnel/sandbox/toolchain"
)

// flags are all that decides what the compiler makes of the source. Those without inlining and debug
// data are the ones that the Makefile uses, whose results are in the cache already. They cost the
// program nothing that counts, because it waits for others most of the time, and compiling takes a
// third less memory.
//
// The build's ID is the same wherever it is built. It isn't empty, because the linker makes the UUID by
// which macOS knows a program, LC_UUID, from it.
func (r *release) flags(p platform) []string {
	id := strings.Join([]string{program, r.version, p.system, p.architecture}, "/")
	return slices.Concat([]string{"-mod=readonly", "-ldflags=-s -w -buildid=" + id}, toolchain.LeanFlags)
}

// kept are the settings of the go command that say where it keeps and finds things, and which version it
// is. They don't decide what is built.
var kept = []string{
	"GOAUTH", "GOCACHE", "GOCACHEPROG", "GOINSECURE", "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOPATH", "GOPRIVATE", "GOPROXY",
	"GOSUMDB", "GOTMPDIR", "GOTOOLCHAIN", "GOVCS",
}

// ofRuntime are variables of every Go program.
var ofRuntime = []string{"GOGC", "GOMAXPROCS", "GOMEMLIMIT"}

// environment is that of the go command: what it keeps and where it downloads from is the user's, what
// it builds isn't.
func (r *release) environment(ctx context.Context, p platform) ([]string, error) {
	var env []string
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if slices.Contains(ofRuntime, name) || name == "GOROOT" || !strings.HasPrefix(name, "GO") && !strings.HasPrefix(name, "CGO_") {
			env = append(env, variable)
		}
	}
	// Without the user's file, which `go env -w` writes, the values that are kept have to be said.
	settings, err := r.settings(ctx)
	if err != nil {
		return nil, err
	}
	env = append(env, settings...)
	env = append(env, "GOENV=off", "GOFLAGS=-mod=readonly", "GOWORK=off", "CGO_ENABLED=0", "GOAMD64=v1", "GOARM64=v8.0", "GOFIPS140=off")
	if p != (platform{}) {
		env = append(env, "GOOS="+p.system, "GOARCH="+p.architecture)
	}
	if r.cache != "" {
		env = append(env, "GOCACHE="+r.cache)
	}
	return env, nil
}

// settings are the user's that are kept, wherever they come from.
func (r *release) settings(ctx context.Context) ([]string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", append([]string{"env", "-json"}, kept...)...)
	cmd.Dir, cmd.Stderr = r.root, &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w\n%s", err, stderr.Bytes())
	}
	var values map[string]string
	if err := json.Unmarshal(out, &values); err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	var settings []string
	for _, name := range kept {
		if values[name] != "" {
			settings = append(settings, name+"="+values[name])
		}
	}
	return settings, nil
}

// build writes all files of the release. Files of other versions stay.
func (r *release) build(ctx context.Context) error {
	notes, err := r.cutChangelog(ctx)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(r.out, 0o755); err != nil {
		return err
	}
	files := []string{program + "_" + r.version + "_changes.md", templateArchive}
	if err := os.WriteFile(filepath.Join(r.out, files[0]), []byte(notes), 0o644); err != nil {
		return err
	}
	if err := r.writeTemplate(ctx); err != nil {
		return err
	}
	for _, p := range r.platforms {
		made, err := r.buildFor(ctx, p)
		if err != nil {
			return fmt.Errorf("%s/%s: %w", p.system, p.architecture, err)
		}
		files = append(files, made...)
	}
	return r.writeChecksums(files)
}

// buildFor builds for one platform and returns the names of the files that it wrote.
func (r *release) buildFor(ctx context.Context, p platform) ([]string, error) {
	folder, err := os.MkdirTemp("", program+"-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(folder)
	binary := filepath.Join(folder, p.binary())
	env, err := r.environment(ctx, p)
	if err != nil {
		return nil, err
	}
	fmt.Printf("building for %s/%s\n", p.system, p.architecture)
	cmd := exec.CommandContext(ctx, "go", slices.Concat([]string{"build"}, r.flags(p), []string{"-o", binary, "."})...)
	cmd.Dir, cmd.Env = r.root, env
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build: %w\n%s", err, out)
	}
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	notices, err := r.notices(ctx, env, info)
	if err != nil {
		return nil, err
	}
	files, err := r.projectFiles(binary, p)
	if err != nil {
		return nil, err
	}
	files = append(files, file{noticesFile, notices, 0o644})
	name := strings.Join([]string{program, r.version, p.system, p.architecture}, "_")
	pack, extension := tarGzip, ".tar.gz"
	if p.system == "windows" {
		pack, extension = zipped, ".zip"
	}
	archive, err := pack(name, files)
	if err != nil {
		return nil, err
	}
	bill, err := billOfMaterials(info, r.version, files[0].content)
	if err != nil {
		return nil, err
	}
	for extension, content := range map[string][]byte{extension: archive, billExtension: bill} {
		if err := os.WriteFile(filepath.Join(r.out, name+extension), content, 0o644); err != nil {
			return nil, err
		}
	}
	return []string{name + extension, name + billExtension}, nil
}

// projectFiles are a Pulumi project that runs the binary, which comes first.
func (r *release) projectFiles(binary string, p platform) ([]file, error) {
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, err
	}
	project, err := r.project()
	if err != nil {
		return nil, err
	}
	project, err = replaceOnce(project, "runtime: go\n", "runtime:\n  name: go\n  options:\n    binary: "+p.binary()+"\n")
	if err != nil {
		return nil, err
	}
	license, err := os.ReadFile(filepath.Join(r.root, "LICENSE"))
	if err != nil {
		return nil, err
	}
	modules, err := os.ReadFile(filepath.Join(r.root, "go.mod"))
	if err != nil {
		return nil, err
	}
	return []file{
		{p.binary(), content, 0o755},
		{"LICENSE", license, 0o644},
		{"Pulumi.yaml", []byte(project), 0o644},
		{"README.md", binaryReadme, 0o644},
		{"go.mod", fmt.Appendf(nil, moduleOfBinary, modfile.ModulePath(modules)), 0o644},
	}, nil
}

// moduleOfBinary is for Pulumi, which asks the go command for the modules of what it runs, and would find
// those of a folder above. It has none, and the version of the oldest go command that will do.
const moduleOfBinary = "// Nothing is compiled here, so that no modules are needed.\nmodule %s\n\ngo 1.18\n"
