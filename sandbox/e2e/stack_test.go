//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/project"
	"k8s-tunnel/sandbox/world"
)

// testRoot is the clone's root.
func testRoot() string { return filepath.Join("..", "..") }

// stack is one stack of the tests' copy of the project.
type stack struct {
	*project.Stack
	name string
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
	p, err := project.Copy(w)
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
	return &stack{made, name}
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

// command prepares the Pulumi CLI to run in the project with the world's
// environment.
func (s *stack) command(args ...string) *exec.Cmd {
	return s.Command(context.Background(), args...)
}

// agree lets whoever can't be asked agree to everything.
const agree = "PULUMI_SKIP_CONFIRMATIONS=true"

// shell prepares commands to run as people type them, where command runs its own.
func (s *stack) shell(text string) *exec.Cmd {
	shell := exec.Command("sh", "-euc", text)
	pulumi := s.command()
	shell.Dir, shell.Env = pulumi.Dir, append([]string{agree}, pulumi.Env...)
	return shell
}

// pulumi runs one command on the stack and returns all that it printed.
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
