package cloudflare_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare"
	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/pinned"
)

// config has every listener on loopback, at ports of the system's choice.
func config(t *testing.T) cloudflare.Config {
	dir := t.TempDir()
	const any = "127.0.0.1:0"
	return cloudflare.Config{
		Dir: filepath.Join(dir, "state"), CA: filepath.Join(dir, "ca"),
		API: any, FrontHTTP: any, FrontHTTPS: any, Control: any,
		EdgeAddrs: []string{any, any, any, any},
		Logger:    slog.New(slog.NewTextHandler(t.Output(), nil)),
		World:     testWorld,
	}
}

// testWorld is whose Cloudflare the tests start.
var testWorld = control.World{ID: "ours", Name: "test", Root: "/clone", PID: 4711}

func start(t *testing.T, c cloudflare.Config) (*cloudflare.Server, *control.Client) {
	t.Helper()
	s, err := cloudflare.Start(t.Context(), c)
	require.NoError(t, err)
	return s, control.NewClient(s.Control, testWorld.ID)
}

// client trusts the sandbox's authority and reaches every name at one address.
func client(t *testing.T, s *cloudflare.Server, addr string) *http.Client {
	t.Helper()
	pool := x509.NewCertPool()
	require.True(t, pool.AppendCertsFromPEM(s.CA()))
	transport := pinned.Transport(addr)
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	transport.ForceAttemptHTTP2 = true
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// fetch returns an answer's status and body, and its version of HTTP.
func fetch(t *testing.T, c *http.Client, url string, header ...string) (status int, body string, version int) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	require.NoError(t, err)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(data), resp.ProtoMajor
}

func TestServer_Listens(t *testing.T) {
	t.Parallel()
	s, c := start(t, config(t))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, c.Ready(t.Context()))
	require.Len(t, s.EdgeAddrs(), 4)

	status, body, version := fetch(t, client(t, s, s.API), "https://"+s.API+api.BasePath+"/zones", "Authorization", "Bearer "+state.SeedToken)
	require.Equal(t, 200, status)
	require.Equal(t, 2, version)
	require.Contains(t, body, state.HomeZoneID)

	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, "the origin of ", r.Host)
	}))
	t.Cleanup(origin.Close)
	require.NoError(t, c.SetOrigins(t.Context(), map[string]string{"elsewhere.example": origin.URL}))
	_, err := c.AddRecord(t.Context(), state.Record{Name: "old.home.localhost", Type: "CNAME", Content: "elsewhere.example", Proxied: true})
	require.NoError(t, err)

	status, body, _ = fetch(t, client(t, s, s.FrontHTTP), "http://old.home.localhost/")
	require.Equal(t, "200 the origin of old.home.localhost", fmt.Sprint(status, " ", body))
	status, body, version = fetch(t, client(t, s, s.FrontHTTPS), "https://old.home.localhost/")
	require.Equal(t, "200 the origin of old.home.localhost", fmt.Sprint(status, " ", body))
	require.Equal(t, 2, version)
	status, body, _ = fetch(t, client(t, s, s.FrontHTTPS), "https://nobody.home.localhost/")
	require.Equal(t, 530, status)
	require.Contains(t, body, "1016")
}

func TestServer_StateSurvivesARestart(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	s, c := start(t, cfg)
	zone, err := c.AddZone(t.Context(), state.Zone{Name: "more.localhost", AccountID: state.SeedAccountID})
	require.NoError(t, err)
	require.NoError(t, c.SetFaults(t.Context(), api.Fault{Path: "**", Status: 500}))
	authority := s.CA()
	require.NoError(t, s.Close())

	s, c = start(t, cfg)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.Equal(t, authority, s.CA())
	st, err := c.State(t.Context())
	require.NoError(t, err)
	require.Contains(t, st.Zones, zone)
	faults, err := c.Faults(t.Context())
	require.NoError(t, err)
	require.Empty(t, faults, "faults end with the process")
}

func TestServe_EndsWithItsContext(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	cfg.Control = l.Addr().String()
	require.NoError(t, l.Close())

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- cloudflare.Serve(ctx, cfg) }()
	limit, end := context.WithTimeout(t.Context(), 10*time.Second)
	defer end()
	client := control.NewClient(cfg.Control, testWorld.ID)
	require.Eventually(t, func() bool { return client.Ready(limit) == nil }, 10*time.Second, 50*time.Millisecond)
	cancel()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-limit.Done():
		t.Fatal("it didn't end")
	}
}

func TestStart_Fails(t *testing.T) {
	t.Parallel()
	t.Run("without its settings, naming all that are missing", func(t *testing.T) {
		t.Parallel()
		_, err := cloudflare.Start(t.Context(), cloudflare.Config{})
		for _, name := range []string{"Dir", "CA", "API", "FrontHTTP", "FrontHTTPS", "Control", "EdgeAddrs", "World"} {
			require.ErrorContains(t, err, name)
		}
	})
	t.Run("with a control port that others can reach", func(t *testing.T) {
		t.Parallel()
		for _, addr := range []string{":4480", "0.0.0.0:4480", "192.0.2.1:4480", "example.com:4480", "127.0.0.1"} {
			cfg := config(t)
			cfg.Control = addr
			_, err := cloudflare.Start(t.Context(), cfg)
			require.ErrorContains(t, err, "isn't a loopback address", addr)
		}
	})
	t.Run("when an address is taken, and lets go of the others", func(t *testing.T) {
		t.Parallel()
		cfg := config(t)
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		cfg.Control = l.Addr().String()
		_, err = cloudflare.Start(t.Context(), cfg)
		require.ErrorContains(t, err, "listening for the control")
		require.NoError(t, l.Close())
		s, _ := start(t, cfg)
		require.NoError(t, s.Close())
	})
	t.Run("when another process has the state", func(t *testing.T) {
		t.Parallel()
		cfg := config(t)
		s, _ := start(t, cfg)
		t.Cleanup(func() { require.NoError(t, s.Close()) })
		_, err := cloudflare.Start(t.Context(), cfg)
		require.ErrorContains(t, err, "another process has it open")
	})
}
