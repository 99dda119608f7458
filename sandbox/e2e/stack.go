//go:build e2e

package e2e

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"k8s-tunnel/sandbox/project"
	"k8s-tunnel/sandbox/world"
)

// stack is a stack in the tests' copy of the project.
type stack struct{ *project.Stack }

// newStack creates a stack with the world's settings and the given ones; an empty value leaves a
// setting out. The stack is destroyed and removed when the test ends.
func newStack(t *testing.T, name string, settings map[string]string) *stack {
	t.Helper()
	return newStackIn(t, testWorld, name, settings)
}

// newStackIn is newStack for a world other than testWorld.
func newStackIn(t *testing.T, w *world.World, name string, settings map[string]string) *stack {
	t.Helper()
	p, err := project.Copy(context.Background(), w)
	require.NoError(t, err)
	made, err := p.NewStack(context.Background(), name)
	require.NoError(t, err)
	t.Cleanup(func() {
		if err := made.Destroy(context.Background(), "--remove"); err != nil {
			t.Errorf("destroying %s: %v", name, err)
		}
	})
	all := project.Settings(w)
	all["cloudflare:rps"] = "50"
	maps.Copy(all, settings)
	require.NoError(t, made.Configure(context.Background(), all))
	return &stack{made}
}

// set changes one setting, or a field of one.
func (s *stack) set(t *testing.T, key, value string) {
	t.Helper()
	require.NoError(t, s.Set(context.Background(), key, value))
}

func (s *stack) unset(t *testing.T, key string) {
	t.Helper()
	s.mustPulumi(t, "config", "rm", key)
}

// command prepares the Pulumi CLI to run in the project with the world's environment.
func (s *stack) command(args ...string) *exec.Cmd {
	return s.Command(context.Background(), args...)
}

// agree answers yes to every question of the Pulumi CLI, which has no terminal to ask on.
const agree = "PULUMI_SKIP_CONFIRMATIONS=true"

// shell prepares a shell that runs commands as they are typed, in command's directory and
// environment.
func (s *stack) shell(text string) *exec.Cmd {
	shell := exec.Command("sh", "-euc", text)
	pulumi := s.command()
	shell.Dir, shell.Env = pulumi.Dir, append([]string{agree}, pulumi.Env...)
	return shell
}

// pulumi runs one command on the stack and returns everything that it printed.
func (s *stack) pulumi(args ...string) (string, error) {
	return s.Run(context.Background(), args...)
}

func (s *stack) mustPulumi(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.pulumi(args...)
	require.NoError(t, err)
	return out
}

func (s *stack) up(t *testing.T, args ...string) {
	t.Helper()
	require.NoError(t, s.Up(context.Background(), args...))
}

// output returns one of the stack's outputs.
func (s *stack) output(t *testing.T, name string) string {
	t.Helper()
	value, err := s.Output(context.Background(), name)
	require.NoError(t, err)
	return value
}

// settings merges settings into the stack's file, written as they are in that file, and returns a
// function that undoes it.
func (s *stack) settings(t *testing.T, block string) (restore func()) {
	t.Helper()
	type file struct {
		Salt   string               `yaml:"encryptionsalt"`
		Config map[string]yaml.Node `yaml:"config"`
	}
	var all, some file
	before, err := os.ReadFile(s.SettingsFile())
	require.NoError(t, err)
	require.NoError(t, yaml.Unmarshal(before, &all))
	require.NoError(t, yaml.Unmarshal([]byte(block), &some))
	require.NotEmpty(t, some.Config)
	maps.Copy(all.Config, some.Config)
	after, err := yaml.Marshal(all)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(s.SettingsFile(), after, 0o600))
	return func() { require.NoError(t, os.WriteFile(s.SettingsFile(), before, 0o600)) }
}
