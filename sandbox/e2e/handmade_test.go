//go:build e2e

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/wait"
)

// TestHandMadeTunnel runs a tunnel with the stock cloudflared alone, as people do without this
// program. The imitated Cloudflare has to support that too, or it would only fit our program.
func TestHandMadeTunnel(t *testing.T) {
	share(t)
	h := makeByHand(t, testWorld)
	wait.Until(t, 30*time.Second, "the apps answer through the tunnel made by hand", func() bool {
		status, _ := get(t, testWorld.AppHosts()[1], "/")
		return status == http.StatusOK
	})
	requireApps(t)
	require.Contains(t, h.cloudflared(t, "info", "by-hand"), "CONNECTOR ID")

	h.remove(t)

	// cloudflared leaves the records, which now lead nowhere.
	status, body := get(t, state.HomeZoneName, "/")
	require.Equal(t, 530, status)
	require.Contains(t, body, "error code: 10")

	// The program takes over the names.
	s := newStack(t, "after-hand", nil)
	s.up(t)
	requireApps(t)
}
