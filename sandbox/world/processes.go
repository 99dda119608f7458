package world

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"k8s-tunnel/sandbox/process"
)

// processes returns the machine's processes that match. They are listed on Linux only.
func processes(match func(pid int, argv []string) bool) ([]process.Identity, error) {
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return nil, err
	}
	var found []process.Identity
	var problems []error
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		raw, err := os.ReadFile(file)
		if err != nil || !match(pid, strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")) {
			continue
		}
		switch id, err := process.Identify(pid); {
		case err == nil:
			found = append(found, id)
		case !errors.Is(err, process.ErrGone):
			problems = append(problems, err)
		}
	}
	return found, errors.Join(problems...)
}
