package cluster

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"k8s-tunnel/sandbox/process"
)

// awaitHealth waits until all programs run, the kubelet has reported the node as ready since the
// given time, and DNS answers.
func awaitHealth(ctx context.Context, c Config, id process.Identity, since time.Time) error {
	client, err := newAPIClient(c)
	if err != nil {
		return err
	}
	defer client.close()
	if err := await(ctx, c, id, "the node's programs", func(context.Context) error { return componentsReady(c) }); err != nil {
		return err
	}
	err = await(ctx, c, id, "the kubelet", func(ctx context.Context) error { return nodeReady(ctx, client, c, since) })
	if err != nil {
		return err
	}
	return await(ctx, c, id, "the cluster's DNS", func(ctx context.Context) error { return dnsAnswers(ctx, c) })
}

// componentsReady returns nil if all programs run and have answered.
func componentsReady(c Config) error {
	var list []componentState
	if err := readJSON(c.path(statusFile), &list); err != nil {
		return err
	}
	for _, component := range list {
		if !component.Ready {
			return fmt.Errorf("%s is not ready: see %s", component.Name, filepath.Join(c.LogDir(), component.Name+".log"))
		}
	}
	return nil
}

// await tries something until it succeeds, ctx ends, or process 1 is gone.
func await(ctx context.Context, c Config, id process.Identity, what string, try func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		err := try(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if !id.Alive() {
			return fmt.Errorf("%s ended while it was starting:\n%s", c.Name(), tail(filepath.Join(c.LogDir(), "init.log")))
		}
		if err := crashLoop(c); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; last: %w (logs: %s)", what, context.Cause(ctx), err, c.LogDir())
		case <-time.After(readyPoll):
		}
	}
}

// hopeless is how often a program may end without ever having been ready.
const hopeless = 4

// crashLoop returns an error for a program that keeps ending, with the end of its log.
func crashLoop(c Config) error {
	var list []componentState
	if err := readJSON(c.path(statusFile), &list); err != nil {
		return nil // not written yet
	}
	for _, component := range list {
		if component.Restarts >= hopeless && !component.Ready {
			return fmt.Errorf("%s of %s ends again and again. Its last words:\n%s\nIf the machine has lost power, its data may be damaged: take the world down, which removes it",
				component.Name, c.Name(), tail(filepath.Join(c.LogDir(), component.Name+".log")))
		}
	}
	return nil
}

// tail returns the last lines of a file, for error messages.
func tail(path string) string {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(raw)), "\n")
	return strings.Join(lines[max(0, len(lines)-10):], "\n")
}
