package cloudflare_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare"
	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cloudflare/edge/edgetest"
	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/wait"
)

// command is a stock cloudflared with a home of its own, pointed at the sandbox as
// "sandbox env" would.
type command struct {
	t      *testing.T
	binary string
	home   string
	env    []string
}

func newCommand(t *testing.T, s *cloudflare.Server, zoneID string) *command {
	t.Helper()
	home := t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(home, name)
		require.NoError(t, os.WriteFile(path, data, 0o600))
		return path
	}
	return &command{t: t, binary: edgetest.Binary(t), home: home, env: []string{
		"HOME=" + home,
		"PATH=" + os.Getenv("PATH"),
		"TUNNEL_API_URL=https://" + s.API + api.BasePath,
		"TUNNEL_ORIGIN_CERT=" + write("cert.pem", cloudflare.OriginCert(zoneID, state.SeedAccountID, state.SeedToken)),
		"SSL_CERT_FILE=" + write("ca.pem", s.CA()),
		"NO_AUTOUPDATE=true",
	}}
}

// try runs one command and returns all its output.
func (c *command) try(args ...string) (string, error) {
	cmd := exec.CommandContext(c.t.Context(), c.binary, append([]string{"tunnel"}, args...)...)
	cmd.Env, cmd.Dir = c.env, c.home
	out, err := cmd.CombinedOutput()
	c.t.Logf("$ cloudflared tunnel %s\n%s", strings.Join(args, " "), out)
	return string(out), err
}

func (c *command) run(args ...string) string {
	c.t.Helper()
	out, err := c.try(args...)
	require.NoError(c.t, err, out)
	return out
}

// connect runs the tunnel in the background until the test ends, or until the returned
// function kills it. It finds the edge by DNS, as in production; for that it gets a
// resolver of its own, which requires root.
func (c *command) connect(resolver, tunnel, service string) (kill func()) {
	c.t.Helper()
	cmd := exec.Command("unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, resolver,
		c.binary, "tunnel", "--metrics", "127.0.0.1:0", "run", "--url", service, tunnel)
	cmd.Env, cmd.Dir = c.env, c.home
	cmd.Stdout, cmd.Stderr = c.t.Output(), c.t.Output()
	require.NoError(c.t, cmd.Start())
	kill = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	c.t.Cleanup(kill)
	return kill
}

// TestCommandLine goes through the whole manual workflow with a stock cloudflared.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	var hosts []netip.Addr
	var edgePort uint16
	cfg.EdgeAddrs, hosts, edgePort = edgeAddrs(t)
	s, port := start(t, cfg)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	cli := newCommand(t, s, state.HomeZoneID)
	ctx := t.Context()
	tunnel := func() control.Tunnel {
		t.Helper()
		st, err := port.State(ctx)
		require.NoError(t, err)
		require.Len(t, st.Tunnels, 1)
		return st.Tunnels[0]
	}
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "hello from ", r.Host)
	}))
	t.Cleanup(web.Close)

	require.Contains(t, cli.run("create", "by-hand"), "Created tunnel by-hand with id "+tunnel().ID.String())
	require.FileExists(t, filepath.Join(cli.home, tunnel().ID.String()+".json"))
	out, err := cli.try("create", "by-hand")
	require.Error(t, err)
	require.Contains(t, out, "tunnel with name already exists")

	require.Contains(t, cli.run("list"), "by-hand")
	require.NotContains(t, cli.run("list", "--name-prefix", "other"), tunnel().ID.String())
	require.Contains(t, cli.run("list", "--name", "by-hand", "--when", time.Now().Add(time.Hour).Format(time.RFC3339)), tunnel().ID.String())
	require.Contains(t, cli.run("info", "by-hand"), "does not have any active connection")
	require.NotEmpty(t, cli.run("token", "by-hand"))

	// Names that had records before: the command refuses, then overwrites.
	for _, r := range []state.Record{
		{Name: "home.localhost", Type: "A", Content: "192.0.2.1", Proxied: true},
		{Name: "*.home.localhost", Type: "CNAME", Content: "old.example", Proxied: true},
	} {
		_, err := port.AddRecord(ctx, r)
		require.NoError(t, err)
		out, err := cli.try("route", "dns", "by-hand", r.Name)
		require.Error(t, err)
		require.Contains(t, out, "code: 1003, reason: Failed to create record "+r.Name+" with err An A, AAAA, or CNAME record with that host already exists.")
		require.Contains(t, cli.run("route", "dns", "--overwrite-dns", "by-hand", r.Name), "Added CNAME "+r.Name)
	}
	require.Contains(t, cli.run("route", "dns", "by-hand", "home.localhost"), "home.localhost is already configured to route to your tunnel")

	public := client(t, s, s.FrontHTTP)
	status, body, _ := fetch(t, public, "http://home.localhost/")
	require.Equal(t, 530, status)
	require.Contains(t, body, "1033")

	t.Run("with a connector", func(t *testing.T) {
		if os.Geteuid() != 0 {
			t.Skip("needs root to give cloudflared a resolver of its own")
		}
		kill := cli.connect(discovery(t, hosts, edgePort), "by-hand", web.URL)
		wait.Until(t, 30*time.Second, "four connections", func() bool { return len(tunnel().Connections) == 4 })
		for _, host := range []string{"home.localhost", "photos.home.localhost"} {
			status, body, _ := fetch(t, public, "http://"+host+"/")
			require.Equal(t, "200 hello from "+host, fmt.Sprint(status, " ", body))
		}
		require.NotContains(t, cli.run("list"), "sbx01", "tunnels no longer come with their connections")
		info := cli.run("info", "by-hand")
		require.Contains(t, info, tunnel().Connections[0].ClientID.String())
		require.Contains(t, info, "1xsbx01")

		out, err := cli.try("delete", "by-hand")
		require.Error(t, err)
		require.Contains(t, out, "code: 1022, reason: This tunnel has active connections.")
		before := tunnel().Connections[0].ID
		cli.run("cleanup", "by-hand")
		// After all connections broke at once, cloudflared waits for up to ten seconds,
		// and twice as long if it fails again.
		wait.Until(t, time.Minute, "a connector that still runs comes back", func() bool {
			now := tunnel().Connections
			return len(now) > 0 && now[0].ID != before
		})

		require.NoError(t, port.SetLag(ctx, control.Lag{Departure: api.Duration(time.Hour)}))
		kill()
		wait.Until(t, 30*time.Second, "one that was killed is still listed", func() bool {
			now := tunnel().Connections
			return len(now) > 0 && !slices.ContainsFunc(now, func(c state.Connection) bool { return !c.PendingReconnect })
		})
		require.Contains(t, cli.run("info", "by-hand"), "has no active connectors")
		require.Contains(t, cli.run("info", "--show-recently-disconnected", "by-hand"), "xsbx0")
		out, err = cli.try("delete", "by-hand")
		require.Error(t, err)
		require.Contains(t, out, "code: 1022")
		cli.run("cleanup", "by-hand")
		require.Empty(t, tunnel().Connections)
	})

	cli.run("delete", "by-hand")
	require.NotNil(t, tunnel().DeletedAt)
	require.Empty(t, tunnel().Connections)
	require.NoFileExists(t, filepath.Join(cli.home, tunnel().ID.String()+".json"))
	require.NotContains(t, cli.run("list"), "by-hand")
	require.NotContains(t, cli.run("list", "--show-deleted"), "by-hand", "it doesn't ask for deleted tunnels, but for all")
	out, err = cli.try("delete", tunnel().ID.String())
	require.Error(t, err)
	require.Contains(t, out, "has already been deleted")
}
