//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// prepareProgram puts the compiled program where the block says, as the image does.
func (r *readme) prepareProgram(t *testing.T, block string) {
	const runtime = "runtime: go\n"
	file := filepath.Join(r.stack.Project.Dir, "Pulumi.yaml")
	before, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(before), runtime)
	defer func() { require.NoError(t, os.WriteFile(file, before, 0o600)) }()
	require.NoError(t, os.WriteFile(file, []byte(strings.Replace(string(before), runtime, block, 1)), 0o600))
	require.NoError(t, r.stack.Project.Compile(t.Context())) // the user's own Pulumi keeps no program
	program, err := os.ReadFile(r.stack.Project.Compiled())
	require.NoError(t, err)
	prepared := filepath.Join(r.stack.Project.Dir, "program")
	defer func() { require.NoError(t, os.Remove(prepared)) }()
	require.NoError(t, os.WriteFile(prepared, program, 0o755))
	r.stack.mustPulumi(t, "preview", "--expect-no-changes")
}

// stackObject is read only, because the operator isn't part of the local world. Its settings and
// secrets are those of a stack.
func (r *readme) stackObject(t *testing.T, block string) {
	var object struct {
		Kind string
		Spec struct {
			Stack, Backend    string
			DestroyOnFinalize bool `yaml:"destroyOnFinalize"`
			RunProgram        bool `yaml:"runProgram"`
			Config            map[string]string
			SecretsRef        map[string]any `yaml:"secretsRef"`
			EnvRefs           map[string]any `yaml:"envRefs"`
			WorkspaceTemplate struct {
				Spec struct {
					Image string
					Local struct{ Dir string }
				}
			} `yaml:"workspaceTemplate"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(block), &object))
	require.Equal(t, "Stack", object.Kind)
	require.True(t, object.Spec.DestroyOnFinalize)
	require.True(t, object.Spec.RunProgram)
	require.Contains(t, object.Spec.SecretsRef, "cloudflare:apiToken")
	require.Contains(t, object.Spec.EnvRefs, "PULUMI_CONFIG_PASSPHRASE")
	require.NotEmpty(t, object.Spec.WorkspaceTemplate.Spec.Local.Dir)
	for key, value := range object.Spec.Config {
		r.stack.set(t, key, value)
	}
	r.stack.mustPulumi(t, "preview")
}

// escEnvironment is refused by the local world's backend, as the text says of others than Pulumi
// Cloud.
func (r *readme) escEnvironment(t *testing.T, block string) {
	before, err := os.ReadFile(r.stack.SettingsFile())
	require.NoError(t, err)
	defer func() { require.NoError(t, os.WriteFile(r.stack.SettingsFile(), before, 0o600)) }()
	require.NoError(t, os.WriteFile(r.stack.SettingsFile(), append([]byte(block), before...), 0o600))
	out, err := r.stack.pulumi("preview")
	require.Error(t, err)
	require.Contains(t, out, "does not support environments")
}

// escValues is read only, because the environment would be Pulumi Cloud's.
func (r *readme) escValues(t *testing.T, block string) {
	var environment struct {
		Values struct {
			PulumiConfig struct {
				Domain string `yaml:"k8s-tunnel:domain"`
				Token  struct {
					Secret string `yaml:"fn::secret"`
				} `yaml:"cloudflare:apiToken"`
			} `yaml:"pulumiConfig"`
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(block), &environment))
	require.NotEmpty(t, environment.Values.PulumiConfig.Domain)
	require.NotEmpty(t, environment.Values.PulumiConfig.Token.Secret)
}

// inCI has nothing to change: neither in the preview, nor in that of the update, nor in the update.
func (r *readme) inCI(t *testing.T, block string) {
	out := r.sh(t, strings.ReplaceAll(block, "--stack prod", "--stack "+readmeStack))
	require.Equal(t, 3, strings.Count(out, "unchanged"), out)
}
