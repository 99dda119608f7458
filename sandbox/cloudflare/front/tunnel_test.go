package front_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"math/rand"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/edge/edgetest"
	"k8s-tunnel/sandbox/cloudflare/front"
	"k8s-tunnel/sandbox/cloudflare/state"
)

const host = "photos.home.localhost"

// site is a public name whose requests go through a stock cloudflared to an origin.
type site struct {
	*edgetest.World
	tunnel state.Tunnel
	origin *origin
	front  *httptest.Server // HTTP/1.1 and h2c
}

func newSite(t *testing.T, protocol string, o *origin, request map[string]any) *site {
	t.Helper()
	s := newSiteOf(t, protocol, o.URL, request)
	s.origin = o
	return s
}

// newSiteOf is newSite for any of cloudflared's services.
func newSiteOf(t *testing.T, protocol, service string, request map[string]any) *site {
	t.Helper()
	s := &site{World: edgetest.NewWorld(t)}
	s.tunnel = s.NewTunnel()
	s.Run(t, edgetest.Options{Tunnel: s.tunnel, Protocol: protocol, Service: service, Origin: request})
	handler := front.New(front.Config{
		Lookup: func(name string) (state.Record, bool) {
			return state.Record{Type: "CNAME", Name: host, Content: s.tunnel.ID.String() + ".cfargotunnel.com"}, name == host
		},
		Zone:    zoneOf,
		Tunnel:  tunnelOf,
		Tunnels: s.Edge,
		Logger:  slog.New(slog.NewTextHandler(t.Output(), nil)),
	})
	s.front = httptest.NewUnstartedServer(handler)
	s.front.Config.Protocols = new(http.Protocols)
	s.front.Config.Protocols.SetHTTP1(true)
	s.front.Config.Protocols.SetUnencryptedHTTP2(true)
	s.front.Start()
	t.Cleanup(s.front.Close)
	s.WaitConnections(t, s.tunnel.ID, 4)
	return s
}

func (s *site) request(t *testing.T, ctx context.Context, method, path string, body io.Reader) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, method, s.front.URL+path, body)
	require.NoError(t, err)
	r.Host = host
	return r
}

func (s *site) get(t *testing.T, path string) *http.Response {
	t.Helper()
	resp, err := s.front.Client().Do(s.request(t, t.Context(), http.MethodGet, path, nil))
	require.NoError(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

// random returns the same n bytes at every call, and their sum.
func random(n int64) (io.Reader, string) {
	sum := sha256.New()
	_, _ = io.CopyN(sum, rand.New(rand.NewSource(n)), n)
	return io.LimitReader(rand.New(rand.NewSource(n)), n), fmt.Sprintf("%x", sum.Sum(nil))
}

// onlyReader hides everything about a body except its bytes, so that its length is
// unknown.
type onlyReader struct{ io.Reader }

func TestFront_ThroughStockCloudflared(t *testing.T) {
	t.Parallel()
	edgetest.Binary(t)
	for _, protocol := range edgetest.Protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, protocol, newOrigin(t), nil)
			for name, test := range map[string]func(*testing.T, *site){
				"passes requests with Cloudflare's headers": passesRequests,
				"takes 100 MB of known length":              func(t *testing.T, s *site) { uploads(t, s, 100_000_000, true) },
				"takes 100 MB of unknown length":            func(t *testing.T, s *site) { uploads(t, s, 100_000_000, false) },
				"takes a little of unknown length":          func(t *testing.T, s *site) { uploads(t, s, 10, false) },
				"brings 64 MB":                              downloads,
				"passes events as they come":                passesEvents,
				"carries a WebSocket":                       carriesWebSocket,
				"continues an upload that waits for it":     continues,
				"passes an answer given before the upload":  passesEarlyAnswer,
				"tells the origin that a visitor left":      tellsAborts,
				"tells the origin that an upload broke off": tellsBrokenUploads,
				"breaks off an answer that breaks off":      breaksOff,
				"passes an answer without a body":           passesNothing,
				"passes the origin's own 502":               passesBadGateway,
				"answers 400 requests, 20 at a time":        answersMany,
			} {
				t.Run(name, func(t *testing.T) { test(t, s) })
			}
			t.Run("passes trailers over HTTP/2 only", func(t *testing.T) { passesTrailers(t, s, protocol) })
		})
	}
}

func passesRequests(t *testing.T, s *site) {
	r := s.request(t, t.Context(), http.MethodPatch, "//a%2Fb/%C3%A4?q=1;2&q=%zz&%20", strings.NewReader("hello"))
	r.Header.Set("X-Forwarded-For", "192.0.2.7")
	r.Header.Set("X-Mine", "kept")
	r.Header.Add("Cookie", "x=1")
	r.Header.Add("Cookie", "y=2")
	r.Header.Set("Cf-Connecting-Ip", "6.6.6.6")
	r.Header.Set("Connection", "X-Hop")
	r.Header.Set("X-Hop", "stays here")
	resp, err := s.front.Client().Do(r)
	require.NoError(t, err)
	got := decode(t, resp)

	require.Equal(t, http.MethodPatch, got.Method)
	require.Equal(t, host, got.Host)
	require.Equal(t, "//a%2Fb/%C3%A4?q=1;2&q=%zz&%20", got.URI)
	require.Equal(t, int64(5), got.Length)
	ray := resp.Header.Get("Cf-Ray")
	require.Regexp(t, `^[0-9a-f]{16}-SBX$`, ray)
	for name, want := range map[string]string{
		"X-Mine": "kept", "X-Forwarded-For": "192.0.2.7,127.0.0.1", "X-Forwarded-Proto": "http",
		"Cf-Connecting-Ip": "127.0.0.1", "Cf-Visitor": `{"scheme":"http"}`, "Cf-Ray": ray,
		"Cf-Ipcountry": "XX", "Cdn-Loop": "cloudflare; loops=1", "Accept-Encoding": "gzip, br",
	} {
		require.Equal(t, []string{want}, got.Header[name], name)
	}
	require.Equal(t, "x=1; y=2", strings.Join(got.Header["Cookie"], "; "))
	require.NotContains(t, got.Header, "X-Hop")

	require.Equal(t, []string{"cloudflare"}, resp.Header["Server"])
	require.Equal(t, []string{"a=1", "b=2"}, resp.Header["Set-Cookie"])
	require.Equal(t, "DYNAMIC", resp.Header.Get("Cf-Cache-Status"))
	for name := range resp.Header {
		require.NotContains(t, name, "Cloudflared", "headers between edge and connector stay there")
	}
}

func uploads(t *testing.T, s *site, n int64, known bool) {
	body, sum := random(n)
	r := s.request(t, t.Context(), http.MethodPost, "/", onlyReader{body})
	want := int64(-1)
	if known {
		r.ContentLength, want = n, n
	}
	resp, err := s.front.Client().Do(r)
	require.NoError(t, err)
	got := decode(t, resp)
	require.Equal(t, sum, got.Sum)
	require.Equal(t, n, got.Read)
	require.Equal(t, want, got.Length)
}

func downloads(t *testing.T, s *site) {
	n, err := io.Copy(io.Discard, s.get(t, "/download").Body)
	require.NoError(t, err)
	require.Equal(t, int64(64<<20), n)
}

func TestFront_GRPC(t *testing.T) {
	t.Parallel()
	edgetest.Binary(t)
	for _, protocol := range edgetest.Protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, protocol, newSecureOrigin(t), map[string]any{"http2Origin": true, "noTLSVerify": true})
			transport := &http.Transport{Protocols: new(http.Protocols)}
			transport.Protocols.SetUnencryptedHTTP2(true)
			client := &http.Client{Transport: transport}
			pr, pw := io.Pipe()
			r := s.request(t, t.Context(), http.MethodPost, "/echo.Echo/Stream", pr)
			r.Header.Set("Content-Type", "application/grpc+proto")
			r.Header.Set("Te", "trailers")
			message := []byte("\x00\x00\x00\x00\x05hello")
			go func() { _, _ = pw.Write(message) }()
			resp, err := client.Do(r)
			require.NoError(t, err)
			defer resp.Body.Close()
			require.Equal(t, http.StatusOK, resp.StatusCode)
			require.Equal(t, "application/grpc", resp.Header.Get("Content-Type"))

			for range 3 { // a conversation, not a request and its answer
				echo := make([]byte, len(message))
				_, err = io.ReadFull(resp.Body, echo)
				require.NoError(t, err)
				require.Equal(t, message, echo)
				_, err = pw.Write(message)
				require.NoError(t, err)
			}
			require.NoError(t, pw.Close())
			_, err = io.Copy(io.Discard, resp.Body)
			require.NoError(t, err)
			if protocol == "quic" {
				require.Empty(t, resp.Trailer, "gRPC has begun to work over QUIC: say so in the package's comment")
				return
			}
			require.Equal(t, "0", resp.Trailer.Get("Grpc-Status"))
			require.Equal(t, "fine", resp.Trailer.Get("Grpc-Message"))
		})
	}
}

func TestFront_OriginDown(t *testing.T) {
	t.Parallel()
	edgetest.Binary(t)
	for _, protocol := range edgetest.Protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			o := newOrigin(t)
			s := newSite(t, protocol, o, nil)
			hungUp := s.get(t, "/hangs-up")
			require.Equal(t, http.StatusBadGateway, hungUp.StatusCode)
			require.EqualValues(t, 1, o.asked.Load(), "an origin that hangs up is not asked again")

			o.Close()
			resp := s.get(t, "/")
			require.Equal(t, http.StatusBadGateway, resp.StatusCode)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			require.Equal(t, "error code: 502", string(body))

			upgrade := s.request(t, t.Context(), http.MethodGet, "/socket", nil)
			upgrade.Header.Set("Connection", "Upgrade")
			upgrade.Header.Set("Upgrade", "websocket")
			refused, err := s.front.Client().Do(upgrade)
			require.NoError(t, err)
			defer refused.Body.Close()
			require.Equal(t, http.StatusBadGateway, refused.StatusCode)
		})
	}
}

// TestFront_WebSocketRefused has an origin that doesn't upgrade: its own answer has
// to arrive.
func TestFront_WebSocketRefused(t *testing.T) {
	t.Parallel()
	edgetest.Binary(t)
	for _, protocol := range edgetest.Protocols {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, protocol, newOrigin(t), nil)
			r := s.request(t, t.Context(), http.MethodGet, "/"+url.PathEscape("no socket"), nil)
			r.Header.Set("Connection", "Upgrade")
			r.Header.Set("Upgrade", "websocket")
			resp, err := s.front.Client().Do(r)
			require.NoError(t, err)
			got := decode(t, resp)
			require.Equal(t, "websocket", got.Header.Get("Upgrade"))
		})
	}
}
