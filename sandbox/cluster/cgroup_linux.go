package cluster

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// cgroupRoot is where all distributions mount control groups.
const cgroupRoot = "/sys/fs/cgroup"

// Groups below the node's own. The node's programs get one beside the pods', because in version 2 a
// group that has groups below it may not have processes of its own.
const (
	cgroupNode = "node"
	cgroupPods = "kubepods" // named by the kubelet
)

// kubeletControllers are those that the kubelet requires if the machine has them.
var kubeletControllers = []string{"cpuset", "cpu", "memory", "pids", "hugetlb"}

// neededControllers returns those without which the kubelet doesn't start, or can't limit its pods.
func neededControllers(unified bool) []string {
	if unified {
		return []string{"cpu", "memory", "pids"}
	}
	return []string{"cpu", "cpuacct", "cpuset", "memory", "pids"}
}

// cgroups is the machine's control group file system: one tree in version 2, a tree for each
// controller in version 1.
type cgroups struct {
	unified bool
	trees   []string // mount points
}

// findCgroups distinguishes the versions by the file that only the root of version 2 has.
func findCgroups(root string) (cgroups, error) {
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err == nil {
		return cgroups{unified: true, trees: []string{root}}, nil
	}
	entries, err := os.ReadDir(root)
	if err != nil {
		return cgroups{}, fmt.Errorf("looking for control groups: %w", err)
	}
	var found cgroups
	for _, e := range entries {
		tree := filepath.Join(root, e.Name())
		if !e.IsDir() { // links such as cpu -> cpu,cpuacct name the same tree twice
			continue
		}
		if _, err := os.Stat(filepath.Join(tree, "cgroup.procs")); err == nil {
			found.trees = append(found.trees, tree)
		}
	}
	if len(found.trees) == 0 {
		return cgroups{}, fmt.Errorf("looking for control groups: none are mounted below %s", root)
	}
	return found, nil
}

// controllers returns those that the machine has.
func (c cgroups) controllers() ([]string, error) {
	if c.unified {
		raw, err := os.ReadFile(filepath.Join(c.trees[0], "cgroup.controllers"))
		return strings.Fields(string(raw)), err
	}
	var controllers []string
	for _, tree := range c.trees { // such as cpu,cpuacct
		controllers = append(controllers, strings.Split(filepath.Base(tree), ",")...)
	}
	return controllers, nil
}

// wantedOf returns those of the controllers that the kubelet wants.
func wantedOf(available []string) []string {
	return slices.DeleteFunc(slices.Clone(kubeletControllers), func(controller string) bool { return !slices.Contains(available, controller) })
}

// check returns the reasons why a node can't have control groups here, as far as they can be seen
// without making any.
func (c cgroups) check() []error {
	available, err := c.controllers()
	if err != nil {
		return []error{fmt.Errorf("looking for control groups: %w", err)}
	}
	var problems []error
	missing := slices.DeleteFunc(neededControllers(c.unified), func(controller string) bool { return slices.Contains(available, controller) })
	if len(missing) > 0 {
		problems = append(problems, fmt.Errorf("the control groups lack controllers that a Kubernetes node needs (%s): enable them in the kernel; "+
			"on Raspberry Pi OS, add cgroup_enable=memory to the line in /boot/firmware/cmdline.txt, and restart", strings.Join(missing, ", ")))
	}
	if c.unified {
		if err := checkOccupied(c.trees[0], wantedOf(available)); err != nil {
			problems = append(problems, err)
		}
	}
	return problems
}

// checkOccupied returns an error if a group of version 2 has to hand on controllers, and can't because
// of its own processes. Only the root may have both, and only the root has no type.
func checkOccupied(group string, controllers []string) error {
	if _, err := os.Stat(filepath.Join(group, "cgroup.type")); err != nil {
		return nil
	}
	// What can't be read is tried: an error then says more.
	processes, _ := os.ReadFile(filepath.Join(group, "cgroup.procs"))
	raw, err := os.ReadFile(filepath.Join(group, "cgroup.subtree_control"))
	enabled := strings.Fields(string(raw))
	missing := slices.DeleteFunc(slices.Clone(controllers), func(controller string) bool { return slices.Contains(enabled, controller) })
	if err != nil || len(bytes.TrimSpace(processes)) == 0 || len(missing) == 0 {
		return nil
	}
	return occupied(group, missing)
}

// create makes the node's group and the one for its programs.
func (c cgroups) create(name string) error {
	if c.unified {
		return c.createUnified(name)
	}
	for _, tree := range c.trees {
		for _, group := range []string{name, filepath.Join(name, cgroupNode)} {
			dir := filepath.Join(tree, group)
			if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
				return fmt.Errorf("creating a control group: %w", err)
			}
			if err := inheritCpuset(dir); err != nil {
				return fmt.Errorf("creating a control group: %w", err)
			}
		}
	}
	return nil
}

// inheritCpuset gives a new group of version 1's cpuset tree the processors of its parent: it
// starts with none, so that nothing could run in it. In other trees there is nothing to do.
func inheritCpuset(dir string) error {
	for _, file := range []string{"cpuset.cpus", "cpuset.mems"} {
		value, err := os.ReadFile(filepath.Join(filepath.Dir(dir), file))
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil {
			err = writeControl(filepath.Join(dir, file), string(value))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// createUnified enables the controllers from the root down to the node's group, and through it for
// the pods.
func (c cgroups) createUnified(name string) error {
	root := c.trees[0]
	available, err := c.controllers()
	if err != nil {
		return fmt.Errorf("creating a control group: %w", err)
	}
	unlock, err := lockGroup(root)
	if err != nil {
		return fmt.Errorf("creating a control group: %w", err)
	}
	defer unlock()
	if err := noteEnabled(root, available); err != nil {
		return fmt.Errorf("creating a control group: %w", err)
	}
	dir := filepath.Join(root, name)
	for _, parent := range []string{root, dir} {
		if err := os.MkdirAll(parent, 0o755); err != nil {
			return fmt.Errorf("creating a control group: %w", err)
		}
		if err := handOn(parent, wantedOf(available)); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, cgroupNode), 0o755); err != nil {
		return fmt.Errorf("creating a control group: %w", err)
	}
	return nil
}

// handOn enables controllers for the groups below a group, all in one write: after cpuset alone, a group
// that has processes counts as threaded, and refuses the others with another error.
func handOn(group string, controllers []string) error {
	if len(controllers) == 0 {
		return nil
	}
	err := writeControl(filepath.Join(group, "cgroup.subtree_control"), "+"+strings.Join(controllers, " +"))
	if errors.Is(err, syscall.EBUSY) || errors.Is(err, syscall.EOPNOTSUPP) {
		return occupied(group, controllers)
	} else if err != nil {
		return fmt.Errorf("handing on the controllers %s from %s: %w", strings.Join(controllers, ", "), group, err)
	}
	return nil
}

// occupied is the error for a group that can't hand controllers on.
func occupied(group string, controllers []string) error {
	return fmt.Errorf("handing on the controllers %s from %s: processes live in that group itself, as they do in a container; "+
		"run on the machine, or give the container the machine's control groups (docker run --cgroupns=host --privileged)",
		strings.Join(controllers, ", "), group)
}

// attach moves a process into the group of the node's programs. Its children stay there.
func (c cgroups) attach(name string, pid int) error {
	for _, tree := range c.trees {
		if err := writeControl(filepath.Join(tree, name, cgroupNode, "cgroup.procs"), strconv.Itoa(pid)); err != nil {
			return fmt.Errorf("moving process %d into the node's control group: %w", pid, err)
		}
	}
	return nil
}

// processes returns those in a group or below it, in any tree.
func (c cgroups) processes(group string) []int {
	var pids []int
	for _, tree := range c.trees {
		// A group that vanishes in the meantime has no processes left.
		_ = filepath.WalkDir(filepath.Join(tree, group), func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.Name() != "cgroup.procs" {
				return nil
			}
			raw, _ := os.ReadFile(path)
			for _, field := range strings.Fields(string(raw)) {
				if pid, err := strconv.Atoi(field); err == nil && pid > 0 {
					pids = append(pids, pid)
				}
			}
			return nil
		})
	}
	slices.Sort(pids)
	return slices.Compact(pids)
}

// remove removes the node's group with all below it. The kernel frees a group a moment after its
// last process, so a busy one is tried again until patience runs out.
func (c cgroups) remove(name string, patience time.Duration) error {
	deadline := time.Now().Add(patience)
	for {
		var problems []error
		for _, tree := range c.trees {
			problems = append(problems, removeGroups(filepath.Join(tree, name)))
		}
		err := errors.Join(problems...)
		if err == nil && c.unified {
			return disableNoted(c.trees[0])
		}
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// removeGroups removes a directory and those below it, deepest first. The files in them belong to
// the kernel and vanish with their directory.
func removeGroups(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return fmt.Errorf("removing a control group: %w", err)
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeGroups(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := syscall.Rmdir(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the control group %s: %w", dir, err)
	}
	return nil
}

// writeControl writes to one of the kernel's files, which must exist already.
func writeControl(path, value string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(value)
	return errors.Join(err, f.Close())
}
