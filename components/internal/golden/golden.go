// Package golden compares what tests produce with files.
//
// With the flag -update, tests write the files instead:
//
//	make update
package golden

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write golden files and generated text instead of comparing them")

// Compare demands that a file has this content.
func Compare(t testing.TB, path, got string) {
	t.Helper()
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got, "to accept the change, run this test with -update")
}

// CompareSection demands that the part of a file between two markers is this
// text. An empty end marker stands for the file's end.
func CompareSection(t testing.TB, path, begin, end, got string) {
	t.Helper()
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	before, rest, found := strings.Cut(string(raw), begin)
	require.True(t, found, "%s has no line %s", path, begin)
	after := ""
	if end != "" {
		_, after, found = strings.Cut(rest, end)
		require.True(t, found, "%s has no line %s", path, end)
	}
	Compare(t, path, before+begin+got+end+after)
}
