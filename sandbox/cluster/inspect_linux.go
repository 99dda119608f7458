package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Inspect looks at the node without changing anything. It waits for nothing, not even for a command
// that is starting or stopping the node.
func Inspect(c Config) (Status, error) {
	c, err := resolve(c)
	if err != nil {
		return Status{}, err
	}
	status := Status{Name: c.Name(), Kubeconfig: c.Kubeconfig(), Server: c.APIServerURL(), Logs: c.LogDir()}
	id, running := findInit(c)
	if !running {
		return status, nil
	}
	status.Running, status.PID = true, id.PID
	if info, err := os.Stat(c.path(identityFile)); err == nil {
		status.Since = info.ModTime()
	}
	if err := readJSON(c.path(statusFile), &status.Components); err == nil {
		status.Components = withHostPIDs(status.Components, id.PID)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	status.Problem = problem(ctx, c)
	return status, nil
}

// problem describes what doesn't work, and is empty if all is well.
func problem(ctx context.Context, c Config) string {
	if err := componentsReady(c); err != nil {
		return err.Error()
	}
	client, err := newAPIClient(c)
	if err != nil {
		return err.Error()
	}
	defer client.close()
	if err := nodeReady(ctx, client, c, time.Time{}); err != nil {
		return err.Error()
	}
	if err := dnsAnswers(ctx, c); err != nil {
		return err.Error()
	}
	return ""
}

// withHostPIDs replaces process numbers of the node's namespace with those of this machine. All
// components are children of process 1, but any of its threads may have started them.
func withHostPIDs(list []Component, init int) []Component {
	numbers := map[int]int{}
	files, _ := filepath.Glob(filepath.Join("/proc", strconv.Itoa(init), "task", "*", "children"))
	for _, file := range files {
		raw, _ := os.ReadFile(file) // a thread that ends in the meantime has passed on its children
		for _, field := range strings.Fields(string(raw)) {
			if pid, err := strconv.Atoi(field); err == nil {
				numbers[pidInNamespace(pid)] = pid
			}
		}
	}
	delete(numbers, 0)
	for i := range list {
		list[i].PID = numbers[list[i].PID]
	}
	return list
}

// foreignOwner names the other owner of this slot, and is empty if there is none.
func foreignOwner(c Config) string {
	label, exists := linkLabel(c.Name())
	if !exists || label == c.ownerLabel() {
		return ""
	}
	if label == "" {
		return "something that isn't of this project"
	}
	return fmt.Sprintf("%q", label)
}
