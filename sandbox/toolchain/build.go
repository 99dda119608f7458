package toolchain

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/renameio/v2"

	"k8s-tunnel/sandbox/toolchain/edited"
)

// tailLines is how much of a failed build's output is repeated in the error.
const tailLines = 15

// build compiles t and installs its binaries. The compiler's output goes into a log. started learns
// of the process that compiles.
func (t target) build(ctx context.Context, root, key string, pace pace, started func(*os.Process)) (Cost, error) {
	scratch, err := t.makeScratch(root)
	if err != nil {
		return Cost{}, fmt.Errorf("making a directory to build %s in: %w", t.name, err)
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	if t.edited {
		if err := edited.Make(ctx, EditedDir(root), t.module, buildEnvironment(os.Environ(), false)); err != nil {
			return Cost{}, err
		}
	}
	output := filepath.Join(scratch, "out")
	args, err := t.args(ctx, root, scratch, output, pace.processes)
	if err != nil {
		return Cost{}, err
	}
	cmd, start := t.goCmd(ctx, root, args...), time.Now()
	if pace.yields {
		giveWay(cmd)
	}
	// Compiled packages pass through it, and many distributions have /tmp in memory.
	cmd.Env = append(cmd.Env, "GOTMPDIR="+scratch)
	err = runLogged(cmd, filepath.Join(logDir(root), "build-"+t.name+".log"), func() { started(cmd.Process) })
	cost := costOf(cmd, start)
	if ctx.Err() != nil {
		return cost, fmt.Errorf("building %s: %w", t.name, ctx.Err())
	}
	if err != nil {
		return cost, fmt.Errorf("building %s: %w", t.name, err)
	}
	return cost, t.install(root, output, key, cost)
}

// makeScratch makes a fresh directory for a build of t, with one for its output, and removes what a
// killed run left. Its name is new each time, so that a compiler that outlived its run can't put an
// older binary into it.
func (t target) makeScratch(root string) (string, error) {
	parent := filepath.Join(stateDir(root), "build")
	remains, err := fs.Glob(os.DirFS(parent), t.name+".*")
	if err != nil {
		return "", err
	}
	for _, name := range remains {
		if err := os.RemoveAll(filepath.Join(parent, name)); err != nil {
			return "", err
		}
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp(parent, t.name+".")
	if err != nil {
		return "", err
	}
	return scratch, os.Mkdir(filepath.Join(scratch, "out"), 0o755)
}

// The flags with which every Go package here is compiled. Whatever compiles the same packages has to
// use the same ones, or it compiles them a second time. The Makefile, for tests and linters, and the
// language host, for the program, can't ask for them and repeat them.
var (
	// PlainFlags leave out what would tell machines apart, and debug data, which the linker drops
	// anyway.
	PlainFlags = []string{"-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false"}
	// LeanFlags also leave out the inlining of functions, save in the standard library. That spares
	// a quarter of the compiling and costs a tenth of the speed.
	LeanFlags = []string{"-trimpath", "-buildvcs=false", "-gcflags=all=-dwarf=false -l", "-gcflags=std=-dwarf=false"}
)

// GoFlags returns the environment variable that gives flags to every go command.
func GoFlags(flags ...string) string {
	quoted := slices.Clone(flags)
	for i, flag := range flags {
		if strings.Contains(flag, " ") {
			quoted[i] = "'" + flag + "'"
		}
	}
	return "GOFLAGS=" + strings.Join(quoted, " ")
}

// flags returns the flags that decide what t becomes.
func (t target) flags() []string {
	flags := LeanFlags
	if t.fast {
		flags = PlainFlags
	}
	flags = append(slices.Clone(flags), "-ldflags="+strings.TrimSpace("-s -w "+t.ldflags))
	if t.tags != "" {
		flags = append(flags, "-tags="+t.tags)
	}
	return flags
}

// args returns the arguments of `go` that build t into the directory output.
func (t target) args(ctx context.Context, root, scratch, output string, processes int) ([]string, error) {
	args := append([]string{"build"}, t.flags()...)
	// Each compiler keeps to one processor, see goCmd.
	args = append(args, "-p", fmt.Sprint(cmp.Or(processes, runtime.GOMAXPROCS(0))))
	if len(t.embeds) > 0 {
		overlay, err := t.writeOverlay(ctx, root, scratch)
		if err != nil {
			return nil, err
		}
		args = append(args, "-overlay", overlay)
	}
	if t.as != "" {
		output = filepath.Join(output, t.as)
	} else {
		output += string(filepath.Separator)
	}
	return append(append(args, "-o", output), t.packages...), nil
}

// writeOverlay writes the file that tells `go build` where the embedded files of t really are.
func (t target) writeOverlay(ctx context.Context, root, scratch string) (string, error) {
	replace := map[string]string{}
	for _, embed := range t.embeds {
		if !t.edited { // otherwise it is a copy, which has been made
			if output, err := t.goCmd(ctx, root, "mod", "download", embed.module).CombinedOutput(); err != nil {
				return "", fmt.Errorf("fetching %s for %s: %w: %s", embed.module, t.name, err, bytes.TrimSpace(output))
			}
		}
		cmd := t.goCmd(ctx, root, "list", "-m", "-f", "{{.Dir}}", embed.module)
		output, err := cmd.Output()
		if err != nil {
			return "", fmt.Errorf("finding %s for %s: %w", embed.module, t.name, withStderr(err))
		}
		dir := strings.TrimSpace(string(output))
		replace[filepath.Join(root, t.module, embed.name)] = filepath.Join(dir, filepath.FromSlash(embed.file))
	}
	content, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return "", fmt.Errorf("describing the embedded files of %s: %w", t.name, err)
	}
	path := filepath.Join(scratch, "overlay.json")
	if err := writeFile(path, content); err != nil {
		return "", fmt.Errorf("describing the embedded files of %s: %w", t.name, err)
	}
	return path, nil
}

func (t target) goCmd(ctx context.Context, root string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(root, t.module)
	cmd.Env = buildEnvironment(os.Environ(), t.cgo, "PWD="+cmd.Dir, garbageSetting(availableMemory()),
		// Compilers side by side do more than one that shares its work out.
		"GOMAXPROCS=1")
	// When interrupted, go ends its compilers and removes its temporary files.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 10 * time.Second
	return cmd
}

// install moves finished binaries from the directory output into place and records their key.
func (t target) install(root, output, key string, cost Cost) error {
	if err := os.MkdirAll(t.destination(root), 0o755); err != nil {
		return fmt.Errorf("making the directory for %s: %w", t.name, err)
	}
	if err := t.dropStamp(root); err != nil {
		return err
	}
	for _, name := range t.binaries() {
		// A rename, so that a running old binary goes on and an incomplete new one is never
		// started.
		if err := os.Rename(filepath.Join(output, name), filepath.Join(t.destination(root), name)); err != nil {
			return fmt.Errorf("installing %s: %w", name, err)
		}
	}
	for name, binary := range t.links {
		if err := renameio.Symlink(binary, filepath.Join(t.destination(root), name)); err != nil {
			return fmt.Errorf("linking %s to %s: %w", name, binary, err)
		}
	}
	return t.writeStamp(root, key, cost)
}

// runLogged runs cmd with its output in the file log, tied to this process.
func runLogged(cmd *exec.Cmd, log string, started func()) error {
	return logged(cmd, log, func() error { return runTied(cmd, started) })
}

// logged calls run, which runs cmd, with cmd's output in the file log. If it fails, the error ends
// with the log's last lines and says where the rest is.
func logged(cmd *exec.Cmd, log string, run func() error) error {
	if err := os.MkdirAll(filepath.Dir(log), 0o755); err != nil {
		return fmt.Errorf("making the directory for logs: %w", err)
	}
	file, err := os.Create(log)
	if err != nil {
		return fmt.Errorf("opening a log: %w", err)
	}
	defer file.Close()
	fmt.Fprintf(file, "%s\n", strings.Join(cmd.Args, " "))
	cmd.Stdout, cmd.Stderr = file, file
	if err := run(); err != nil {
		return fmt.Errorf("%w\n%s\n(all of it is in %s)", err, tail(log, tailLines), log)
	}
	return nil
}

// tail returns the last lines of the log at path, indented, without the command in its first line.
func tail(path string, count int) string {
	content, err := os.ReadFile(path)
	if err != nil {
		return "    " + err.Error()
	}
	lines := bytes.Split(bytes.TrimSpace(content), []byte("\n"))[1:]
	lines = lines[max(0, len(lines)-count):]
	return "    " + string(bytes.Join(lines, []byte("\n    ")))
}

// withStderr adds a failed command's error output to its error.
func withStderr(err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && len(exit.Stderr) > 0 {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(exit.Stderr))
	}
	return err
}
