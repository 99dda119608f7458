package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"
)

// Stop ends the node and removes every trace of it from the machine except its directory:
// processes, namespaces, interface, routes, control groups. The cluster's objects come back with
// the next Start, even after a reboot. If there is no node, it cleans up what one may have left.
func Stop(ctx context.Context, c Config) error {
	return stopAnd(ctx, c, func(Config) error { return nil })
}

// Wipe stops the node and removes its directory too. Of a directory that is a symbolic link, it
// removes the link.
func Wipe(ctx context.Context, c Config) error {
	if IsLink(c.Dir) {
		if err := os.Remove(c.Dir); err != nil {
			return fmt.Errorf("removing the node's directory: %w", err)
		}
	}
	return stopAnd(ctx, c, func(c Config) error {
		if err := os.RemoveAll(c.Dir); err != nil {
			return fmt.Errorf("removing the node's directory: %w", err)
		}
		return nil
	})
}

func stopAnd(ctx context.Context, c Config, then func(Config) error) error {
	if _, err := os.Stat(c.Dir); errors.Is(err, os.ErrNotExist) {
		// Locking creates the directory, and stopping a node that doesn't exist must not leave one.
		then = func(c Config) error { return os.RemoveAll(c.Dir) }
	}
	c, unlock, err := enter(ctx, c)
	if err != nil {
		return err
	}
	defer unlock()
	if err := stop(ctx, c); err != nil {
		return err
	}
	return then(c)
}

// stop does the work of Stop. The caller holds the lock.
func stop(ctx context.Context, c Config) error {
	started := c // labels name the directory of then, from which the clone may have been moved
	if id, running := findInit(c); running {
		if dir := startedIn(id.PID); dir != "" { // or it is about to end
			started.Dir = dir
		}
		c.progress("stopping %s", c.Name())
		if err := id.Stop(ctx, initGrace); err != nil {
			return fmt.Errorf("stopping %s: %w", c.Name(), err)
		}
	}
	if err := disconnect(ctx, started); err != nil {
		return err
	}
	if err := removeCgroups(started); err != nil {
		return err
	}
	for _, name := range []string{completeFile, identityFile, specFile, statusFile} {
		if err := os.Remove(c.path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("forgetting the node: %w", err)
		}
	}
	return nil
}

// removeCgroups removes the control groups, unless the slot is another clone's: its interface would
// still be there, while ours is gone by now.
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
