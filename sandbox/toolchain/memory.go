package toolchain

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const gib = 1 << 30

// availableMemory estimates how many GiB builds may use: what the kernel has available, or less if
// the control group of this process or one above it, such as a container's, leaves less. Zero means
// unknown.
func availableMemory() float64 {
	available := meminfo("MemAvailable:")
	own, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return available / gib
	}
	for _, dir := range memoryGroups(string(own), "/sys/fs/cgroup") {
		if room, ok := roomIn(dir); ok {
			available = min(available, room)
		}
	}
	return available / gib
}

// compilerMemory is what a compiler takes in GiB, other than those of the few largest packages.
const compilerMemory = 0.25

// compilers returns how many compilers a build may run side by side: one for each processor, if there is
// room for those of as many builds as there are places, beside its largest package. Zero available memory
// means that it isn't known.
func compilers(processors, places int, available, largest float64) int {
	if available == 0 {
		return processors
	}
	return max(1, min(processors, int((available-largest)/(compilerMemory*float64(places)))))
}

// memoryGroups returns the directories of the control groups that limit the memory of a process, from
// what /proc says of its groups. In a container they may not all be visible, but its own is: it looks
// like the root.
func memoryGroups(own, root string) []string {
	var dirs []string
	for line := range strings.Lines(own) {
		_, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, path, _ := strings.Cut(rest, ":")
		base := root // of version 2, which names no controllers
		if controllers != "" {
			if !slices.Contains(strings.Split(controllers, ","), "memory") {
				continue
			}
			base = filepath.Join(root, "memory")
		}
		for ; path != "/" && path != "." && path != ""; path = filepath.Dir(path) {
			dirs = append(dirs, filepath.Join(base, path))
		}
		dirs = append(dirs, base)
	}
	return dirs
}

// roomIn returns how many bytes a control group's processes may use beyond what they use now. Files
// that the kernel keeps in memory don't count, as far as it can drop them.
func roomIn(dir string) (float64, bool) {
	for _, version := range []struct{ limit, used, droppable string }{
		{"memory.max", "memory.current", "inactive_file"},
		{"memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"},
	} {
		limit, ok := readNumber(filepath.Join(dir, version.limit))
		used, okUsed := readNumber(filepath.Join(dir, version.used))
		if !ok || !okUsed {
			continue
		}
		stat, _ := os.ReadFile(filepath.Join(dir, "memory.stat"))
		for line := range strings.Lines(string(stat)) {
			if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == version.droppable {
				droppable, _ := strconv.ParseFloat(value, 64)
				used -= droppable
			}
		}
		return max(limit-used, 0), true
	}
	return 0, false
}

func meminfo(field string) float64 {
	content, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(content) {
		if fields := strings.Fields(string(line)); len(fields) > 1 && fields[0] == field {
			kib, _ := strconv.ParseFloat(fields[1], 64)
			return kib * 1024
		}
	}
	return 0
}

func readNumber(path string) (float64, bool) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	number, err := strconv.ParseFloat(strings.TrimSpace(string(content)), 64)
	return number, err == nil // "max" is no number and means no limit
}
