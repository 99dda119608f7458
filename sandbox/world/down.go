package world

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"k8s-tunnel/sandbox/cluster"
)

// Down stops the world and removes everything that it made, whatever state it is in. It finds what runs
// even if the world's directory is gone.
// The tools stay: they belong to the clone. Symbolic links are removed as such, and what
// they lead to is left alone.
func (w *World) Down(ctx context.Context, out io.Writer) error {
	unlock, err := w.lock(ctx, out)
	if err != nil {
		return err
	}
	defer unlock()
	if cluster.IsLink(w.Dir()) {
		if err := os.Remove(w.Dir()); err != nil {
			return fmt.Errorf("removing world %s: %w", w.Name, err)
		}
		fmt.Fprintf(out, "%s was a symbolic link and is removed; what it led to isn't touched\n", w.Dir())
	}
	if err := w.reload(); err != nil {
		return err
	}
	begin := time.Now()
	original := w.original
	problem := errors.Join(w.checkOwner(), w.checkMounts()) // before anything is stopped
	if problem == nil && original == "" {                   // whatever runs for a copy is the original's
		problem = w.stop(ctx)
	}
	if problem != nil {
		return fmt.Errorf("taking world %s down: %w", w.Name, problem)
	}
	if err := w.remove(); err != nil {
		return err
	}
	if original != "" {
		fmt.Fprintf(out, "%s was a copy of the world of %s and is removed; that one isn't touched\n", w.Dir(), original)
	}
	fmt.Fprintf(out, "world %s is down, nothing of it is left (%s)\n", w.Name, since(begin))
	return nil
}

// stop ends what runs, and removes what lies outside of the world's directory.
func (w *World) stop(ctx context.Context) error {
	return errors.Join(w.stopPulumi(ctx), w.stopCloudflare(ctx), w.removeKubeconfigs(), w.stopNode(ctx))
}

// stopNode removes the node with its directory. If another world has come to have the slot, and
// this one's node is gone, then what is in the slot is the other's, which may just be starting.
func (w *World) stopNode(ctx context.Context) error {
	if w.Known() != nil { // it was never up, or its record is lost
		c, found := cluster.Find(w.clusterConfig())
		if !found {
			return nil
		}
		return cluster.Wipe(ctx, c)
	}
	owner, err := w.owner(ctx)
	node, _ := cluster.Inspect(ctx, w.clusterConfig()) // one that can't be looked at doesn't run
	if err == nil && owner.ID != w.ID && !node.Running {
		return nil
	}
	return cluster.Wipe(ctx, w.clusterConfig())
}

// remove removes the world's directory. Its next up chooses a slot anew.
func (w *World) remove() error {
	if err := errors.Join(w.checkOwner(), w.checkMounts()); err != nil {
		return fmt.Errorf("removing world %s: %w", w.Name, err)
	}
	if err := w.removeAll(); err != nil {
		return fmt.Errorf("removing world %s: %w", w.Name, err)
	}
	w.ID, w.Slot, w.recorded, w.original = "", 0, false, ""
	return nil
}

// removeAll removes the world's directory, and last in it the record of whose it is: a down that is
// interrupted can be repeated.
func (w *World) removeAll() error {
	entries, err := os.ReadDir(w.Dir())
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, entry := range entries {
		if entry.Name() == settingsFile {
			continue
		}
		if err := os.RemoveAll(w.path(entry.Name())); err != nil {
			return err
		}
	}
	return os.RemoveAll(w.Dir())
}
