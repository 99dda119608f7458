//go:build e2e

package e2e

import (
	"maps"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// settingsFile is where Pulumi keeps the stack's settings.
func (s *stack) settingsFile() string {
	return filepath.Join(s.Project.Dir, "Pulumi."+s.Name+".yaml")
}

// settings puts settings into the stack's file as people write them there, each
// in place of what it was, and returns how to undo that.
func (s *stack) settings(t *testing.T, block string) (restore func()) {
	t.Helper()
	type file struct {
		Salt   string               `yaml:"encryptionsalt"`
		Config map[string]yaml.Node `yaml:"config"`
	}
	var all, some file
	before, err := os.ReadFile(s.settingsFile())
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(before, &all))
	require.NoError(t, yaml.Unmarshal([]byte(block), &some))
	require.NotEmpty(t, some.Config)
	maps.Copy(all.Config, some.Config)
	after, err := yaml.Marshal(all)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.settingsFile(), after, 0o600))
	return func() { require.NoError(t, os.WriteFile(s.settingsFile(), before, 0o600)) }
}
