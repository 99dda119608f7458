package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
)

// startLimit is how long a node may take to come up. On two busy cores it takes ten seconds.
const startLimit = 3 * time.Minute

// Start brings the node up and returns when it is ready: the kubelet has reported, and the cluster's DNS answers.
// A node that is up already stays as it is; one that is damaged, or was started with other programs or settings,
// is stopped and started again with all its objects.
func Start(ctx context.Context, c Config) error {
	c, err := resolve(c)
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, c)
	if err != nil {
		return err
	}
	defer unlock()

	want, err := newSpec(c)
	if err != nil {
		return err
	}
	if id, running := findInit(c); running {
		err := keep(ctx, c, id, want)
		if err == nil || ctx.Err() != nil {
			return err
		}
		c.progress("restarting %s: %v", c.Name(), err)
	}
	if err := stop(ctx, c); err != nil {
		return err
	}
	if err := errors.Join(check(c)...); err != nil {
		return err
	}
	if err := boot(ctx, c, want); err != nil {
		// Not with ctx, which may be what ended the start.
		return errors.Join(err, stop(context.WithoutCancel(ctx), c))
	}
	return nil
}

// keep leaves a running node alone that is what is wanted and works, apart from new images. It finishes the work of
// a command that was killed in the middle. An error says why the node has to be started anew.
func keep(ctx context.Context, c Config, id processID, want spec) error {
	var have spec
	if err := readJSON(c.path(specFile), &have); err != nil {
		return err
	}
	if !reflect.DeepEqual(have, want) {
		return errors.New("its programs or settings have changed")
	}
	// What has just been killed may be on its way back, so one failure is no reason for a restart.
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	launched, err := os.Stat(c.path(identityFile))
	if err != nil {
		return fmt.Errorf("its record is lost: %w", err)
	}
	if _, err := os.Stat(c.path(completeFile)); err != nil {
		return complete(ctx, c, id, launched.ModTime())
	}
	if err := awaitHealth(ctx, c, id, time.Time{}); err != nil {
		return err
	}
	return importImages(ctx, c, id)
}

// boot starts a node where there is none.
func boot(ctx context.Context, c Config, s spec) error {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("%s did not come up within %s", c.Name(), startLimit))
	defer cancel()
	c.progress("starting %s", c.Name())
	if err := writeConfig(c); err != nil {
		return err
	}
	if err := writeJSON(c.path(specFile), s, 0o644); err != nil {
		return err
	}
	id, err := launch(c)
	if err != nil {
		return err
	}
	if err := complete(ctx, c, id, began); err != nil {
		return err
	}
	c.progress("%s is ready after %s", c.Name(), time.Since(began).Round(100*time.Millisecond))
	return nil
}

// complete does from outside what is left to do when process 1 runs, and notes that it is done.
func complete(ctx context.Context, c Config, id processID, began time.Time) error {
	manifests, err := dnsManifests(c)
	if err != nil {
		return err
	}
	if err := await(ctx, c, id, "containerd", func(ctx context.Context) error {
		return accepts(ctx, filepath.Join("/proc", fmt.Sprint(id.PID), "root", containerdSocket))
	}); err != nil {
		return err
	}
	// Before anything asks for a pod: a missing image is tried again only seconds later.
	if err := importImages(ctx, c, id); err != nil {
		return err
	}
	if err := await(ctx, c, id, "the API server", func(ctx context.Context) error { return apiReady(ctx, c) }); err != nil {
		return err
	}
	if err := Apply(ctx, c, manifests); err != nil {
		return err
	}
	c.progress("waiting for the node and its DNS")
	if err := awaitHealth(ctx, c, id, began); err != nil {
		return err
	}
	return writeFile(c.path(completeFile), nil, 0o644)
}

// awaitHealth waits until all programs run, the kubelet reports, since the given moment, that the node is ready, and
// DNS answers.
func awaitHealth(ctx context.Context, c Config, id processID, since time.Time) error {
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

// componentsReady says whether all programs run and have answered.
func componentsReady(c Config) error {
	var list []Component
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

// await tries something until it succeeds, the time is up, or process 1 is gone.
func await(ctx context.Context, c Config, id processID, what string, try func(context.Context) error) error {
	for {
		attempt, cancel := context.WithTimeout(ctx, time.Second)
		err := try(attempt)
		cancel()
		if err == nil {
			return nil
		}
		if !id.alive() {
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

// hopeless is how often a program may end before it has ever been ready.
const hopeless = 4

// crashLoop ends the waiting for a program that ends again and again, with its last words.
func crashLoop(c Config) error {
	var list []Component
	if err := readJSON(c.path(statusFile), &list); err != nil {
		return nil // not written yet
	}
	for _, component := range list {
		if component.Restarts >= hopeless && !component.Ready {
			return fmt.Errorf("%s of %s ends again and again. If the machine has lost power, its data may be damaged: wipe the node. Its last words:\n%s",
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

// Stop ends the node and removes everything of it from the machine but its folder: processes, namespaces,
// interface, routes, control groups. The cluster's objects come back with the next Start, even after a reboot.
// Where there is no node it cleans up what one may have left.
func Stop(ctx context.Context, c Config) error {
	return stopAnd(ctx, c, func(Config) error { return nil })
}

// Wipe is Stop, and removes the node's folder too.
func Wipe(ctx context.Context, c Config) error {
	return stopAnd(ctx, c, func(c Config) error {
		if err := os.RemoveAll(c.Dir); err != nil {
			return fmt.Errorf("removing the node's folder: %w", err)
		}
		return nil
	})
}

func stopAnd(ctx context.Context, c Config, then func(Config) error) error {
	if _, err := os.Stat(c.Dir); errors.Is(err, os.ErrNotExist) {
		// Locking makes the folder. A machine without a node shall not get one by stopping it.
		then = func(c Config) error { return os.RemoveAll(c.Dir) }
	}
	c, err := resolve(c)
	if err != nil {
		return err
	}
	unlock, err := lock(ctx, c)
	if err != nil {
		return err
	}
	defer unlock()
	if err := stop(ctx, c); err != nil {
		return err
	}
	return then(c)
}

// stop does the work of Stop for whoever holds the lock.
func stop(ctx context.Context, c Config) error {
	if id, running := findInit(c); running {
		c.progress("stopping %s", c.Name())
		if err := id.stop(ctx, initGrace); err != nil {
			return fmt.Errorf("stopping %s: %w", c.Name(), err)
		}
	}
	if err := disconnect(ctx, c); err != nil {
		return err
	}
	if err := removeCgroups(c); err != nil {
		return err
	}
	for _, name := range []string{completeFile, identityFile, specFile, statusFile} {
		if err := os.Remove(c.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("forgetting the node: %w", err)
		}
	}
	return nil
}

// removeCgroups leaves them alone when the slot is another clone's: the interface, which is gone by now if it was
// ours, says so.
func removeCgroups(c Config) error {
	if foreignOwner(c) != "" {
		return nil
	}
	groups, err := findCgroups(cgroupRoot)
	if err != nil {
		return nil // no control groups, nothing left in them
	}
	return groups.remove(c.Name(), 5*time.Second)
}

// resolve checks the values and follows links, because the paths are used in two different roots.
func resolve(c Config) (Config, error) {
	if err := c.Validate(); err != nil {
		return c, err
	}
	c.Dir = followLinks(c.Dir)
	c.BinDir = followLinks(c.BinDir)
	return c, nil
}

// followLinks resolves the part of a path that exists.
func followLinks(path string) string {
	path = filepath.Clean(path)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	if parent := filepath.Dir(path); parent != path {
		return filepath.Join(followLinks(parent), filepath.Base(path))
	}
	return path
}
