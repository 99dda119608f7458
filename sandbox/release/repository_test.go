package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// What pulumi new asks for are settings, with the defaults that they have, and the token is a secret.
func TestTemplate_Questions(t *testing.T) {
	t.Parallel()
	var project struct {
		Config   map[string]struct{ Default any }
		Template struct {
			Config map[string]struct {
				Description, Default string
				Secret               bool
			}
		}
	}
	raw, err := os.ReadFile("../../Pulumi.yaml")
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(raw, &project))
	require.True(t, project.Template.Config["cloudflare:apiToken"].Secret)
	for key, question := range project.Template.Config {
		require.NotEmpty(t, question.Description, key)
		require.Equal(t, key == "cloudflare:apiToken", question.Secret, key)
		if strings.Contains(key, ":") {
			continue // of a provider
		}
		require.Contains(t, project.Config, key)
		if question.Default != "" {
			require.Equal(t, project.Config[key].Default, question.Default, key)
		}
	}
}

// macOS doesn't run what a browser has downloaded until it is told to.
func TestBinary_Quarantine(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	for name, text := range map[string][]byte{"README.md": manual, "the binary's README.md": binaryReadme} {
		require.True(t, strings.Contains(string(text), "`xattr -dr com.apple.quarantine .`"), name)
	}
}

// No change is listed twice, however its lines are wrapped.
func TestChangelog_ListsEachChangeOnce(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../CHANGELOG.md")
	require.NoError(t, err)
	seen := map[string]bool{}
	for _, entry := range strings.Split(string(raw), "\n- ")[1:] {
		entry, _, _ = strings.Cut(entry, "\n\n")
		entry = strings.Join(strings.Fields(entry), " ")
		require.False(t, seen[entry], entry)
		seen[entry] = true
	}
}

// Workflows run only what is pinned, may do only what they say, and end.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("../../.github/workflows/*.yml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	pinned := regexp.MustCompile(`uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$`)
	versions := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(raw)) {
			if line = strings.TrimSpace(line); strings.Contains(line, "uses:") {
				require.Regexp(t, pinned, line, file)
			}
		}
		var workflow struct {
			Permissions map[string]string
			Jobs        map[string]struct {
				Timeout     int               `yaml:"timeout-minutes"`
				Permissions map[string]string `yaml:"permissions"`
				Steps       []struct {
					Uses string
					With map[string]any
				}
			}
		}
		require.NoError(t, yaml.Unmarshal(raw, &workflow))
		require.NotNil(t, workflow.Permissions, file)
		require.Empty(t, workflow.Permissions, "%s: each job has its own", file)
		for name, job := range workflow.Jobs {
			require.NotZero(t, job.Timeout, "%s: %s", file, name)
			if name != "publish" {
				require.Equal(t, map[string]string{"contents": "read"}, job.Permissions, "%s: %s", file, name)
			}
			for _, step := range job.Steps {
				switch {
				case strings.HasPrefix(step.Uses, "actions/checkout@"):
					require.Equal(t, false, step.With["persist-credentials"], "%s: %s", file, name)
				case strings.HasPrefix(step.Uses, "actions/setup-go@"):
					versions[step.With["go-version"].(string)] = true
				}
			}
		}
	}
	require.Len(t, versions, 1, "all workflows use one version of Go")
}
