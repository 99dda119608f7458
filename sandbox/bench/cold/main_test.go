package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the user has of Pulumi isn't used in a measurement.
func TestCold_HidesPulumi(t *testing.T) {
	theirs := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(theirs, "pulumi"), []byte("#!/bin/sh\necho v3.999.0\n"), 0o755))
	t.Setenv("PATH", theirs+string(os.PathListSeparator)+os.Getenv("PATH"))
	t.Setenv("PULUMI_HOME", theirs)
	c := &cold{dir: filepath.Join(t.TempDir(), ".sandbox", "cold")}
	require.NoError(t, c.hidePulumi())
	shell := exec.Command("sh", "-c", `pulumi version; ls -d "$PULUMI_HOME" 2>/dev/null || echo no home`)
	shell.Env = c.goCommand(t.Context(), "version").Env
	out, err := shell.Output()
	require.NoError(t, err)
	require.Equal(t, "v0.0.0\nno home\n", string(out))
}

// All that was downloaded counts, whatever it is for.
func TestArchives(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()
	for name, size := range map[string]int{"a/@v/v1.0.0.zip": 1_500_000, "b/c/@v/v2.0.0.zip": 500_000, "a/@v/v1.0.0.mod": 4_000_000} {
		path := filepath.Join(cache, "cache", "download", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, make([]byte, size), 0o644))
	}
	size, err := archives(cache)
	require.NoError(t, err)
	require.InDelta(t, 2, size, 0.001)
}
