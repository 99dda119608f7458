package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// enabledAttribute is the attribute of the root group with the controllers that nodes have enabled
// in it. It is where all clones of the project see it, and like them it doesn't outlive a boot.
const enabledAttribute = "trusted.k8s-tunnel.enabled"

// lockGroup keeps other nodes that are created or removed away from a group until the returned
// function is called.
func lockGroup(dir string) (unlock func(), err error) {
	handle, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	for {
		err := unix.Flock(int(handle.Fd()), unix.LOCK_EX)
		if err == nil {
			return func() { _ = handle.Close() }, nil
		}
		if !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), handle.Close())
		}
	}
}

// noteEnabled notes the controllers that a node is about to enable in the root group, in addition
// to those of other nodes: all that the machine has, because runc and containerd enable them for their
// containers. Those that are enabled already by the machine aren't ours to disable.
func noteEnabled(root string, available []string) error {
	raw, err := os.ReadFile(filepath.Join(root, "cgroup.subtree_control"))
	if err != nil {
		return err
	}
	enabled, ours := strings.Fields(string(raw)), notedControllers(root)
	for _, controller := range available {
		if !slices.Contains(enabled, controller) && !slices.Contains(ours, controller) {
			ours = append(ours, controller)
		}
	}
	if len(ours) > 0 {
		// Where the kernel keeps no such attributes, the controllers stay enabled.
		_ = unix.Setxattr(root, enabledAttribute, []byte(strings.Join(ours, " ")), 0)
	}
	return nil
}

func notedControllers(root string) []string {
	value := make([]byte, 256)
	n, err := unix.Getxattr(root, enabledAttribute, value)
	if err != nil {
		return nil
	}
	return strings.Fields(string(value[:n]))
}

// disableNoted disables the controllers that nodes have enabled in the root group, once the last
// node is gone. One that something else hands on by now stays.
func disableNoted(root string) error {
	ours := notedControllers(root)
	if len(ours) == 0 {
		return nil
	}
	unlock, err := lockGroup(root)
	if err != nil {
		return fmt.Errorf("disabling controllers: %w", err)
	}
	defer unlock()
	if nodes, err := filepath.Glob(filepath.Join(root, "k8st*")); err != nil || len(nodes) > 0 {
		return err
	}
	for _, controller := range ours {
		err := writeControl(filepath.Join(root, "cgroup.subtree_control"), "-"+controller)
		if err != nil && !errors.Is(err, syscall.EBUSY) {
			return fmt.Errorf("disabling the controller %s: %w", controller, err)
		}
	}
	if err := unix.Removexattr(root, enabledAttribute); err != nil && !errors.Is(err, unix.ENODATA) {
		return fmt.Errorf("disabling controllers: %w", err)
	}
	return nil
}
