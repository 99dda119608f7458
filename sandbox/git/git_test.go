package git

import (
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
