package toolchain

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"k8s-tunnel/sandbox/process"
)

// Cost is what a build took.
type Cost struct {
	CPU    float64 `json:"cpu"`    // seconds, of the compilers and all else that the build started
	Wall   float64 `json:"wall"`   // seconds
	Memory float64 `json:"memory"` // of its largest process, in GiB
}

// costOf returns what the finished command took since it was started.
func costOf(cmd *exec.Cmd, start time.Time) Cost {
	cost := Cost{Wall: time.Since(start).Seconds()}
	if cmd.ProcessState == nil {
		return cost
	}
	cost.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok && runtime.GOOS == "linux" {
		cost.Memory = float64(usage.Maxrss) / (1 << 20) // KiB, on Linux alone
	}
	return cost
}

// ticks is the unit of /proc's CPU times, which is the same for all architectures of Linux.
const ticks = 100

// usedBy returns the CPU seconds that a running process and those of its children that have ended
// took so far, and 0 where that can't be told.
func usedBy(running *os.Process) float64 {
	if running == nil {
		return 0
	}
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", running.Pid))
	if err != nil {
		return 0
	}
	fields := process.StatFields(string(content))
	if len(fields) < 15 {
		return 0
	}
	used := 0.0
	for _, field := range fields[11:15] { // 14 to 17 of all
		number, _ := strconv.ParseFloat(field, 64)
		used += number / ticks
	}
	return used
}
