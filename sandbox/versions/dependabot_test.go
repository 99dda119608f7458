package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// TestDependabot_KnowsAllModules compares the modules with what Dependabot may update: all modules that
// it can build, and the tools in those without code.
func TestDependabot_KnowsAllModules(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(filepath.Join(clone, ".github/dependabot.yml"))
	require.NoError(t, err)
	var settings struct {
		Updates []struct {
			Ecosystem   string `yaml:"package-ecosystem"`
			Directories []string
			Allow       []struct {
				Name string `yaml:"dependency-name"`
				Type string `yaml:"dependency-type"`
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(raw, &settings))
	updates := settings.Updates[0]
	require.Equal(t, "gomod", updates.Ecosystem)

	var directories, tools []string
	all := ofClone(t)
	for dir := range all {
		file, err := readModule(filepath.Join(clone, dir, "go.mod"))
		require.NoError(t, err)
		edited := false
		for _, line := range file.Replace {
			edited = edited || line.New.Version == "" // by a copy
		}
		if edited {
			continue
		}
		directories = append(directories, "/"+strings.TrimPrefix(dir, "."))
		if !strings.HasPrefix(dir, pins) {
			continue
		}
		for _, tool := range file.Tool {
			for path := range all[dir] {
				if strings.HasPrefix(tool.Path+"/", path+"/") && !slices.Contains(tools, path) {
					tools = append(tools, path)
				}
			}
		}
	}
	require.ElementsMatch(t, directories, updates.Directories)

	var allowed []string
	for _, rule := range updates.Allow {
		if rule.Name != "" {
			require.Equal(t, "all", rule.Type, rule.Name)
			allowed = append(allowed, rule.Name)
		}
	}
	require.ElementsMatch(t, tools, allowed)
}
