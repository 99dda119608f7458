package toolchain

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/semver"
)

// minimumGo is the version in the modules' go lines. Go itself checks it too, but only in the
// middle of a build and for one module at a time.
const minimumGo = "1.26.6"

// passed are the Go variables that say where things come from and where they are kept. Others,
// which could change what is built, are left out.
var passed = []string{
	"GOROOT", "GOPATH", "GOMODCACHE", "GOCACHE", "GOENV", "GOPROXY", "GOSUMDB", "GONOSUMDB", "GONOPROXY",
	"GOPRIVATE", "GOINSECURE", "GOAUTH", "GOVCS", "GOTELEMETRY", "GOTELEMETRYDIR",
}

// goSettings are the `go` command's settings.
type goSettings struct {
	GOVERSION, GOARCH, GOOS string
	GOMODCACHE, GOCACHE     string
}

// buildEnvironment returns the variables for `go`, derived from the user's: the same on every
// machine except for caches, proxies and the path to the C compiler.
func buildEnvironment(user []string, cgo bool, extra ...string) []string {
	var env []string
	for _, variable := range user {
		name, _, _ := strings.Cut(variable, "=")
		if keepVariable(name) {
			env = append(env, variable)
		}
	}
	enabled := "CGO_ENABLED=0"
	if cgo {
		enabled = "CGO_ENABLED=1"
	}
	// GOFLAGS must not be empty, or the value set with `go env -w` would apply.
	env = append(env, enabled, "GO111MODULE=on", "GOWORK=off", "GOTOOLCHAIN=local", "GOFLAGS=-mod=readonly")
	return append(env, extra...)
}

// HostEnvironment returns the variables with which the language host of the user's own Pulumi compiles
// programs as the toolchain does: with others, the SDKs would be compiled again. The language host built
// here needs none.
func HostEnvironment(root string) []string {
	info, err := os.Lstat(filepath.Join(BinDir(root), "pulumi"))
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		return nil
	}
	return []string{
		"CGO_ENABLED=0", "GOWORK=off", "GOAMD64=", "GOARM64=", "GOEXPERIMENT=",
		GoFlags(slices.Concat([]string{"-mod=readonly"}, LeanFlags, []string{"-ldflags=-s -w"})...),
	}
}

func keepVariable(name string) bool {
	for _, keep := range passed {
		if name == keep {
			return true
		}
	}
	// For another system or with other compiler flags, the result would be another tool.
	return !strings.HasPrefix(name, "GO") && !strings.HasPrefix(name, "CGO_") && name != "GCCGO"
}

// roomyMemory is the memory in GiB above which compilers may collect garbage less often: twice what
// the largest build needs.
const roomyMemory = 14

// garbageSetting returns the variable that says how often compilers collect garbage. With plenty of
// memory they do so less often, which saves a quarter of their time for a quarter more memory, as
// measured with k8s.io/api/core/v1.
func garbageSetting(available float64) string {
	if available < roomyMemory {
		return "GOGC=100"
	}
	return "GOGC=300"
}

// askGo returns the installed Go's settings, and an error if it is too old.
func askGo(ctx context.Context) (goSettings, error) {
	var settings goSettings
	if _, err := exec.LookPath("go"); err != nil {
		return settings, fmt.Errorf("building the tools needs Go %s or newer: %w", minimumGo, err)
	}
	cmd := exec.CommandContext(ctx, "go", "env", "-json", "GOVERSION", "GOARCH", "GOOS", "GOMODCACHE", "GOCACHE")
	cmd.Env = buildEnvironment(os.Environ(), false)
	output, err := cmd.Output()
	if err != nil {
		return settings, fmt.Errorf("asking go for its settings: %w", err)
	}
	if err := json.Unmarshal(output, &settings); err != nil {
		return settings, fmt.Errorf("reading go's settings: %w", err)
	}
	return settings, checkGo(settings.GOVERSION)
}

func checkGo(version string) error {
	number, _, _ := strings.Cut(strings.TrimPrefix(version, "go"), " ")
	if !semver.IsValid("v" + number) {
		return nil // a development build: its own check of the go lines is enough
	}
	if semver.Compare("v"+number, "v"+minimumGo) < 0 {
		return fmt.Errorf("building the tools needs Go %s or newer, and this is %s", minimumGo, number)
	}
	return nil
}
