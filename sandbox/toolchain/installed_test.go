package toolchain

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestJudgePulumi(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, version string
		hasHost       bool
		want          string
	}{
		{"the very version", "v" + PulumiVersion, true, ""},
		{"a newer one", "v3.999.0", true, ""},
		{"an older one", "v3.99.0", true, "older than"},
		{"a preview of the version", "v" + PulumiVersion + "-alpha.1", true, "older than"},
		{"the next major version", "v4.0.0", true, "hasn't been tried"},
		{"no language host", "v3.999.0", false, "no pulumi-language-go beside it"},
		{"no version", "command not found", true, "calls its version"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := judgePulumi("/usr/bin/pulumi", test.version, test.hasHost)
			if test.want == "" {
				require.Empty(t, got)
				return
			}
			require.Contains(t, got, test.want)
			require.Contains(t, got, "/usr/bin/pulumi")
		})
	}
}

func TestParseVersion(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"v3.999.0\n":                            "v3.999.0",
		"3.999.0":                               "v3.999.0",
		"warning: 3 of 4 old\nv3.250.0-dev.1\n": "v3.250.0-dev.1",
		"cloudflared version 2026.3.0 (built unknown)": "v2026.3.0",
		"no idea\n": "no idea",
		"":          "",
	}
	for output, want := range tests {
		require.Equal(t, want, parseVersion(output), "%q", output)
	}
}

// pulumi puts a script that claims to be a version of Pulumi into a directory. It records its runs.
func pulumi(t *testing.T, version string) (dir, runs string) {
	t.Helper()
	dir = t.TempDir()
	runs = filepath.Join(t.TempDir(), "runs")
	put(t, dir, "pulumi", "#!/bin/sh\necho run >> "+runs+"\necho "+version+"\n")
	put(t, dir, languageHost, "#!/bin/sh\n")
	return dir, runs
}

func TestFindPulumi_RemembersTheVersion(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir, runs := pulumi(t, "v3.999.0")
	for range 3 {
		found, why := findPulumi(t.Context(), root, dir)
		require.Empty(t, why)
		require.Equal(t, "v3.999.0", found.Version)
	}
	count, err := os.ReadFile(runs)
	require.NoError(t, err)
	require.Equal(t, "run\n", string(count))
}

func TestFindPulumi_PassesOverTheSandboxesOwn(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, ".sandbox/bin/pulumi", "#!/bin/sh\necho v3.999.0\n")
	put(t, root, ".sandbox/bin/"+languageHost, "#!/bin/sh\n")
	found, why := findPulumi(t.Context(), root, BinDir(root))
	require.Nil(t, found)
	require.Empty(t, why)

	dir, _ := pulumi(t, "v3.999.0")
	found, _ = findPulumi(t.Context(), root, BinDir(root)+":"+dir)
	require.Equal(t, filepath.Join(dir, "pulumi"), found.Path)
}

func TestFindPulumi_SaysWhyTheOneFoundIsNotUsed(t *testing.T) {
	t.Parallel()
	dir, _ := pulumi(t, "v3.1.0")
	found, why := findPulumi(t.Context(), t.TempDir(), dir)
	require.Nil(t, found)
	require.Contains(t, why, "older than")
}

func TestUse_LinksBothAndABuildTakesOverAgain(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	dir, _ := pulumi(t, "v3.999.0")
	theirs := installed{Path: filepath.Join(dir, "pulumi"), Version: "v3.999.0"}
	for range 2 {
		require.NoError(t, theirs.use(root))
		for _, name := range []string{"pulumi", languageHost} {
			destination, err := os.Readlink(filepath.Join(BinDir(root), name))
			require.NoError(t, err)
			require.Equal(t, filepath.Join(dir, name), destination)
		}
	}
	require.Equal(t, "3.999.0", theirs.tool(target{name: "pulumi"}).Version)
	require.Equal(t, filepath.Join(dir, languageHost), theirs.tool(target{name: "language-host"}).Path)

	made := target{name: "pulumi", packages: []string{"."}, as: "pulumi"}
	put(t, root, "out/pulumi", "ours")
	require.NoError(t, made.install(root, filepath.Join(root, "out"), "key", Cost{}))
	require.True(t, made.current(root, "key"))
	require.Contains(t, read(t, dir, "pulumi"), "v3.999.0", "the user's stays as it was")
}
