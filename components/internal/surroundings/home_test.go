package surroundings

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestEnvironment_HomeKubeconfig(t *testing.T) {
	t.Chdir(t.TempDir())
	all := t.TempDir()
	write := func(home string) string {
		path := filepath.Join(home, ".kube", "config")
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, nil, 0o600))
		return path
	}
	write(".") // no home
	one, two := filepath.Join(all, "one"), filepath.Join(all, "two")
	first, second := write(one), write(two)
	empty := filepath.Join(all, "empty")
	for name, c := range map[string]struct {
		system string
		env    map[string]string
		want   string // empty: none
	}{
		"Linux":                            {"linux", map[string]string{"HOME": one, "USERPROFILE": two}, first},
		"Linux without a file":             {"linux", map[string]string{"HOME": empty, "USERPROFILE": two}, ""},
		"Linux without a home":             {"linux", nil, ""},
		"macOS":                            {"darwin", map[string]string{"HOME": one}, first},
		"Windows":                          {"windows", map[string]string{"USERPROFILE": one}, first},
		"Windows with a shell's home":      {"windows", map[string]string{"HOME": two, "USERPROFILE": one}, second},
		"Windows with a home without one":  {"windows", map[string]string{"HOME": empty, "USERPROFILE": one}, first},
		"Windows with a home on a drive":   {"windows", map[string]string{"HOMEDRIVE": all, "HOMEPATH": "/two", "USERPROFILE": one}, second},
		"Windows with a drive alone":       {"windows", map[string]string{"HOMEDRIVE": two, "USERPROFILE": one}, first},
		"Windows with a drive without one": {"windows", map[string]string{"HOMEDRIVE": all, "HOMEPATH": "/empty", "USERPROFILE": one}, first},
		"Windows without a file":           {"windows", map[string]string{"USERPROFILE": empty}, ""},
		"Windows without a home":           {"windows", nil, ""},
	} {
		var want []string
		if c.want != "" {
			want = []string{c.want}
		}
		env := Environment(func(variable string) (string, bool) {
			value, set := c.env[variable]
			return value, set
		})
		require.Equal(t, want, env.homeKubeconfig(c.system), name)
	}
}
