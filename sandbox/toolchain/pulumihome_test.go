package toolchain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/renameio/v2"
	"github.com/stretchr/testify/require"
)

const (
	randomDir    = "plugins/resource-random-v4.18.0"
	randomBinary = randomDir + "/pulumi-resource-random"
)

// built returns a result with one plugin that was built with the given content.
func built(t *testing.T, root, content string) Result {
	t.Helper()
	put(t, root, "made/pulumi-resource-random", content)
	return Result{Root: root, Tools: []Tool{{
		Name: "random plugin", Version: "4.18.0", Origin: OriginBuilt, plugin: "random",
		Path: filepath.Join(root, "made/pulumi-resource-random"),
	}}}
}

func read(t *testing.T, root, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, name))
	require.NoError(t, err)
	return string(content)
}

func TestAssemblePulumiHome_CopiesBuilds(t *testing.T) {
	t.Parallel()
	root, home := t.TempDir(), t.TempDir()
	require.NoError(t, built(t, root, "first").AssemblePulumiHome(t.Context(), home))
	require.Equal(t, "first", read(t, home, randomBinary))
	info, err := os.Lstat(filepath.Join(home, randomBinary))
	require.NoError(t, err)
	require.True(t, info.Mode().IsRegular())

	require.NoError(t, built(t, root, "second build").AssemblePulumiHome(t.Context(), home))
	require.Equal(t, "second build", read(t, home, randomBinary))
	again, err := os.Lstat(filepath.Join(home, randomBinary))
	require.NoError(t, err)
	require.NoError(t, Result{Root: root, Tools: built(t, root, "second build").Tools}.AssemblePulumiHome(t.Context(), home))
	require.Equal(t, again.Size(), int64(len("second build")))
}

func TestAssemblePulumiHome_KeepsWhatSomebodyElsePutThere(t *testing.T) {
	t.Parallel()
	tests := map[string]func(t *testing.T, root, home string){
		"before the first time": func(t *testing.T, _, home string) {
			put(t, home, randomBinary, "the official plugin")
		},
		"written over ours": func(t *testing.T, root, home string) {
			require.NoError(t, built(t, root, "ours").AssemblePulumiHome(t.Context(), home))
			put(t, home, randomBinary, "the official plugin")
		},
		"linked in place of ours": func(t *testing.T, root, home string) {
			require.NoError(t, built(t, root, "ours").AssemblePulumiHome(t.Context(), home))
			put(t, root, "theirs", "the official plugin")
			require.NoError(t, renameio.Symlink(filepath.Join(root, "theirs"), filepath.Join(home, randomBinary)))
		},
		"the whole directory exchanged": func(t *testing.T, root, home string) {
			require.NoError(t, built(t, root, "ours").AssemblePulumiHome(t.Context(), home))
			require.NoError(t, os.RemoveAll(filepath.Join(home, randomDir)))
			put(t, home, randomBinary, "the official plugin")
		},
	}
	for name, place := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root, home := t.TempDir(), t.TempDir()
			place(t, root, home)
			require.True(t, isForeign(filepath.Join(home, randomDir), "pulumi-resource-random"))
			require.NoError(t, built(t, root, "ours, newer").AssemblePulumiHome(t.Context(), home))
			require.Equal(t, "the official plugin", read(t, home, randomBinary))
		})
	}
}

func TestAssemblePulumiHome_LinksTheUsers(t *testing.T) {
	t.Parallel()
	root, home, theirs := t.TempDir(), t.TempDir(), t.TempDir()
	put(t, theirs, randomBinary, "the user's plugin")
	put(t, theirs, randomDir+"/PulumiPlugin.yaml", "runtime: x")
	result := Result{Root: root, Tools: []Tool{{
		Version: "4.18.0", Origin: OriginYours, plugin: "random", Path: filepath.Join(theirs, randomDir),
	}}}
	for range 2 {
		require.NoError(t, result.AssemblePulumiHome(t.Context(), home))
		require.Equal(t, "the user's plugin", read(t, home, randomBinary))
		require.Equal(t, "runtime: x", read(t, home, randomDir+"/PulumiPlugin.yaml"))
	}
	entries, err := os.ReadDir(filepath.Join(theirs, randomDir))
	require.NoError(t, err)
	require.Len(t, entries, 2, "nothing is written into the user's directory")

	// The user removes the plugin, and a build takes its place.
	require.NoError(t, os.RemoveAll(filepath.Join(theirs, randomDir)))
	require.NoError(t, built(t, root, "ours").AssemblePulumiHome(t.Context(), home))
	require.Equal(t, "ours", read(t, home, randomBinary))
}
