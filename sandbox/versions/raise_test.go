package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// offline stands in for the go command: it writes what it is asked for into go.mod, without asking
// anybody what that requires in turn. Completing the module a brings in another requirement.
const offline = `#!/bin/sh
set -e
case "$1 $2" in
"mod tidy")
	test "$(basename "$PWD")" != a || "$REAL_GO" mod edit -require=example.com/late@v1.1.0 ;;
*)
	shift
	for query; do "$REAL_GO" mod edit -require="$query"; done ;;
esac
`

// TestRaise_UntilAllRequireTheSame raises one thing in one module, another in both, and nothing.
func TestRaise_UntilAllRequireTheSame(t *testing.T) {
	bin := t.TempDir()
	real, err := exec.LookPath("go")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(offline), 0o755))
	t.Setenv("REAL_GO", real)
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))

	for name, wanted := range map[string]map[string]string{
		"one module": {"example.com/x": "v1.2.0"},
		"nothing":    {},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			for dir, content := range map[string]string{
				"a": "module a\nrequire (\n\texample.com/x v1.1.0\n\texample.com/y v1.0.0\n)\n",
				"b": "module b\nrequire (\n\texample.com/y v1.3.0\n\texample.com/late v1.0.0\n)\n",
			} {
				require.NoError(t, os.Mkdir(filepath.Join(root, dir), 0o755))
				require.NoError(t, os.WriteFile(filepath.Join(root, dir, "go.mod"), []byte(content), 0o644))
			}
			before, err := readModules(root)
			require.NoError(t, err)
			r := &raiser{root: root, incomplete: map[string]bool{}}
			require.NoError(t, r.raise(t.Context(), before, wanted))

			after, err := readModules(root)
			require.NoError(t, err)
			require.Empty(t, after.strays())
			require.Equal(t, "v1.3.0", after["a"]["example.com/y"])
			require.Equal(t, "v1.1.0", after["b"]["example.com/late"], "what completing a brought in")
			if version := wanted["example.com/x"]; version != "" {
				require.Equal(t, version, after["a"]["example.com/x"])
			}
		})
	}
}
