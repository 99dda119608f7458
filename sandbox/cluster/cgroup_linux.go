package cluster

import (
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
	raw, err := os.ReadFile(filepath.Join(root, "cgroup.controllers"))
	if err != nil {
		return fmt.Errorf("creating a control group: %w", err)
	}
	available := strings.Fields(string(raw))
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
		for _, controller := range kubeletControllers {
			if !slices.Contains(available, controller) {
				continue
			}
			if err := writeControl(filepath.Join(parent, "cgroup.subtree_control"), "+"+controller); errors.Is(err, syscall.EBUSY) {
				return fmt.Errorf("handing on the controller %s from %s: processes live in that group itself, as they do in a container; "+
					"run on the machine, or give the container the machine's control groups (docker run --cgroupns=host --privileged)", controller, parent)
			} else if err != nil {
				return fmt.Errorf("handing on the controller %s from %s: %w", controller, parent, err)
			}
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, cgroupNode), 0o755); err != nil {
		return fmt.Errorf("creating a control group: %w", err)
	}
	return nil
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
