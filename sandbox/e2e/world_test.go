//go:build e2e

package e2e

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cli"
	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/process"
	"k8s-tunnel/sandbox/wait"
	"k8s-tunnel/sandbox/world"
)

func TestMain(m *testing.M) {
	// The world's processes run this same binary.
	if code, ok := cli.Hidden(os.Args[1:]); ok {
		os.Exit(code)
	}
	flag.Parse()
	if flag.Lookup("test.list").Value.String() != "" {
		os.Exit(m.Run()) // listing the tests needs no world
	}
	code, err := runInWorld(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "FAIL:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// runInWorld brings a world up, runs the tests in it, takes it down, and requires that the machine
// is as it was before.
func runInWorld(m *testing.M) (int, error) {
	ctx := context.Background()
	w, err := world.Open(worldName())
	if err != nil {
		return 0, err
	}
	release, err := w.Reserve("set E2E_WORLD to another name")
	if err != nil {
		return 0, err
	}
	defer release()
	// An earlier run may have left something.
	beside, err := world.Open(worldName() + http2Suffix)
	if err != nil {
		return 0, err
	}
	if err := errors.Join(w.Down(ctx, os.Stdout), beside.Down(ctx, os.Stdout)); err != nil {
		return 0, err
	}
	before, err := takeSnapshot()
	if err != nil {
		return 0, err
	}
	if err := w.Up(ctx, os.Stdout); err != nil {
		return 0, err
	}
	testWorld = w
	code := m.Run()
	nodes := []cluster.Config{nodeOf(w)}
	if worlds.http2 != nil {
		nodes = append(nodes, nodeOf(worlds.http2))
	}
	if err := downWorlds(); err != nil {
		return 0, err
	}
	// Down has to cope with a world whose processes are dead.
	killWorld(func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	if err := w.Down(ctx, os.Stdout); err != nil {
		return 0, err
	}
	after, err := takeSnapshot(nodes...)
	if err != nil {
		return 0, err
	}
	if left := after.without(before); left != "" {
		return 0, fmt.Errorf("the world left something behind:\n%s", left)
	}
	return code, nil
}

func nodeOf(w *world.World) cluster.Config { return cluster.Config{Slot: w.Slot} }

// TestWorld_SurvivesItsProcessesDeath kills the world's processes. The next up repairs the world,
// and nothing that was deployed is lost.
func TestWorld_SurvivesItsProcessesDeath(t *testing.T) {
	share(t)
	s := newStack(t, "survivor", nil)
	s.up(t)
	killWorld(t.Logf)
	require.Error(t, testWorld.Healthy(context.Background()))
	require.NoError(t, testWorld.Up(context.Background(), os.Stdout))
	require.NoError(t, testWorld.Healthy(context.Background()))
	wait.Until(t, 2*time.Minute, "the apps answer again", func() bool {
		status, _ := get(t, testWorld.Domain(), "/api/info")
		return status == http.StatusOK
	})
	// The pods start again too, and until the connectors are ready a preview finds something to do.
	wait.Until(t, 2*time.Minute, "the stack is as it was", func() bool {
		_, err := s.pulumi("preview", "--expect-no-changes")
		return err == nil
	})
}

// killWorld ends the Cloudflare process and the node with SIGKILL.
func killWorld(logf func(string, ...any)) {
	for _, file := range []string{"cloudflare.pid", "node/init.json"} {
		if id, ok := process.Load(filepath.Join(testWorld.Dir(), file)); ok && id.Alive() {
			logf("kill -9 %d", id.PID)
			_ = syscall.Kill(id.PID, syscall.SIGKILL)
		}
	}
	time.Sleep(500 * time.Millisecond)
}
