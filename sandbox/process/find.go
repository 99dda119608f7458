package process

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Find returns the machine's processes that match. They are listed on Linux only.
func Find(match func(pid int, argv []string) bool) ([]Identity, error) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return nil, err
	}
	var found []Identity
	var problems []error
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		argv, err := Arguments(pid)
		if err != nil || !match(pid, argv) {
			continue
		}
		switch id, err := Identify(pid); {
		case err == nil:
			found = append(found, id)
		case !errors.Is(err, ErrGone):
			problems = append(problems, err)
		}
	}
	return found, errors.Join(problems...)
}

// Arguments returns what a process was started with, its program first. It can be told on Linux only.
func Arguments(pid int) ([]string, error) {
	raw, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "cmdline"))
	if err != nil {
		return nil, err
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00"), nil
}

// StatFields returns the fields of a line of Linux's /proc/PID/stat from the third on. The second is the
// program's name in parentheses and may itself contain spaces and parentheses, so counting begins after
// the last one.
func StatFields(line string) []string {
	return strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
}
