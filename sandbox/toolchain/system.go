package toolchain

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
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
	unlock, err := Lock(ctx, root, "system", func() {})
	if err != nil {
		return err
	}
	defer unlock()
	if absent = missing(absent); len(absent) == 0 {
		return nil
	}
	say("installing Debian packages, which will stay on this machine: %s", strings.Join(names, " "))
	// Another apt-get may be at work: the system's own, or one that outlived its run.
	args := append([]string{"install", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=60"}, names...)
	if err := aptGet(ctx, root, say, args...); err != nil {
		// A new machine has no lists of packages, or outdated ones.
		if err := aptGet(ctx, root, say, "update"); err != nil {
			return fmt.Errorf("installing %s: %w", strings.Join(names, ", "), err)
		}
		if err := aptGet(ctx, root, say, args...); err != nil {
			return fmt.Errorf("installing %s: %w", strings.Join(names, ", "), err)
		}
	}
	return nil
}

// systemPath is where programs for root are, which are on the search path of a login as root only.
const systemPath = "/usr/local/sbin:/usr/sbin:/sbin"

// aptGet runs apt-get to its end, whatever becomes of ctx and this process: dpkg has to be repaired by
// hand when it was interrupted.
func aptGet(ctx context.Context, root string, say func(string, ...any), args ...string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	defer context.AfterFunc(ctx, func() { say("waiting for apt-get %s, which must not be interrupted", args[0]) })()
	cmd := exec.Command("apt-get", args...)
	// dpkg refuses to work if it doesn't find the programs of scripts in packages.
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "PATH="+os.Getenv("PATH")+":"+systemPath)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} // the terminal's Ctrl-C doesn't get there
	return logged(cmd, filepath.Join(logDir(root), "apt-get-"+args[0]+".log"), cmd.Run)
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

// hasCommand reports whether a program is installed, perhaps only for root.
func hasCommand(name string) bool {
	if _, err := exec.LookPath(name); err == nil {
		return true
	}
	return slices.ContainsFunc(filepath.SplitList(systemPath), func(dir string) bool { return isFile(filepath.Join(dir, name)) })
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}
