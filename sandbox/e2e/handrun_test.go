//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// TestHandRunTunnel does with the stock cloudflared what people did before: the
// imitated Cloudflare has to carry that too, or it would only fit our program.
func TestHandRunTunnel(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "by hand: ", r.Host) }))
	defer origin.Close()
	home := t.TempDir()
	credentials := filepath.Join(home, "credentials.json")
	cloudflared := func(args ...string) string {
		t.Helper()
		cmd := testWorld.Command(context.Background(), "cloudflared", append([]string{"tunnel"}, args...)...)
		cmd.Env = append(cmd.Env, "HOME="+home)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "cloudflared tunnel %s:\n%s", strings.Join(args, " "), out)
		return string(out)
	}

	cloudflared("create", "--credentials-file", credentials, "by-hand")
	require.Contains(t, cloudflared("list"), "by-hand")
	for _, name := range []string{state.HomeZoneName, "*." + state.HomeZoneName} {
		cloudflared("route", "dns", "--overwrite-dns", "by-hand", name)
	}

	run := testWorld.Command(context.Background(), "cloudflared", "tunnel", "--no-autoupdate", "--metrics", "127.0.0.1:0",
		"--url", origin.URL, "--credentials-file", credentials, "run", "by-hand")
	log, err := os.Create(filepath.Join(home, "log"))
	require.NoError(t, err)
	defer log.Close()
	run.Stdout, run.Stderr, run.Env = log, log, append(run.Env, "HOME="+home)
	require.NoError(t, run.Start())
	ended := false
	defer func() {
		if !ended {
			_ = run.Process.Kill()
			_ = run.Wait()
		}
	}()
	for _, host := range []string{state.HomeZoneName, "deep.below." + state.HomeZoneName} {
		eventually(t, 30*time.Second, host+" answers through the tunnel", func() bool {
			status, body := get(t, host, "/")
			return status == http.StatusOK && body == "by hand: "+host
		})
	}
	require.Contains(t, cloudflared("info", "by-hand"), "CONNECTOR ID")

	require.NoError(t, run.Process.Signal(syscall.SIGTERM))
	require.NoError(t, run.Wait())
	ended = true
	cloudflared("cleanup", "by-hand")
	cloudflared("delete", "by-hand")
	require.NotContains(t, cloudflared("list"), "by-hand")

	// What nobody tells people: the names stay, and lead nowhere.
	status, body := get(t, state.HomeZoneName, "/")
	require.Equal(t, 530, status)
	require.Contains(t, body, "1033")

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
	s.mustPulumi(t, "preview", "--expect-no-changes")
}

// killWorld ends the Cloudflare process and the node with SIGKILL.
func killWorld(logf func(string, ...any)) {
	for _, pid := range testWorld.PIDs() {
		logf("kill -9 %d", pid)
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	time.Sleep(500 * time.Millisecond)
}
