package world

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestPulumi_EachWorldHasItsSelectedStack selects stacks with the real Pulumi, in several
// worlds of one clone at once.
func TestPulumi_EachWorldHasItsSelectedStack(t *testing.T) {
	t.Parallel()
	bin := os.Getenv("SANDBOX_BIN")
	if bin == "" {
		t.Skip("needs SANDBOX_BIN with the directory of the tools")
	}
	root := newClone(t)
	write(t, "name: k8s-tunnel\nruntime: go\n", root, "Pulumi.yaml")
	link(t, bin, root, ".sandbox/bin")
	var worlds []*World
	for i := range 4 {
		w := open(t, root, fmt.Sprint("world-", i))
		require.NoError(t, os.MkdirAll(w.path("pulumi"), 0o755))
		require.NoError(t, w.linkPlugins())
		worlds = append(worlds, w)
	}
	var group sync.WaitGroup
	for _, w := range worlds {
		group.Go(func() {
			for _, stack := range []string{"other", "stack-of-" + w.Name} {
				if err := w.quietly(t.Context(), "pulumi", "stack", "select", "--create", stack); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	for _, w := range worlds {
		out, err := w.Command(t.Context(), "pulumi", "stack", "--show-name").CombinedOutput()
		require.NoError(t, err, "%s", out)
		require.Equal(t, "stack-of-"+w.Name, strings.TrimSpace(string(out)))
		require.DirExists(t, filepath.Join(w.PulumiHome(), "workspaces"))
	}
	shared, err := os.ReadDir(worlds[0].SharedPulumiHome())
	require.NoError(t, err)
	require.Len(t, shared, 1, "nothing but the plugins is shared")
}
