//go:build e2e

package e2e

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Runs of TestChaos that share a directory have a file there for each attempt, which is empty until
// the attempt has been made, and then holds its note. Files without notes are all that has to be
// removed before interrupted runs can go on.

// note is what became of an attempt.
type note struct {
	Operation string
	Kind      string
	Result    result
}

const (
	noteSuffix = ".attempt"
	failedFile = "failed"    // is there once an attempt has failed
	tableFile  = "table.txt" // is written by each run at its end
)

// claim reports whether it is this run that has to make an attempt.
func (c *chaos) claim(t *testing.T, o operation, a attempt) bool {
	t.Helper()
	if c.shared == "" {
		return true
	}
	if _, err := os.Stat(filepath.Join(c.shared, failedFile)); err == nil && !keepsGoing() {
		t.Fatal("a run beside this one has failed")
	}
	file, err := os.OpenFile(c.noteFile(t, o, a), os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return false
	}
	require.NoError(t, err)
	require.NoError(t, file.Close())
	return true
}

func (c *chaos) noteFile(t *testing.T, o operation, a attempt) string {
	return filepath.Join(c.shared, url.PathEscape(strings.Join([]string{t.Name(), o.name, a.kind, a.key}, ", "))+noteSuffix)
}

// note tells the other runs what became of an attempt.
func (c *chaos) note(t *testing.T, o operation, a attempt, r result) {
	t.Helper()
	if c.shared == "" {
		return
	}
	if r == failed {
		require.NoError(t, os.WriteFile(filepath.Join(c.shared, failedFile), nil, 0o644))
	}
	raw, err := json.Marshal(note{o.name, a.kind, r})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(c.noteFile(t, o, a), raw, 0o644))
}

// report prints the table, with what the other runs have done so far.
func (c *chaos) report(t *testing.T) {
	t.Helper()
	if c.shared == "" {
		c.table.print(os.Stdout)
		return
	}
	files, err := fs.Glob(os.DirFS(c.shared), "*"+noteSuffix)
	require.NoError(t, err)
	var all chaosTable
	for _, file := range files {
		raw, err := os.ReadFile(filepath.Join(c.shared, file))
		require.NoError(t, err)
		if len(raw) == 0 {
			continue // another run is at it
		}
		var n note
		require.NoError(t, json.Unmarshal(raw, &n), file)
		all.add(n.Operation, n.Kind, n.Result)
	}
	slices.SortStableFunc(all.lines, func(a, b *chaosLine) int { return place(a.operation) - place(b.operation) })
	var out bytes.Buffer
	all.print(&out)
	_, err = os.Stdout.Write(out.Bytes())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(c.shared, tableFile), out.Bytes(), 0o644))
}

// place is where an operation comes among the others.
func place(name string) int {
	return slices.IndexFunc(operations, func(o operation) bool { return o.name == name })
}
