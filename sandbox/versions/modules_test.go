package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// clone is the root of the repository that these tests are part of.
const clone = "../.."

// TestModules_RequireTheSameVersions holds the versions of all modules together: a package that two
// of them have in common is compiled once only if everything below it is the same.
func TestModules_RequireTheSameVersions(t *testing.T) {
	t.Parallel()
	strays := ofClone(t).strays()
	for _, path := range slices.Sorted(maps.Keys(strays)) {
		var lines []string
		for version, dirs := range strays[path] {
			lines = append(lines, version+" in "+strings.Join(dirs, ", "))
		}
		// The fewest come first: they are who strays.
		slices.SortFunc(lines, func(a, b string) int { return strings.Count(a, ",") - strings.Count(b, ",") })
		assert.Fail(t, "modules require different versions of "+path, "%s\nbring them together with make versions, see CONTRIBUTING.md",
			strings.Join(lines, "\n"))
	}
}

// TestModules_DifferForAReason finds exceptions that are no longer any.
func TestModules_DifferForAReason(t *testing.T) {
	t.Parallel()
	all := ofClone(t)
	for dir := range apart {
		assert.Contains(t, all, dir)
	}
	for path, dirs := range differing {
		for dir := range dirs {
			own, others := all[dir][path], 0
			assert.NotEmpty(t, own, "%s doesn't require %s", dir, path)
			for _, other := range all.together() {
				if version := all[other][path]; version != "" && version != own {
					others++
				}
			}
			assert.NotZero(t, others, "%s requires the same %s as all others", dir, path)
		}
	}
}

func ofClone(t *testing.T) modules {
	t.Helper()
	// A link to the product's go.mod: of files outside of the module, Go's cache of results sees no
	// change.
	_, err := os.ReadFile("testdata/product.mod")
	require.NoError(t, err)
	all, err := readModules(clone)
	require.NoError(t, err)
	return all
}

// What make template and builds leave in the clone are no modules of its own.
func TestReadModules(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	for _, dir := range []string{".", "sandbox/node", "dist/template", ".sandbox/edited/skipper"} {
		require.NoError(t, os.MkdirAll(filepath.Join(root, dir), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(root, dir, "go.mod"), []byte("module example.org/m\n"), 0o644))
	}
	all, err := readModules(root)
	require.NoError(t, err)
	require.ElementsMatch(t, []string{".", "sandbox/node"}, slices.Collect(maps.Keys(all)))
}

// What strays is raised to the highest version, save where a module has a reason to differ.
func TestModules_Behind(t *testing.T) {
	t.Parallel()
	const quic = "github.com/quic-go/quic-go"
	all := modules{
		".":           {"a.org/same": "v1.0.0", "a.org/old": "v1.9.0"},
		"sandbox":     {"a.org/same": "v1.0.0", "a.org/old": "v1.10.0", quic: "v0.65.0"},
		node:          {"a.org/old": "v1.9.1-0.20260101000000-abcdefabcdef", quic: "v0.59.0"},
		pins + "lint": {"a.org/same": "v0.1.0"},
	}
	require.Equal(t, map[string][]string{".": {"a.org/old@v1.10.0"}, node: {"a.org/old@v1.10.0"}}, all.behind())
	require.Equal(t, map[string][]string{"sandbox": {"a.org/same@v2.0.0", quic + "@v0.66.0"}, ".": {"a.org/same@v2.0.0"}},
		all.requiring(map[string]string{"a.org/same": "v2.0.0", quic: "v0.66.0"}))
}

func TestModules_Changes(t *testing.T) {
	t.Parallel()
	before := modules{".": {"a": "v1.0.0", "b": "v1.0.0"}, "sandbox": {"a": "v1.0.0"}}
	after := modules{".": {"a": "v1.1.0", "c": "v1.0.0"}, "sandbox": {"a": "v1.1.0"}}
	require.Equal(t, []string{
		"a\tv1.0.0 → v1.1.0\tin 2 modules",
		"b\tv1.0.0 → none\tin one module",
		"c\tnone → v1.0.0\tin one module",
	}, after.changes(before))
	require.Empty(t, after.changes(after))
}

func TestParse(t *testing.T) {
	t.Parallel()
	wanted, err := parse([]string{"k8s.io/kubernetes@v1.36.3", "github.com/pulumi/pulumi/sdk/v3@v3.257.0"})
	require.NoError(t, err)
	require.Equal(t, map[string]string{"k8s.io/kubernetes": "v1.36.3", "github.com/pulumi/pulumi/sdk/v3": "v3.257.0"}, wanted)
	for _, arg := range []string{"k8s.io/kubernetes", "k8s.io/kubernetes@latest", "k8s.io/kubernetes@1.36.3"} {
		_, err := parse([]string{arg})
		require.ErrorContains(t, err, arg+": not a module with its version")
	}
}
