//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/world"
)

// testRoot is the root of the clone.
func testRoot() string { return filepath.Join("..", "..") }

// testWorld is the local world that this run starts afresh and that most tests share.
var testWorld *world.World

// worldName is the name of testWorld. A run with another name doesn't disturb this one.
func worldName() string { return cmp.Or(os.Getenv("E2E_WORLD"), "test") }

// http2Suffix ends the name of the world beside testWorld.
const http2Suffix = "-http2"

// share skips a test that has begun in another run of these tests, beside this one in a world of its
// own. E2E_SHARED names the directory in which the two tell each other; without it, a run does all.
func share(t *testing.T) {
	t.Helper()
	dir := os.Getenv("E2E_SHARED")
	if dir == "" {
		return
	}
	file, err := os.OpenFile(filepath.Join(dir, t.Name()), os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, fs.ErrExist) {
		t.Skip("the run beside this one does it")
	}
	require.NoError(t, err)
	require.NoError(t, file.Close())
}

// worlds are the worlds beside testWorld, each started when it is first needed.
var worlds struct {
	sync.Mutex
	http2 *world.World
}

func http2World(t *testing.T) *world.World {
	t.Helper()
	worlds.Lock()
	defer worlds.Unlock()
	if worlds.http2 == nil {
		w, err := world.Open(worldName() + http2Suffix)
		require.NoError(t, err)
		w.EdgeProtocol = "http2"
		require.NoError(t, w.Up(context.Background(), os.Stdout))
		worlds.http2 = w
	}
	return worlds.http2
}

// downWorlds takes the worlds beside testWorld down.
func downWorlds() error {
	if worlds.http2 == nil {
		return nil
	}
	return worlds.http2.Down(context.Background(), os.Stdout)
}
