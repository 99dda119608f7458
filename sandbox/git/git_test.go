package git

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOutput(t *testing.T) {
	t.Setenv("LC_ALL", "C")
	folder := t.TempDir()
	_, err := Output(t.Context(), folder, "init", "--quiet")
	require.NoError(t, err)
	out, err := Output(t.Context(), folder, "rev-parse", "--git-dir")
	require.NoError(t, err)
	require.Equal(t, ".git", strings.TrimSpace(string(out)))
	_, err = Output(t.Context(), folder, "log")
	require.ErrorContains(t, err, "git log: exit status 128: fatal: ")
}

// In a hook, git says by variables which repository the hook is of.
func TestOutput_InAHook(t *testing.T) {
	hooked, folder := t.TempDir(), t.TempDir()
	for _, repository := range []string{hooked, folder} {
		_, err := Output(t.Context(), repository, "init", "--quiet")
		require.NoError(t, err)
	}
	t.Setenv("GIT_DIR", filepath.Join(hooked, ".git"))
	t.Setenv("GIT_WORK_TREE", hooked)
	t.Setenv("GIT_INDEX_FILE", filepath.Join(hooked, ".git", "index"))
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "test.setting")
	t.Setenv("GIT_CONFIG_VALUE_0", "kept")
	require.NoError(t, os.WriteFile(filepath.Join(folder, "file"), nil, 0o600))
	_, err := Output(t.Context(), folder, "add", "file")
	require.NoError(t, err)
	out, err := Output(t.Context(), folder, "ls-files")
	require.NoError(t, err)
	require.Equal(t, "file\n", string(out))
	out, err = Output(t.Context(), hooked, "ls-files")
	require.NoError(t, err)
	require.Empty(t, string(out))
	out, err = Output(t.Context(), folder, "config", "test.setting")
	require.NoError(t, err)
	require.Equal(t, "kept\n", string(out))
}
