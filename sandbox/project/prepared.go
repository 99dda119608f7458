package project

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"k8s-tunnel/sandbox/toolchain"
	"k8s-tunnel/sandbox/world"
)

// Prepare builds a release for this machine and unpacks it in a world's directory: a project that runs
// a prepared binary and compiles nothing. It goes with the world.
func Prepare(ctx context.Context, w *world.World) (*Project, error) {
	const version = "v0.0.0-local"
	name := fmt.Sprintf("k8s-tunnel_%s_%s_%s", version, runtime.GOOS, runtime.GOARCH)
	folder := filepath.Join(w.Dir(), "release")
	build := exec.CommandContext(ctx, "go", "run", "./release", "build", "-version", version,
		"-platforms", runtime.GOOS+"/"+runtime.GOARCH, "-out", folder)
	build.Dir = filepath.Join(w.Root, "sandbox")
	// The flags of the clone's own commands for this module.
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", toolchain.GoFlags(toolchain.PlainFlags...))
	unpack := exec.CommandContext(ctx, "tar", "-xzf", name+".tar.gz")
	unpack.Dir = folder
	for _, cmd := range []*exec.Cmd{build, unpack} {
		if out, err := cmd.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("preparing a binary: %w:\n%s", err, out)
		}
	}
	return &Project{World: w, Dir: filepath.Join(folder, name)}, nil
}
