package cluster

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s-tunnel/sandbox/process"
)

// Find returns the configuration with the slot of the node that runs in its directory, which the label of
// the node's interface tells even if nothing of the directory is left. A node whose processes aren't seen
// may be another container's, with a directory of this name; one that a link leads to is another clone's.
func Find(c Config) (found Config, ok bool) {
	if IsLink(c.Dir) {
		return Config{}, false
	}
	c.Dir = followLinks(c.Dir)
	if _, runs := findInit(c); !runs {
		return Config{}, false
	}
	for c.Slot = range MaxSlot + 1 {
		if label, _ := linkLabel(c.Name()); label == c.ownerLabel() {
			return c, true
		}
	}
	return Config{}, false
}

// findInit returns process 1 of this node: the recorded one or, if the record was lost with its
// directory, one that was started with this directory's specification. In a copy of the directory, the
// record is another node's.
func findInit(c Config) (process.Identity, bool) {
	var recorded process.Identity
	if err := readJSON(c.path(identityFile), &recorded); err == nil && hasDir(recorded.PID, c.Dir) && recorded.Alive() {
		return recorded, true
	}
	found, _ := process.Find(func(pid int, argv []string) bool {
		return nodeDir(argv) == c.Dir && pidInNamespace(pid) == 1
	})
	if len(found) == 0 {
		return process.Identity{}, false
	}
	return found[0], true
}

// startedIn returns the directory of the node that a process was started as, and is empty for any other
// process.
func startedIn(pid int) string {
	argv, err := process.Arguments(pid)
	if err != nil {
		return ""
	}
	return nodeDir(argv)
}

// nodeDir returns the directory of the node that a process with these arguments is, and is empty for any
// other process.
func nodeDir(argv []string) string {
	if len(argv) != 3 || argv[1] != InitCommand || filepath.Base(argv[2]) != specFile {
		return ""
	}
	return filepath.Dir(argv[2])
}

// hasDir reports whether a process was started as the node in a directory. In the node's own root, the
// directory stays where it was even if the clone is moved.
func hasDir(pid int, dir string) bool {
	started := startedIn(pid)
	if started == "" || started == dir {
		return started != ""
	}
	theirs, err1 := os.Stat(filepath.Join("/proc", strconv.Itoa(pid), "root", started))
	ours, err2 := os.Stat(dir)
	return err1 == nil && err2 == nil && os.SameFile(theirs, ours)
}

// pidInNamespace returns a process's number in the innermost pid namespace it lives in, or 0.
func pidInNamespace(pid int) int {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "NSpid:"); ok {
			fields := strings.Fields(rest)
			if len(fields) < 2 { // it is in our own namespace
				return 0
			}
			n, _ := strconv.Atoi(fields[len(fields)-1])
			return n
		}
	}
	return 0
}
