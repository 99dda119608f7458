package project

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/world"
)

// TestCopy checks that a copy has the program's files, including packages below
// components, but neither tests nor the clone's settings.
func TestCopy(t *testing.T) {
	t.Parallel()
	w := &world.World{Root: t.TempDir(), Name: "copy"}
	program := []string{
		"Pulumi.yaml", "go.mod", "go.sum", "main.go",
		"components/tunnel.go", "components/below/check.go", "components/below/embedded.json",
	}
	others := []string{
		"Pulumi.dev.yaml", "main_test.go", "README.md", "components/tunnel_test.go", "components/testdata/golden.json",
		"components/below/check_test.go", "components/below/testdata/golden.json", "sandbox/main.go",
	}
	for _, file := range append(append([]string{}, program...), others...) {
		write(t, filepath.Join(w.Root, file), file)
	}

	p, err := Copy(w)
	require.NoError(t, err)
	for _, file := range program {
		raw, err := os.ReadFile(filepath.Join(p.Dir, file))
		require.NoError(t, err)
		require.Equal(t, file, string(raw))
	}
	for _, file := range others {
		require.NoFileExists(t, filepath.Join(p.Dir, file))
	}
	require.DirExists(t, filepath.Dir(p.Compiled()), "the compiled program has a place")

	before, err := os.Stat(filepath.Join(p.Dir, "go.mod"))
	require.NoError(t, err)
	write(t, filepath.Join(w.Root, "main.go"), "changed")
	_, err = Copy(w)
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(p.Dir, "main.go"))
	require.NoError(t, err)
	require.Equal(t, "changed", string(raw))
	after, err := os.Stat(filepath.Join(p.Dir, "go.mod"))
	require.NoError(t, err)
	require.Equal(t, before.ModTime(), after.ModTime(), "what is the same stays untouched")
}

// TestProgram checks that another program is copied to where it is in the clone, without its stacks
// and tests.
func TestProgram(t *testing.T) {
	t.Parallel()
	w := &world.World{Root: t.TempDir(), Name: "program"}
	for _, file := range []string{"Pulumi.yaml", "Pulumi.home.yaml", "main.go", "site.go", "main_test.go", "README.md"} {
		write(t, filepath.Join(w.Root, "examples", "site", file), file)
	}
	p, err := (&Project{World: w, Dir: filepath.Join(w.Dir(), "project")}).Program("examples/site")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(w.Dir(), "project", "examples", "site"), p.Dir)
	var copied []string
	entries, err := os.ReadDir(p.Dir)
	require.NoError(t, err)
	for _, entry := range entries {
		copied = append(copied, entry.Name())
	}
	require.Equal(t, []string{".program", "Pulumi.yaml", "main.go", "site.go"}, copied)
}

func write(t *testing.T, path, content string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
}
