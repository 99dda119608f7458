package toolchain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/renameio/v2"
	"github.com/stretchr/testify/require"
)

var testGo = goSettings{GOVERSION: "go1.26.1", GOOS: "linux", GOARCH: "amd64"}

// module writes a small Go module into a fresh clone and returns the target that builds
// it.
func module(t *testing.T) (root string, made target) {
	t.Helper()
	root = t.TempDir()
	put(t, root, "tool/go.mod", "module example\n\ngo 1.26\n")
	put(t, root, "tool/main.go", "package main\n\nfunc main() { println(text) }\n")
	put(t, root, "tool/text.go", "package main\n\nconst text = \"hello\"\n")
	return root, target{name: "tool", label: "tool", module: "tool", packages: []string{"."}, as: "tool"}
}

func put(t *testing.T, root, name, content string) {
	t.Helper()
	path := filepath.Join(root, name)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o755))
}

func TestKey_ChangesWithWhatGoesIn(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(t *testing.T, root string, made *target, settings *goSettings)
		changes bool
	}{
		{"nothing", func(*testing.T, string, *target, *goSettings) {}, false},
		{"a source file", func(t *testing.T, root string, _ *target, _ *goSettings) {
			put(t, root, "tool/text.go", "package main\n\nconst text = \"other\"\n")
		}, true},
		{"a new source file", func(t *testing.T, root string, _ *target, _ *goSettings) {
			put(t, root, "tool/inner/new.go", "package inner\n")
		}, true},
		{"a file's name", func(t *testing.T, root string, _ *target, _ *goSettings) {
			require.NoError(t, os.Rename(filepath.Join(root, "tool/text.go"), filepath.Join(root, "tool/text_linux.go")))
		}, true},
		{"go.sum", func(t *testing.T, root string, _ *target, _ *goSettings) { put(t, root, "tool/go.sum", "x") }, true},
		{"a test", func(t *testing.T, root string, _ *target, _ *goSettings) {
			put(t, root, "tool/a_test.go", "package main\n")
		}, false},
		{"a file's time", func(t *testing.T, root string, _ *target, _ *goSettings) {
			put(t, root, "tool/go.mod", "module example\n\ngo 1.26\n")
		}, false},
		{"a linker flag", func(_ *testing.T, _ string, made *target, _ *goSettings) { made.ldflags = "-X main.a=b" }, true},
		{"a tag", func(_ *testing.T, _ string, made *target, _ *goSettings) { made.tags = "netgo" }, true},
		{"cgo", func(_ *testing.T, _ string, made *target, _ *goSettings) { made.cgo = true }, true},
		{"an embedded file", func(_ *testing.T, _ string, made *target, _ *goSettings) {
			made.embeds = []embed{{module: "m", file: "f", name: "n"}}
		}, true},
		{"the compiler", func(_ *testing.T, _ string, _ *target, settings *goSettings) { settings.GOVERSION = "go1.26.2" }, true},
		{"the processor", func(_ *testing.T, _ string, _ *target, settings *goSettings) { settings.GOARCH = "arm64" }, true},
		{"a file beside the sources", func(t *testing.T, root string, _ *target, _ *goSettings) {
			put(t, root, "other/main.go", "package other\n")
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root, made := module(t)
			settings := testGo
			before, err := made.key(root, settings)
			require.NoError(t, err)
			test.change(t, root, &made, &settings)
			after, err := made.key(root, settings)
			require.NoError(t, err)
			require.Equal(t, test.changes, before != after)
		})
	}
}

func TestKey_CountsOnlyTheListedSources(t *testing.T) {
	t.Parallel()
	root, made := module(t)
	made.sources = []string{"go.mod", "m*.go"}
	before, err := made.key(root, testGo)
	require.NoError(t, err)
	put(t, root, "tool/text.go", "package main\n")
	after, err := made.key(root, testGo)
	require.NoError(t, err)
	require.Equal(t, before, after)
	put(t, root, "tool/more.go", "package main\n")
	after, err = made.key(root, testGo)
	require.NoError(t, err)
	require.NotEqual(t, before, after)
}

func TestKey_ReadsAClonesPathAsItIs(t *testing.T) {
	t.Parallel()
	root, made := module(t)
	made.sources = []string{"go.mod", "m*.go"}
	want, err := made.key(root, testGo)
	require.NoError(t, err)
	for _, name := range []string{"a[b]c", "what?", "a*", `a\b`} {
		other := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.CopyFS(other, os.DirFS(root)))
		got, err := made.key(other, testGo)
		require.NoError(t, err, name)
		require.Equal(t, want, got, name)
	}
}

func TestScratch_KilledBuildsLeaveNothing(t *testing.T) {
	t.Parallel()
	root := filepath.Join(t.TempDir(), "a[b]c")
	made := target{name: "tool"}
	first, err := made.makeScratch(root)
	require.NoError(t, err)
	other, err := target{name: "tools"}.makeScratch(root)
	require.NoError(t, err)
	second, err := made.makeScratch(root)
	require.NoError(t, err)
	require.NoDirExists(t, first)
	require.DirExists(t, second)
	require.DirExists(t, other, "another target's")
}

func TestKey_FailsWithoutSources(t *testing.T) {
	t.Parallel()
	_, err := target{name: "gone", module: "gone"}.key(t.TempDir(), testGo)
	require.ErrorContains(t, err, "reading the sources of gone")
}

func TestCurrent_DistrustsWhatDiffersFromItsStamp(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(t *testing.T, root string, made target)
		current bool
	}{
		{"nothing", func(*testing.T, string, target) {}, true},
		{"no stamp", func(t *testing.T, root string, made target) { require.NoError(t, made.dropStamp(root)) }, false},
		{"a damaged stamp", func(t *testing.T, root string, made target) {
			require.NoError(t, os.WriteFile(made.stampPath(root), []byte("{"), 0o644))
		}, false},
		{"no binary", func(t *testing.T, root string, _ target) {
			require.NoError(t, os.Remove(filepath.Join(BinDir(root), "tool")))
		}, false},
		{"half a binary", func(t *testing.T, root string, _ target) {
			require.NoError(t, os.Truncate(filepath.Join(BinDir(root), "tool"), 2))
		}, false},
		{"a link to another binary", func(t *testing.T, root string, _ target) {
			require.NoError(t, renameio.Symlink("/bin/true", filepath.Join(BinDir(root), "tool")))
		}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			root, made := module(t)
			put(t, root, "out/tool", "binary")
			require.NoError(t, made.install(root, filepath.Join(root, "out"), "key", Cost{}))
			require.False(t, made.current(root, "another key"))
			test.change(t, root, made)
			require.Equal(t, test.current, made.current(root, "key"))
		})
	}
}
