package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/project"
	"k8s-tunnel/sandbox/toolchain"
	"k8s-tunnel/sandbox/world"
)

// A stack in the checkout of the version before begins without the settings that a killed run left, and
// leaves none if it fails.
func TestNameLife_Settings(t *testing.T) {
	t.Parallel()
	w := &world.World{Root: t.TempDir(), Name: "bench"}
	pulumi := filepath.Join(toolchain.BinDir(w.Root), "pulumi")
	require.NoError(t, os.MkdirAll(filepath.Dir(pulumi), 0o755))
	require.NoError(t, os.WriteFile(pulumi, []byte(`#!/bin/sh
		test "$1" = stack || { echo "interrupted"; exit 1; }
		test ! -e Pulumi.names2.yaml || { echo "old settings"; exit 1; }
		echo "config: {}" >Pulumi.names2.yaml
`), 0o755))
	before := &project.Project{World: w, Dir: t.TempDir()}
	settings := filepath.Join(before.Dir, "Pulumi.names2.yaml")
	require.NoError(t, os.WriteFile(settings, []byte("config:\n  k8s-tunnel:rotation: bench\n"), 0o600))
	err := (&bench{World: w}).nameLife(t.Context(), &named{project: before}, 2)
	require.ErrorContains(t, err, "interrupted")
	require.NoFileExists(t, settings)
}
