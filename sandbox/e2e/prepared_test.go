//go:build e2e

package e2e

import (
	"context"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/limited"
	"k8s-tunnel/sandbox/project"
)

// smallMachine is the memory in which a prepared binary can be deployed, together with Pulumi and its
// plugins.
const smallMachine = 512 * limited.MiB

// TestPreparedBinary deploys what is in a release's archive on a machine with little memory, whose `go`
// can't compile.
func TestPreparedBinary(t *testing.T) {
	share(t)
	p, err := project.Prepare(context.Background(), testWorld)
	require.NoError(t, err)
	s := &stack{&project.Stack{Project: p, Name: "prepared"}}
	s.mustPulumi(t, "stack", "init")
	t.Cleanup(func() {
		if err := s.Destroy(context.Background(), "--remove"); err != nil {
			t.Errorf("destroying %s: %v", s.Name, err)
		}
	})
	settings := project.Settings(testWorld)
	maps.Copy(settings, map[string]string{"cloudflare:rps": "50", "replicas": "1"})
	require.NoError(t, s.Configure(context.Background(), settings))

	small := func(args ...string) (string, error) {
		cmd := s.command(append(args, "--stack", s.Name, "--non-interactive")...)
		cmd.Env = append(cmd.Env, "PATH="+pathWith(t, `case "$1" in build | run | install) echo "nothing is to be compiled" >&2; exit 1 ;; esac`))
		sandbox := filepath.Join(testRootPath(t), ".sandbox")
		require.NoError(t, limited.Forget(p.Dir, filepath.Join(sandbox, "bin", "pulumi"), filepath.Join(sandbox, "libexec"), filepath.Join(testWorld.PulumiHome(), "plugins")))
		var out strings.Builder
		cmd.Stdout, cmd.Stderr = &out, &out
		usage, err := limited.Run(cmd, smallMachine)
		t.Logf("pulumi %s: %v", args[0], usage)
		require.Zero(t, usage.Killed, out.String())
		return out.String(), err
	}
	for _, args := range [][]string{
		{"preview"}, {"up", "--yes", "--skip-preview"}, {"preview", "--expect-no-changes"}, {"up", "--yes", "--expect-no-changes"},
	} {
		out, err := small(args...)
		require.NoError(t, err, out)
	}
	requireApps(t)
	out, err := small("destroy", "--yes", "--skip-preview")
	require.NoError(t, err, out)

	t.Run("needs a go command all the same", func(t *testing.T) {
		cmd := s.command("preview", "--stack", s.Name, "--non-interactive")
		cmd.Env = append(cmd.Env, "PATH="+strings.Join([]string{filepath.Join(testRootPath(t), ".sandbox", "bin"), "/usr/bin", "/bin"}, ":"))
		if found, _ := exec.Command("env", cmd.Env[len(cmd.Env)-1], "sh", "-c", "command -v go").Output(); len(found) > 0 {
			t.Skip("there is one at " + string(found))
		}
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "couldn't find go binary")
	})
}

// pathWith returns a search path on which `go` is a script that begins with these lines.
func pathWith(t *testing.T, lines string) string {
	t.Helper()
	real, err := exec.LookPath("go")
	require.NoError(t, err)
	folder := t.TempDir()
	script := "#!/bin/sh\n" + lines + "\nexec '" + real + "' \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "go"), []byte(script), 0o755))
	return strings.Join([]string{filepath.Join(testRootPath(t), ".sandbox", "bin"), folder, os.Getenv("PATH")}, ":")
}

func testRootPath(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(testRoot())
	require.NoError(t, err)
	return root
}
