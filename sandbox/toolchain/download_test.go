package toolchain

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// noPlugins keeps the user's own plugins out of a test.
func noPlugins(t *testing.T) {
	t.Helper()
	t.Setenv("PULUMI_HOME", t.TempDir())
}

// downloader puts a script in the place of the clone's Pulumi.
func downloader(t *testing.T, script string) (root string) {
	t.Helper()
	root = t.TempDir()
	put(t, root, ".sandbox/bin/pulumi", "#!/bin/sh\n"+script)
	return root
}

func TestDownloadPlugin(t *testing.T) {
	t.Parallel()
	made := target{plugin: "random", version: "4.18.0", as: "pulumi-resource-random"}

	t.Run("puts the plugin into a home of the clone's own", func(t *testing.T) {
		t.Parallel()
		root := downloader(t, `folder="$PULUMI_HOME/plugins/$3-$4-v$5"
mkdir -p "$folder" && printf plugin > "$folder/pulumi-$3-$4" && chmod +x "$folder/pulumi-$3-$4"`)
		require.NoError(t, downloadPlugin(t.Context(), root, "random", "4.18.0"))
		dir, found := pluginIn(downloadHome(root), made)
		require.True(t, found)
		require.Equal(t, filepath.Join(root, ".sandbox/downloads/plugins/resource-random-v4.18.0"), dir)
	})

	t.Run("says what stands in the way", func(t *testing.T) {
		t.Parallel()
		root := downloader(t, `for try in 1 2; do echo "warning: Error downloading plugin: no such host" >&2; done
echo "error: failed all 2 attempts" >&2; exit 1`)
		require.EqualError(t, downloadPlugin(t.Context(), root, "random", "4.18.0"), "no such host")
		_, found := pluginIn(downloadHome(root), made)
		require.False(t, found)
	})

	t.Run("says how it ended when there is no reason to be found", func(t *testing.T) {
		t.Parallel()
		require.ErrorContains(t, downloadPlugin(t.Context(), downloader(t, "exit 7"), "random", "4.18.0"), "exit status 7")
	})
}

func TestDownloads_AFailureLeadsToABuildAndIsRemembered(t *testing.T) {
	noPlugins(t)
	root := downloader(t, `echo "warning: Error downloading plugin: no such host"; exit 1`)
	made := target{
		name: "random-plugin", label: "random plugin", version: "4.18.0", plugin: "random", as: "pulumi-resource-random",
	}
	run := ensurer{Options: Options{Root: root}, progress: newProgress(nil, 1), tools: map[string]Tool{}}
	require.Equal(t, pluginChoice{origin: OriginBuilt, try: true}, run.findPlugin(made, false))
	run.try = []target{made}
	require.NoError(t, run.downloadAll(t.Context()))
	require.False(t, run.provided(made))
	require.Equal(t, "built here: "+cannotDownload, run.tools[made.name].String())
	require.Equal(t, pluginChoice{origin: OriginBuilt, why: cannotDownload}, run.findPlugin(made, true))
}

func TestDownloads_ASuccessMakesABuildNeedless(t *testing.T) {
	noPlugins(t)
	root := downloader(t, `folder="$PULUMI_HOME/plugins/$3-$4-v$5"
mkdir -p "$folder" && printf plugin > "$folder/pulumi-$3-$4" && chmod +x "$folder/pulumi-$3-$4"`)
	made := target{
		name: "random-plugin", label: "random plugin", version: "4.18.0", plugin: "random", as: "pulumi-resource-random",
	}
	run := ensurer{Options: Options{Root: root}, progress: newProgress(nil, 1), tools: map[string]Tool{}, try: []target{made}}
	require.NoError(t, run.downloadAll(t.Context()))
	require.True(t, run.provided(made))
	require.Equal(t, "downloaded", run.tools[made.name].String())
	require.Equal(t, OriginDownloaded, run.findPlugin(made, false).origin)
}
