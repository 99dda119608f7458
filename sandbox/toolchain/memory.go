package toolchain

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

const gib = 1 << 30

// availableMemory estimates how many GiB builds may use: what the kernel has available, or less if
// a container's limit leaves less. Zero means unknown.
func availableMemory() float64 {
	available := meminfo("MemAvailable:")
	for _, files := range [][2]string{
		{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"},
		{"/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"},
	} {
		limit, ok := readNumber(files[0])
		used, okUsed := readNumber(files[1])
		if ok && okUsed && limit-used < available {
			available = max(limit-used, 0)
		}
	}
	return available / gib
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
