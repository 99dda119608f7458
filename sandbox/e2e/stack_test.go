//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/world"
)

// testRoot is the clone's root.
func testRoot() string { return filepath.Join("..", "..") }

// projectDir is a copy of the project in which the tests' stacks keep their
// settings, so that the clone's own files stay as they are.
func projectDir(w *world.World) string { return filepath.Join(w.Dir(), "project") }

// makeProject copies the program as the clone has it at this moment.
func makeProject(t *testing.T, w *world.World) string {
	t.Helper()
	dir := projectDir(w)
	for _, name := range []string{"Pulumi.yaml", "go.mod", "go.sum", "main.go"} {
		copyFile(t, filepath.Join(w.Root, name), filepath.Join(dir, name))
	}
	sources, err := filepath.Glob(filepath.Join(w.Root, "components", "*.go"))
	require.NoError(t, err)
	for _, source := range sources {
		copyFile(t, source, filepath.Join(dir, "components", filepath.Base(source)))
	}
	require.NoError(t, os.MkdirAll(filepath.Join(dir, ".program"), 0o755))
	return dir
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	raw, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
	if old, err := os.ReadFile(to); err == nil && bytes.Equal(old, raw) {
		return
	}
	require.NoError(t, os.WriteFile(to, raw, 0o644))
}

// stack is one stack of the tests' project.
type stack struct {
	world *world.World
	name  string
	dir   string
}

// newStack makes a stack with the world's settings and those given; an empty
// value leaves a setting out. It is destroyed and removed when the test ends.
func newStack(t *testing.T, name string, settings map[string]string) *stack {
	t.Helper()
	return newStackIn(t, testWorld, name, settings)
}

// newStackIn is newStack for another world than the tests' common one.
func newStackIn(t *testing.T, w *world.World, name string, settings map[string]string) *stack {
	t.Helper()
	s := &stack{world: w, name: name, dir: makeProject(t, w)}
	s.mustPulumi(t, "stack", "init")
	t.Cleanup(func() {
		if out, err := s.pulumi("destroy", "--yes", "--skip-preview", "--remove"); err != nil {
			t.Errorf("destroying %s: %v\n%s", name, err, out)
		}
	})
	all := map[string]string{
		"domain":                 state.HomeZoneName,
		"cloudflare:apiToken":    state.SeedToken,
		"cloudflare:apiHostname": w.APIAddr(),
		"cloudflare:rps":         "50",
		"kubernetes:kubeconfig":  w.Kubeconfig(),
	}
	for key, value := range settings {
		all[key] = value
	}
	for key, value := range all {
		if value != "" {
			s.set(t, key, value)
		}
	}
	return s
}

// set changes one setting, or a field of one. The token goes in as a secret, from
// standard input.
func (s *stack) set(t *testing.T, key, value string) {
	t.Helper()
	args := []string{"config", "set", key, "--stack", s.name}
	if key == "cloudflare:apiToken" {
		args = append(args, "--secret")
	}
	if strings.ContainsAny(key, ".[") {
		args = append(args, "--path")
	}
	cmd := s.command(args...)
	cmd.Stdin = strings.NewReader(value)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func (s *stack) unset(t *testing.T, key string) {
	t.Helper()
	s.mustPulumi(t, "config", "rm", key)
}

// command prepares the Pulumi CLI to run in the project with the world's
// environment.
func (s *stack) command(args ...string) *exec.Cmd {
	cmd := s.world.Command(context.Background(), "pulumi", args...)
	cmd.Dir = s.dir
	cmd.Env = append(cmd.Env, "SANDBOX_PROGRAM="+filepath.Join(s.dir, ".program", "k8s-tunnel"))
	return cmd
}

// pulumi runs one command on the stack and returns all that it printed.
func (s *stack) pulumi(args ...string) (string, error) {
	out, err := s.command(append(args, "--stack", s.name, "--non-interactive")...).CombinedOutput()
	return string(out), err
}

func (s *stack) mustPulumi(t *testing.T, args ...string) string {
	t.Helper()
	out, err := s.pulumi(args...)
	require.NoError(t, err, "pulumi %s:\n%s", strings.Join(args, " "), out)
	return out
}

func (s *stack) up(t *testing.T, args ...string) {
	t.Helper()
	s.mustPulumi(t, append([]string{"up", "--yes", "--skip-preview"}, args...)...)
}

// output returns one of the stack's outputs.
func (s *stack) output(t *testing.T, name string) string {
	t.Helper()
	var stdout bytes.Buffer
	cmd := s.command("stack", "output", name, "--stack", s.name)
	cmd.Stdout = &stdout
	require.NoError(t, cmd.Run())
	return strings.TrimSpace(stdout.String())
}

// kubectl returns what a kubectl command prints.
func kubectl(t *testing.T, args ...string) string {
	t.Helper()
	return kubectlIn(t, testWorld, args...)
}

// kubectlIn is kubectl for another world than the tests' common one.
func kubectlIn(t *testing.T, w *world.World, args ...string) string {
	t.Helper()
	out, err := w.Command(context.Background(), "kubectl", args...).CombinedOutput()
	require.NoError(t, err, "kubectl %s:\n%s", strings.Join(args, " "), out)
	return string(out)
}

// kubectlJSON decodes what a kubectl get prints.
func kubectlJSON(t *testing.T, into any, args ...string) {
	t.Helper()
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, append(args, "-o", "json")...)), into))
}

// get asks the front for a URL of a host and returns the status and the body.
func get(t *testing.T, host, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+host+path, nil)
	require.NoError(t, err)
	resp, err := testWorld.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, body.String()
}

// eventually waits for something that takes a moment by nature.
func eventually(t *testing.T, within time.Duration, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, within, 200*time.Millisecond, what)
}
