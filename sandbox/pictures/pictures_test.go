package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPictures_AreThoseOfTheirSources finds sources that were changed without drawing them.
func TestPictures_AreThoseOfTheirSources(t *testing.T) {
	t.Parallel()
	pictures, err := draw("terminal.ansi")
	require.NoError(t, err)
	for name, want := range pictures {
		// A link: of files outside of the module, Go's cache of results sees no change.
		got, err := os.ReadFile(filepath.Join("testdata", name))
		require.NoError(t, err)
		require.Equal(t, string(want), string(got), "%s isn't what its source says; make pictures draws it", name)
	}
}

func TestScreen(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ printed, want string }{
		"lines":              {"one\r\ntwo\r\n", "one\ntwo\n"},
		"a rewritten line":   {"built 1\r\x1b[Kdone\r\n", "done\n"},
		"a shorter rewrite":  {"built 1\rdone\r\n", "donet 1\n"},
		"lines above":        {"a\r\nb\r\n\x1b[2A\x1b[Kc\r\n\x1b[Kd\r\n", "c\nd\n"},
		"the rest erased":    {"a\r\nb\r\nc\r\n\x1b[2A\x1b[J", "a\n\n"},
		"a tab":              {"a\tb", "a       b\n"},
		"colours":            {"\x1b[38;5;2m+ \x1b[1mnew\x1b[0m  x", "\x1b[38;5;2m+ \x1b[0m\x1b[1;38;5;2mnew  \x1b[0mx\n"},
		"few colours":        {"\x1b[31mred\x1b[39m\x1b[92mgreen\x1b[m", "\x1b[38;5;1mred\x1b[0m\x1b[38;5;10mgreen\x1b[0m\n"},
		"a link":             {"\x1b]8;;https://example.com\x1b\\here\x1b]8;;\x1b\\", "here\n"},
		"a hidden cursor":    {"\x1b[?25lx\x1b[?25h", "x\n"},
		"spaces at the ends": {"a  \r\n  b", "a\n  b\n"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s screen
			_, _ = s.Write([]byte(tt.printed))
			require.Equal(t, tt.want, string(encoded(s.trimmed())))
			var again screen
			_, _ = again.Write(encoded(s.trimmed()))
			require.Equal(t, strings.TrimRight(tt.want, "\n"), strings.TrimRight(string(encoded(again.trimmed())), "\n"), "the text is shown in the same way")
		})
	}
}
