package toolchain

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMissing_NamesOnlyWhatIsNotThere(t *testing.T) {
	t.Parallel()
	there := requirement{debian: "here", present: func() bool { return true }}
	gone := requirement{debian: "gone", present: func() bool { return false }}
	absent := missing([]requirement{there, gone, there})
	require.Len(t, absent, 1)
	require.Equal(t, "gone", absent[0].debian)
	require.NoError(t, provideSystem(t.Context(), t.TempDir(), nil, func(string, ...any) {}))
}

func TestAdviseSystem_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	err := adviseSystem(requirements(true)[:1], []string{"nftables"})
	require.ErrorContains(t, err, "nftables is missing: the node's services")
	require.ErrorContains(t, err, "install")
}

func TestRequirements_AskForACompilerOnlyToBuildRunc(t *testing.T) {
	t.Parallel()
	require.Len(t, requirements(false), 1)
	require.Greater(t, len(requirements(true)), 1)
}

func TestAptGet_RunsToItsEnd(t *testing.T) {
	bin, root := t.TempDir(), t.TempDir()
	started, seen := filepath.Join(bin, "started"), filepath.Join(bin, "seen")
	require.NoError(t, os.WriteFile(filepath.Join(bin, "apt-get"), []byte(`#!/bin/sh
echo "$PATH" >'`+started+`.new' && mv '`+started+`.new' '`+started+`'
sleep 0.3
cut -d ' ' -f 1,6 /proc/$$/stat >'`+seen+`'
`), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	ctx, cancel := context.WithCancel(t.Context())
	told := make(chan string, 1)
	done := make(chan error)
	go func() {
		done <- aptGet(ctx, root, func(text string, _ ...any) { told <- text }, "install", "nftables")
	}()
	require.Eventually(t, func() bool { return isFile(started) }, 10*time.Second, time.Millisecond)
	cancel()
	require.NoError(t, <-done, "it isn't killed")
	require.Contains(t, <-told, "must not be interrupted")

	content, err := os.ReadFile(seen)
	require.NoError(t, err)
	ids := strings.Fields(string(content))
	require.Equal(t, ids[0], ids[1], "it has a session of its own, which Ctrl-C doesn't reach")
	content, err = os.ReadFile(started)
	require.NoError(t, err)
	require.Contains(t, string(content), ":/usr/sbin:/sbin", "dpkg finds what is only on root's search path")

	require.NoError(t, os.Remove(started))
	require.ErrorIs(t, aptGet(ctx, root, func(string, ...any) {}, "update"), context.Canceled)
	require.NoFileExists(t, started, "nothing is begun any more")
}
