//go:build e2e

package e2e

import (
	"bufio"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/project"
	"k8s-tunnel/sandbox/wait"
)

// TestSharedBackend has two machines share a backend: each has a clone and a home of its own, and
// the stack's settings, as from Git.
func TestSharedBackend(t *testing.T) {
	share(t)
	first := newStack(t, "shared", map[string]string{"replicas": "1"})
	second := &stack{&project.Stack{Project: anotherClone(t, first.Project), Name: first.Name}}
	settings, err := os.ReadFile(first.SettingsFile())
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(second.SettingsFile(), settings, 0o600))
	first.up(t)
	tunnel := first.output(t, "tunnelId")

	t.Run("the other machine finds nothing to do", func(t *testing.T) {
		second.up(t, "--expect-no-changes")
		require.Equal(t, tunnel, second.output(t, "tunnelId"))
	})
	t.Run("the other machine can't read secrets without the passphrase", func(t *testing.T) {
		preview := second.command("preview", "--stack", second.Name, "--non-interactive")
		preview.Env = append(preview.Env, "PULUMI_CONFIG_PASSPHRASE=wrong")
		out, err := preview.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "incorrect passphrase")
	})
	t.Run("one update at a time, and previews meanwhile", func(t *testing.T) {
		first.set(t, "rotation", "next")
		update := first.command("up", "--yes", "--skip-preview", "--stack", first.Name, "--non-interactive")
		output, err := update.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, update.Start())
		lines := bufio.NewScanner(output)
		for lines.Scan() && !strings.Contains(lines.Text(), "edge-cloudflared") {
			continue // the rollout takes a while from here on
		}
		out, err := second.pulumi("up", "--yes", "--skip-preview")
		require.Error(t, err)
		require.Contains(t, out, "locked by 1 lock(s)")
		require.Regexp(t, `created by \S+@\S+ \(pid \d+\) at `, out)
		second.mustPulumi(t, "preview")
		for lines.Scan() {
			continue
		}
		require.NoError(t, update.Wait())
	})
	t.Run("either machine goes on", func(t *testing.T) {
		require.NoError(t, copySettings(first, second))
		second.up(t, "--expect-no-changes")
		require.NotEqual(t, tunnel, second.output(t, "tunnelId"))
		requireApps(t)
	})
	t.Run("the other machine removes the lock of one that died", func(t *testing.T) {
		first.set(t, "rotation", "last")
		mark := newMark()
		update := first.command("up", "--yes", "--skip-preview", "--stack", first.Name, "--non-interactive")
		update.Env = append(update.Env, mark)
		require.NoError(t, update.Start())
		locks := filepath.Join(testWorld.Dir(), "pulumi", ".pulumi", "locks", "organization", "k8s-tunnel", first.Name)
		wait.Until(t, time.Minute, "the update has its lock", func() bool {
			files, err := os.ReadDir(locks)
			return err == nil && len(files) == 1
		})
		killMarked(t, mark)
		require.Error(t, update.Wait())
		require.NoError(t, copySettings(first, second))
		second.mustPulumi(t, "cancel", "--yes")
		second.up(t)
		first.up(t, "--expect-no-changes")
		requireApps(t)
	})
}

// anotherClone copies a project, for somebody with another directory. It goes when the test ends.
func anotherClone(t *testing.T, p *project.Project) *project.Project {
	t.Helper()
	other := &project.Project{World: p.World, Dir: p.Dir + "-of-somebody-else"}
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(other.Dir)) })
	require.NoError(t, os.CopyFS(other.Dir, os.DirFS(p.Dir)))
	return other
}

// copySettings brings one clone's settings of a stack to another's, as Git would.
func copySettings(from, to *stack) error {
	raw, err := os.ReadFile(from.SettingsFile())
	if err != nil {
		return err
	}
	return os.WriteFile(to.SettingsFile(), raw, 0o600)
}
