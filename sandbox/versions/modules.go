package main

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/semver"
)

const (
	node   = "sandbox/node"                // the module that Kubernetes is built from
	plugin = "sandbox/plugins/kubernetes"  // Pulumi's plugin for it
	host   = "sandbox/plugins/language-go" // Pulumi's language host for Go
	pins   = "sandbox/toolchain/modules/"  // modules without code, each of which only names versions
)

// apart are the modules that share nothing worth holding together, and why.
var apart = map[string]string{
	pins + "cloudflared": "it runs as released, with a fork of quic-go",
	pins + "lint":        "for developers alone",
	pins + "kube-score":  "for developers alone",
	pins + "checks":      "for developers alone",
}

// differing are the requirements in which a module may differ from the others, and why.
var differing = map[string]map[string]string{
	"github.com/olekukonko/tablewriter": {pins + "skipper": "Open Policy Agent is written for 0.0.5"},
	"github.com/pjbgf/sha1cd":           {host: "go-git 5 requires 0.7"},
	"github.com/pulumi/pulumi/sdk/v3":   {host: "the newest language host that can be had is of 2023"},
	"github.com/quic-go/quic-go":        {node: "CoreDNS is released with 0.64"},
}

// modules holds what each of the clone's modules requires, after its replacements: versions by the
// module's directory, relative to the clone's root, and the required module's path.
type modules map[string]map[string]string

// readModules reads the go.mod files below root, except those of what was made there.
func readModules(root string) (modules, error) {
	all := modules{}
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && path != "." && (path == "dist" || strings.HasPrefix(entry.Name(), ".")) {
			return fs.SkipDir
		}
		if entry.Name() != "go.mod" {
			return nil
		}
		file, err := readModule(filepath.Join(root, path))
		if err == nil {
			all[filepath.Dir(path)] = required(file)
		}
		return err
	})
	return all, err
}

func readModule(path string) (*modfile.File, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return modfile.Parse(path, content, nil)
}

func required(file *modfile.File) map[string]string {
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

// together returns the directories of the modules whose versions are held together.
func (m modules) together() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(dir string) bool { return apart[dir] != "" })
}

// strays returns what is required in different versions: by path and version, the directories that
// require it.
func (m modules) strays() map[string]map[string][]string {
	found := map[string]map[string][]string{}
	for _, dir := range m.together() {
		for path, version := range m[dir] {
			if differing[path][dir] != "" {
				continue
			}
			if found[path] == nil {
				found[path] = map[string][]string{}
			}
			found[path][version] = append(found[path][version], dir)
		}
	}
	maps.DeleteFunc(found, func(_ string, versions map[string][]string) bool { return len(versions) == 1 })
	return found
}

// behind returns what has to be raised so that nothing strays: for each directory, module@version.
func (m modules) behind() map[string][]string {
	raise := map[string][]string{}
	for path, versions := range m.strays() {
		newest := slices.MaxFunc(slices.Collect(maps.Keys(versions)), semver.Compare)
		for version, dirs := range versions {
			for _, dir := range dirs {
				if version != newest {
					raise[dir] = append(raise[dir], path+"@"+newest)
				}
			}
		}
	}
	for _, queries := range raise {
		slices.Sort(queries)
	}
	return raise
}

// requiring returns, for each directory of a module that requires one of the paths, its queries.
func (m modules) requiring(versions map[string]string) map[string][]string {
	raise := map[string][]string{}
	for _, dir := range m.together() {
		for _, path := range slices.Sorted(maps.Keys(versions)) {
			if own := m[dir][path]; own != "" && own != versions[path] && differing[path][dir] == "" {
				raise[dir] = append(raise[dir], path+"@"+versions[path])
			}
		}
	}
	return raise
}

// changes describes how the requirements differ from those before, a line for each path
// and the number of modules.
func (m modules) changes(before modules) []string {
	count := map[string]int{}
	for dir, versions := range m {
		for path, version := range versions {
			if old := before[dir][path]; old != version {
				count[fmt.Sprintf("%s\t%s → %s", path, orNone(old), version)]++
			}
		}
		for path, old := range before[dir] {
			if versions[path] == "" {
				count[fmt.Sprintf("%s\t%s → %s", path, old, orNone(""))]++
			}
		}
	}
	var lines []string
	for _, line := range slices.Sorted(maps.Keys(count)) {
		where := "in one module"
		if count[line] > 1 {
			where = fmt.Sprintf("in %d modules", count[line])
		}
		lines = append(lines, line+"\t"+where)
	}
	return lines
}

func orNone(version string) string {
	if version == "" {
		return "none"
	}
	return version
}
