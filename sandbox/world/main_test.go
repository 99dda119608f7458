package world

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMain lets the test binary be the Cloudflare process of a world, as the sandbox's own
// binary is.
func TestMain(m *testing.M) {
	if len(os.Args) > 5 && os.Args[1] == CloudflareCommand {
		if err := serve(os.Args[3], os.Args[5]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func serve(root, name string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	w, err := OpenIn(root, name)
	if err != nil {
		return err
	}
	return w.ServeCloudflare(ctx)
}

// newClone returns the root of an empty clone.
func newClone(t *testing.T) string {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	return root
}

// open opens a world without a node.
func open(t *testing.T, root, name string) *World {
	t.Helper()
	w, err := OpenIn(root, name)
	require.NoError(t, err)
	w.NoCluster = true
	return w
}

// write makes a file and its directories.
func write(t *testing.T, content string, parts ...string) string {
	t.Helper()
	path := filepath.Join(parts...)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}
