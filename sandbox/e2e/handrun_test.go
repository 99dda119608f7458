//go:build e2e

package e2e

import (
	"context"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/process"
)

// TestHandRunTunnel does with the stock cloudflared what people did before: the
// imitated Cloudflare has to carry that too, or it would only fit our program.
func TestHandRunTunnel(t *testing.T) {
	h := makeByHand(t, testWorld)
	eventually(t, 30*time.Second, "the apps answer through the tunnel made by hand", func() bool {
		status, _ := get(t, testWorld.AppHosts()[1], "/")
		return status == http.StatusOK
	})
	answersApps(t)
	require.Contains(t, h.cloudflared("info", "by-hand"), "CONNECTOR ID")

	h.remove()

	// What nobody tells people: the names stay, and lead nowhere.
	status, body := get(t, state.HomeZoneName, "/")
	require.Equal(t, 530, status)
	require.Contains(t, body, "error code: 10")

	// The program takes the names over.
	s := newStack(t, "after-hand", nil)
	s.up(t)
	answersApps(t)
}

// TestWorld_SurvivesItsProcessesDeath kills the world's processes without
// warning; the next up mends it, and nothing that was deployed is lost.
func TestWorld_SurvivesItsProcessesDeath(t *testing.T) {
	s := newStack(t, "survivor", nil)
	s.up(t)
	killWorld(t.Logf)
	require.Error(t, testWorld.Healthy(context.Background()))
	require.NoError(t, testWorld.Up(context.Background(), os.Stdout))
	require.NoError(t, testWorld.Healthy(context.Background()))
	eventually(t, 2*time.Minute, "the apps answer again", func() bool {
		status, _ := get(t, testWorld.Domain(), "/api/info")
		return status == http.StatusOK
	})
	// The pods start again as well, and a connector that isn't ready yet is something
	// that the stack would put right.
	eventually(t, 2*time.Minute, "the stack is as it was", func() bool {
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
