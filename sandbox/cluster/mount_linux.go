package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// systemDirs are what the node sees of the machine: programs (nft, mount and what they need),
// libraries and settings, all of them read-only. What was built with Nix has its libraries in
// /nix.
var systemDirs = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/nix"}

// kernelTunables are machine-wide settings that the kubelet wants to change. The node sees files
// with the values that it wants in their place, so that the machine stays as it is.
var kernelTunables = map[string]string{
	"vm/overcommit_memory":      "1",
	"vm/panic_on_oom":           "0",
	"kernel/panic":              "10",
	"kernel/panic_on_oops":      "1",
	"kernel/keys/root_maxkeys":  "1000000",
	"kernel/keys/root_maxbytes": "25000000",
}

// enterRoot gives the calling process, the first in new mount and pid namespaces, a root of its
// own: a tmpfs with the machine's programs read-only, fresh /proc and /sys, and the node's
// directory as the only writable place on disk.
func enterRoot(c Config) error {
	// Mounts made here must not appear outside, and must not hold up unmounting there.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return fmt.Errorf("parting from the machine's mounts: %w", err)
	}
	root := c.path(rootDir)
	if err := mountAt("tmpfs", root, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	if err := showSystem(root); err != nil {
		return err
	}
	for _, dir := range []string{"run", "tmp", "root", "var/lib", "var/log", "var/tmp", "old"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			return fmt.Errorf("preparing the node's root: %w", err)
		}
	}
	if err := os.Symlink("/run", filepath.Join(root, "var/run")); err != nil {
		return fmt.Errorf("preparing the node's root: %w", err)
	}
	// The programs come first, because they may be below the directory, and the directory below
	// /tmp.
	if err := bind(c.BinDir, filepath.Join(root, c.BinDir), 0, true); err != nil {
		return err
	}
	// Not recursively, because the new root itself is mounted in there.
	if err := bind(c.Dir, filepath.Join(root, c.Dir), 0, false); err != nil {
		return err
	}
	for dir, target := range map[string]string{kubeletDir: kubeletRoot, podLogsDir: podLogsRoot} {
		if err := bind(c.path(dir), filepath.Join(root, target), 0, false); err != nil {
			return err
		}
	}
	return pivot(root)
}

// showSystem mounts what comes from the machine and from the kernel below root.
func showSystem(root string) error {
	for _, dir := range systemDirs {
		info, err := os.Lstat(dir)
		switch {
		case errors.Is(err, os.ErrNotExist):
			continue
		case err != nil:
			return fmt.Errorf("preparing the node's root: %w", err)
		case info.Mode()&os.ModeSymlink != 0: // /bin -> usr/bin
			target, err := os.Readlink(dir)
			if err == nil {
				err = os.Symlink(target, filepath.Join(root, dir))
			}
			if err != nil {
				return fmt.Errorf("preparing the node's root: %w", err)
			}
		default:
			if err := bind(dir, filepath.Join(root, dir), unix.MS_REC, true); err != nil {
				return err
			}
		}
	}
	if err := bind("/dev", filepath.Join(root, "dev"), unix.MS_REC, false); err != nil {
		return err
	}
	if err := mountAt("proc", filepath.Join(root, "proc"), "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	// A new instance shows the interfaces of the node's network namespace.
	if err := mountAt("sysfs", filepath.Join(root, "sys"), "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return err
	}
	return bind(cgroupRoot, filepath.Join(root, cgroupRoot), unix.MS_REC, false)
}

// pivot makes root the root directory and detaches the old one.
func pivot(root string) error {
	if err := unix.PivotRoot(root, filepath.Join(root, "old")); err != nil {
		return fmt.Errorf("changing to the node's root: %w", err)
	}
	if err := unix.Chdir("/"); err != nil {
		return fmt.Errorf("changing to the node's root: %w", err)
	}
	if err := unix.Unmount("/old", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("leaving the machine's root: %w", err)
	}
	if err := os.Remove("/old"); err != nil {
		return fmt.Errorf("leaving the machine's root: %w", err)
	}
	// Kubernetes propagates mounts between containers and expects to be allowed to.
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("sharing mounts within the node: %w", err)
	}
	return nil
}

// hideTunables mounts files over the machine's settings.
func hideTunables() error {
	for name, value := range kernelTunables {
		target := filepath.Join("/proc/sys", name)
		if _, err := os.Stat(target); errors.Is(err, os.ErrNotExist) {
			continue
		}
		file := filepath.Join("/run/sysctl", strings.ReplaceAll(name, "/", "."))
		err := os.MkdirAll(filepath.Dir(file), 0o755)
		if err == nil {
			err = os.WriteFile(file, []byte(value+"\n"), 0o644)
		}
		if err == nil {
			err = unix.Mount(file, target, "", unix.MS_BIND, "")
		}
		if err != nil {
			return fmt.Errorf("hiding the machine's setting %s: %w", name, err)
		}
	}
	return nil
}

func mountAt(source, target, kind string, flags uintptr, data string) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("mounting %s: %w", kind, err)
	}
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mounting %s on %s: %w", kind, target, err)
	}
	return nil
}

// bind shows a directory at a second place, with unix.MS_REC including everything that is mounted
// in it.
func bind(source, target string, recursive uintptr, readOnly bool) error {
	if err := os.MkdirAll(target, 0o755); err != nil {
		return fmt.Errorf("showing %s in the node: %w", source, err)
	}
	if err := unix.Mount(source, target, "", unix.MS_BIND|recursive, ""); err != nil {
		return fmt.Errorf("showing %s in the node: %w", source, err)
	}
	if !readOnly {
		return nil
	}
	err := unix.MountSetattr(unix.AT_FDCWD, target, unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: unix.MOUNT_ATTR_RDONLY})
	if errors.Is(err, unix.ENOSYS) { // before Linux 5.12; mounts further down stay writable then
		err = unix.Mount("", target, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY, "")
	}
	if err != nil {
		return fmt.Errorf("showing %s read-only in the node: %w", source, err)
	}
	return nil
}
