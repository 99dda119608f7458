package cluster

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s-tunnel/sandbox/process"
)

// findInit returns process 1 of this node: the recorded one or, if the record was lost with its
// directory, one that was started with this directory's specification. In a copy of the directory, the
// record is another node's.
func findInit(c Config) (process.Identity, bool) {
	var recorded process.Identity
	if err := readJSON(c.path(identityFile), &recorded); err == nil && hasDir(recorded.PID, c.Dir) && recorded.Alive() {
		return recorded, true
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return process.Identity{}, false
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || startedIn(pid) != c.Dir || pidInNamespace(pid) != 1 {
			continue
		}
		if p, err := process.Identify(pid); err == nil {
			return p, true
		}
	}
	return process.Identity{}, false
}

// startedIn returns the directory of the node that a process was started as, and is empty for any other
// process.
func startedIn(pid int) string {
	cmdline, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return ""
	}
	args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	if len(args) != 3 || args[1] != InitCommand || filepath.Base(args[2]) != specFile {
		return ""
	}
	return filepath.Dir(args[2])
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
