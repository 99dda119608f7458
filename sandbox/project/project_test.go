package project

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/world"
)

// TestCopy checks that a copy has the program's files, including packages below components and what
// they embed, but neither tests, nor what only tests use, nor the clone's settings.
func TestCopy(t *testing.T) {
	t.Parallel()
	w := &world.World{Root: t.TempDir(), Name: "copy"}
	program := map[string]string{
		"Pulumi.yaml":                    "name: program\n",
		"go.mod":                         "module example.org/program\n\ngo 1.26.0\n",
		"go.sum":                         "",
		"main.go":                        "package main\n\nimport _ \"example.org/program/components\"\n\nfunc main() {}\n",
		"components/tunnel.go":           "package components\n\nimport _ \"example.org/program/components/below\"\n",
		"components/below/check.go":      "package below\n\nimport _ \"embed\"\n\n//go:embed embedded.json\nvar JSON string\n",
		"components/below/embedded.json": "{}\n",
	}
	others := map[string]string{
		"Pulumi.dev.yaml":                       "config: {}\n",
		"main_test.go":                          "package main\n",
		"README.md":                             "# Program\n",
		"components/tunnel_test.go":             "package components\n\nimport _ \"example.org/program/components/golden\"\n",
		"components/testdata/golden.json":       "{}\n",
		"components/golden/golden.go":           "package golden\n",
		"components/below/testdata/golden.json": "{}\n",
		"sandbox/main.go":                       "package main\n",
	}
	for _, files := range []map[string]string{program, others} {
		for file, content := range files {
			write(t, filepath.Join(w.Root, file), content)
		}
	}

	p, err := Copy(t.Context(), w)
	require.NoError(t, err)
	for file, content := range program {
		raw, err := os.ReadFile(filepath.Join(p.Dir, file))
		require.NoError(t, err)
		require.Equal(t, content, string(raw))
	}
	for file := range others {
		require.NoFileExists(t, filepath.Join(p.Dir, file))
	}
	require.DirExists(t, filepath.Dir(p.Compiled()), "the compiled program has a place")

	before, err := os.Stat(filepath.Join(p.Dir, "go.mod"))
	require.NoError(t, err)
	const changed = "package main\n\nfunc main() {}\n"
	write(t, filepath.Join(w.Root, "main.go"), changed)
	_, err = Copy(t.Context(), w)
	require.NoError(t, err)
	raw, err := os.ReadFile(filepath.Join(p.Dir, "main.go"))
	require.NoError(t, err)
	require.Equal(t, changed, string(raw))
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
