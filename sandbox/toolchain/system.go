package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// requirement is something that has to come from the system, because no Go module provides it.
type requirement struct {
	debian  string // the package that contains it
	why     string
	present func() bool
}

// requirements are those of the node, and of building runc if that has to be done.
func requirements(buildRunc bool) []requirement {
	needed := []requirement{{
		debian: "nftables", why: "the node's services and network policies are rules for nft",
		present: func() bool { return hasCommand("nft") },
	}}
	if !buildRunc {
		return needed
	}
	return append(needed, requirement{
		debian: "gcc", why: "runc is partly written in C",
		present: func() bool { return hasCommand("gcc") || hasCommand("cc") },
	}, requirement{
		debian: "libc6-dev", why: "runc is partly written in C",
		present: func() bool { return isFile("/usr/include/stdlib.h") },
	}, requirement{
		debian: "pkg-config", why: "building runc asks it for libseccomp",
		present: func() bool { return hasCommand("pkg-config") },
	}, requirement{
		debian: "libseccomp-dev", why: "runc filters system calls with it",
		present: func() bool { return exec.Command("pkg-config", "--exists", "libseccomp").Run() == nil },
	})
}

func missing(needed []requirement) []requirement {
	var absent []requirement
	for _, one := range needed {
		if !one.present() {
			absent = append(absent, one)
		}
	}
	return absent
}

// provideSystem installs what is missing where that is possible without asking, on Debian as root,
// and says so. Elsewhere the error says what to do.
func provideSystem(ctx context.Context, root string, absent []requirement, say func(string, ...any)) error {
	if len(absent) == 0 {
		return nil
	}
	names := make([]string, len(absent))
	for i, one := range absent {
		names[i] = one.debian
	}
	if !hasCommand("apt-get") || os.Geteuid() != 0 {
		return adviseSystem(absent, names)
	}
	unlock, err := lock(ctx, root, "system", func() {})
	if err != nil {
		return err
	}
	defer unlock()
	if absent = missing(absent); len(absent) == 0 {
		return nil
	}
	say("installing Debian packages, which will stay on this machine: %s", strings.Join(names, " "))
	args := append([]string{"install", "-y", "--no-install-recommends"}, names...)
	if err := aptGet(ctx, root, args...); err != nil {
		// A new machine has no lists of packages, or outdated ones.
		if err := aptGet(ctx, root, "update"); err != nil {
			return fmt.Errorf("installing %s: %w", strings.Join(names, ", "), err)
		}
		if err := aptGet(ctx, root, args...); err != nil {
			return fmt.Errorf("installing %s: %w", strings.Join(names, ", "), err)
		}
	}
	return nil
}

func aptGet(ctx context.Context, root string, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", args...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	return runLogged(cmd, filepath.Join(logDir(root), "apt-get-"+args[0]+".log"), func() {})
}

// adviseSystem returns the error for users who have to install what is missing themselves.
func adviseSystem(absent []requirement, names []string) error {
	problems := make([]error, 0, len(absent)+1)
	for _, one := range absent {
		problems = append(problems, fmt.Errorf("%s is missing: %s", one.debian, one.why))
	}
	advice := "install the packages that hold them"
	if hasCommand("apt-get") {
		advice = "run: sudo apt-get install " + strings.Join(names, " ")
	}
	return errors.Join(append(problems, errors.New(advice))...)
}

// hasCommand reports whether a program is installed, including directories that are only on root's
// search path.
func hasCommand(name string) bool {
	if _, err := exec.LookPath(name); err == nil {
		return true
	}
	return isFile(filepath.Join("/usr/sbin", name)) || isFile(filepath.Join("/sbin", name))
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
