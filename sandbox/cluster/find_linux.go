package cluster

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s-tunnel/sandbox/process"
)

// findInit returns process 1 of this node: the recorded one or, if the record was lost with its
// directory, one that was started with this directory's specification.
func findInit(c Config) (process.Identity, bool) {
	var recorded process.Identity
	if err := readJSON(c.path(identityFile), &recorded); err == nil && recorded.Alive() {
		return recorded, true
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return process.Identity{}, false
	}
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || !isInitOf(pid, c.path(specFile)) {
			continue
		}
		if p, err := process.Identify(pid); err == nil {
			return p, true
		}
	}
	return process.Identity{}, false
}

// isInitOf reports whether a process is the first of a pid namespace and was started with the given
// specification.
func isInitOf(pid int, spec string) bool {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	cmdline, err := os.ReadFile(filepath.Join(proc, "cmdline"))
	if err != nil {
		return false
	}
	args := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	if len(args) != 3 || args[1] != InitCommand || args[2] != spec {
		return false
	}
	return pidInNamespace(pid) == 1
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
