package world

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// readRecord reads a settingsFile. One that can't be read says nothing.
func readRecord(dir string) record {
	made := record{World: &World{}}
	if raw, err := os.ReadFile(filepath.Join(dir, settingsFile)); err != nil || json.Unmarshal(raw, &made) != nil {
		return record{World: &World{}}
	}
	return made
}

// copiedFrom returns the clone whose world this directory is a copy of, and is empty if it is none. What
// a copy says of processes and addresses is true of the original, which would be stopped in its place. A
// clone that was moved looks the same, but leaves no world where it was.
func (w *World) copiedFrom() string {
	made := readRecord(w.Dir())
	if made.ID == "" || made.Root == "" {
		return ""
	}
	there := filepath.Join(made.Root, ".sandbox", "worlds", w.Name)
	if sameFile(there, w.Dir()) || readRecord(there).ID != made.ID {
		return ""
	}
	return made.Root
}

// checkCopy returns an error if the world is a copy of another clone's.
func (w *World) checkCopy() error {
	if w.original == "" {
		return nil
	}
	return fmt.Errorf("%s is a copy of the world of another clone, %s: take it down here first, which removes the copy and leaves that world as it is (go -C sandbox run . down --world %s)",
		w.Dir(), w.original, w.Name)
}
