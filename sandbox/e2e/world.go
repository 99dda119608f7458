//go:build e2e

package e2e

import (
	"cmp"
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/world"
)

// testRoot is the clone's root.
func testRoot() string { return filepath.Join("..", "..") }

// testWorld is the fresh local world of this run.
var testWorld *world.World

// worldName is the world's name; another one leaves a run beside this one alone.
func worldName() string { return cmp.Or(os.Getenv("E2E_WORLD"), "test") }

// worlds hands out a world for each protocol, brought up when it is first needed.
var worlds struct {
	sync.Mutex
	http2 *world.World
}

func http2World(t *testing.T) *world.World {
	t.Helper()
	worlds.Lock()
	defer worlds.Unlock()
	if worlds.http2 == nil {
		w, err := world.Open(worldName() + "-http2")
		require.NoError(t, err)
		require.NoError(t, w.Down(context.Background(), os.Stdout))
		w.EdgeProtocol = "http2"
		require.NoError(t, w.Up(context.Background(), os.Stdout))
		worlds.http2 = w
	}
	return worlds.http2
}

// downWorlds takes the further worlds down.
func downWorlds() error {
	if worlds.http2 == nil {
		return nil
	}
	return worlds.http2.Down(context.Background(), os.Stdout)
}
