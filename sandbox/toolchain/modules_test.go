package toolchain

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

// apart are the modules that share nothing worth holding together, and why.
var apart = map[string]string{
	pins + "/cloudflared":    "it runs as released, with a fork of quic-go",
	plugins + "/language-go": "the newest language host that can be had is of 2023",
	pins + "/lint":           "for developers alone",
	pins + "/kube-score":     "for developers alone",
	pins + "/checks":         "for developers alone",
}

// differing are the requirements in which a module may differ from the others, and why.
var differing = map[string]map[string]string{
	"github.com/olekukonko/tablewriter": {pins + "/skipper": "Open Policy Agent is written for 0.0.5"},
	"github.com/quic-go/quic-go":        {node: "CoreDNS is written for 0.59"},
	"go.etcd.io/bbolt":                  {"sandbox": "etcd and containerd are written for 1.4"},
}

// TestModules_RequireTheSameVersions holds the versions of all modules together: a package that two
// of them have in common is compiled once only if everything below it is the same.
func TestModules_RequireTheSameVersions(t *testing.T) {
	t.Parallel()
	versions := map[string]map[string][]string{} // required module, version, modules that require it
	for _, dir := range moduleDirs(t) {
		if apart[dir] != "" {
			continue
		}
		for path, version := range versionsIn(t, dir) {
			if differing[path][dir] != "" {
				continue
			}
			if versions[path] == nil {
				versions[path] = map[string][]string{}
			}
			versions[path][version] = append(versions[path][version], dir)
		}
	}
	for _, path := range slices.Sorted(maps.Keys(versions)) {
		if len(versions[path]) == 1 {
			continue
		}
		var lines []string
		for version, dirs := range versions[path] {
			lines = append(lines, version+" in "+strings.Join(dirs, ", "))
		}
		// The fewest come first: they are who strays.
		slices.SortFunc(lines, func(a, b string) int { return strings.Count(a, ",") - strings.Count(b, ",") })
		assert.Fail(t, "modules require different versions of "+path, "%s\nbring them together with go get, see CONTRIBUTING.md",
			strings.Join(lines, "\n"))
	}
}

// TestModules_DifferForAReason finds exceptions that are no longer any.
func TestModules_DifferForAReason(t *testing.T) {
	t.Parallel()
	dirs := moduleDirs(t)
	for dir := range apart {
		assert.Contains(t, dirs, dir)
	}
	for path, modules := range differing {
		for dir := range modules {
			own, others := versionsIn(t, dir)[path], 0
			assert.NotEmpty(t, own, "%s doesn't require %s", dir, path)
			for _, other := range dirs {
				if version := versionsIn(t, other)[path]; apart[other] == "" && version != "" && version != own {
					others++
				}
			}
			assert.NotZero(t, others, "%s requires the same %s as all others", dir, path)
		}
	}
}

// moduleDirs returns the directories of all modules, relative to the clone's root.
func moduleDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := fs.WalkDir(os.DirFS(clone), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && path != "." {
			return fs.SkipDir
		}
		if err == nil && entry.Name() == "go.mod" {
			dirs = append(dirs, filepath.Dir(path))
		}
		return err
	})
	require.NoError(t, err)
	return dirs
}

// versionsIn returns the versions that a module requires, after its replacements.
func versionsIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	path := filepath.Join(clone, dir, "go.mod")
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := modfile.Parse(path, content, nil)
	require.NoError(t, err)
	versions := map[string]string{}
	for _, line := range file.Require {
		versions[line.Mod.Path] = line.Mod.Version
	}
	for _, line := range file.Replace {
		if _, ok := versions[line.Old.Path]; ok && line.New.Version != "" {
			versions[line.Old.Path] = line.New.Version
		}
	}
	return versions
}
