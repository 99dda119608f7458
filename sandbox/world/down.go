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
	"k8s-tunnel/sandbox/process"
)

// Down stops the world and removes everything that it made, whatever state it is in.
// The tools stay: they belong to the clone.
func (w *World) Down(ctx context.Context, out io.Writer) error {
	if _, err := os.Stat(w.Dir()); errors.Is(err, fs.ErrNotExist) && w.Name != DefaultName {
		return nil // it never had a slot, so nothing can be left of it
	}
	begin := time.Now()
	var problems []error
	if id, ok := process.Load(w.pidFile()); ok {
		// Longer than the process takes to disconnect its clients.
		problems = append(problems, id.Stop(ctx, 10*time.Second))
	}
	problems = append(problems, cluster.Wipe(ctx, w.clusterConfig()))
	if err := errors.Join(problems...); err != nil {
		return fmt.Errorf("taking world %s down: %w", w.Name, err)
	}
	if err := os.RemoveAll(w.Dir()); err != nil {
		return fmt.Errorf("removing world %s: %w", w.Name, err)
	}
	fmt.Fprintf(out, "world %s is down, nothing of it is left (%s)\n", w.Name, since(begin))
	return nil
}
