package front_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/edge"
	"k8s-tunnel/sandbox/cloudflare/front"
	"k8s-tunnel/sandbox/cloudflare/state"
)

var (
	live = uuid.MustParse("11111111-1111-4111-8111-111111111111")
	idle = uuid.MustParse("22222222-2222-4222-8222-222222222222")
	gone = uuid.MustParse("33333333-3333-4333-8333-333333333333")
	torn = uuid.MustParse("44444444-4444-4444-8444-444444444444")
	// others has connectors, and belongs to another account.
	others = uuid.MustParse("55555555-5555-4555-8555-555555555555")
)

// zoneOf finds zones that have the IDs of their accounts.
func zoneOf(id string) (state.Zone, bool) { return state.Zone{AccountID: id}, true }

// tunnelOf knows all tunnels but the one that is gone.
func tunnelOf(id uuid.UUID) (state.Tunnel, bool) {
	if id == others {
		return state.Tunnel{ID: id, AccountID: "others"}, true
	}
	return state.Tunnel{ID: id}, id != gone
}

// carrier carries requests to a handler, and fails in all the ways that an edge does.
type carrier struct{ handler http.HandlerFunc }

func (c carrier) RoundTrip(tunnel uuid.UUID, r *http.Request) (*http.Response, error) {
	switch tunnel {
	case live, others:
		w := httptest.NewRecorder()
		c.handler(w, r)
		resp := w.Result()
		resp.Request = r
		return resp, nil
	case idle:
		return nil, edge.ErrNoConnection
	case gone:
		return nil, edge.ErrUnknownTunnel
	}
	return nil, errors.New("connection lost")
}

func hello(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }

// newFront serves a few names, and returns the function that visits them.
func newFront(t *testing.T, tunnel http.HandlerFunc) (visit func(t *testing.T, name string, change func(*http.Request)) (*http.Response, string)) {
	t.Helper()
	direct := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "direct %s %s", r.Host, r.Header.Get("Cf-Connecting-Ip"))
	}))
	t.Cleanup(direct.Close)
	closed := httptest.NewServer(http.NotFoundHandler())
	closed.Close()

	tunnelled := func(id uuid.UUID) state.Record {
		return state.Record{Type: "CNAME", Content: id.String() + ".cfargotunnel.com", Proxied: true}
	}
	cname := func(content string) state.Record { return state.Record{Type: "CNAME", Content: content, Proxied: true} }
	records := map[string]state.Record{
		"live.localhost": tunnelled(live), "idle.localhost": tunnelled(idle),
		"gone.localhost": tunnelled(gone), "torn.localhost": tunnelled(torn),
		"odd.localhost":    cname("not-a-uuid.cfargotunnel.com"),
		"upper.localhost":  cname(strings.ToUpper(live.String()) + ".CFARGOTUNNEL.com."),
		"alias.localhost":  cname("live.localhost"),
		"loop.localhost":   cname("loop.localhost"),
		"direct.localhost": cname("origin.example.com"),
		"closed.localhost": cname("closed.example.com"),
		"lost.localhost":   cname("unknown.example.com"),
		"a.localhost":      {Type: "A", Content: "192.0.2.1", Proxied: true},

		"others.localhost":        tunnelled(others),
		"name.localhost":          cname("direct.others.localhost"),
		"live.others.localhost":   {ZoneID: "others", Type: "CNAME", Content: others.String() + ".cfargotunnel.com", Proxied: true},
		"gone.others.localhost":   {ZoneID: "others", Type: "CNAME", Content: gone.String() + ".cfargotunnel.com", Proxied: true},
		"direct.others.localhost": {ZoneID: "others", Type: "CNAME", Content: "origin.example.com", Proxied: true},
		"alias.others.localhost":  {ZoneID: "others", Type: "CNAME", Content: "live.others.localhost", Proxied: true},
	}
	origins := map[string]string{"origin.example.com": direct.URL, "closed.example.com": closed.URL}
	server := httptest.NewServer(front.New(front.Config{
		Lookup:  func(name string) (state.Record, bool) { r, ok := records[name]; return r, ok },
		Zone:    zoneOf,
		Tunnel:  tunnelOf,
		Tunnels: carrier{tunnel},
		Origin: func(content string) (*url.URL, bool) {
			u, err := url.Parse(origins[content])
			return u, err == nil && u.Host != ""
		},
	}))
	t.Cleanup(server.Close)
	return func(t *testing.T, name string, change func(*http.Request)) (*http.Response, string) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/path", nil)
		require.NoError(t, err)
		r.Host = name
		r.Header.Set("Accept-Encoding", "identity")
		if change != nil {
			change(r)
		}
		resp, err := server.Client().Do(r)
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return resp, string(body)
	}
}

func TestFront_Routes(t *testing.T) {
	t.Parallel()
	visit := newFront(t, hello)
	for name, test := range map[string]struct {
		host   string
		status int
		body   string
	}{
		"a tunnel":                          {"live.localhost", 200, "hello"},
		"a name in capitals with a port":    {"LIVE.localhost:8080", 200, "hello"},
		"a name with a dot at its end":      {"live.localhost.", 200, "hello"},
		"a target in capitals":              {"upper.localhost", 200, "hello"},
		"a record that names another":       {"alias.localhost", 200, "hello"},
		"another origin":                    {"direct.localhost", 200, "direct direct.localhost 127.0.0.1"},
		"no record":                         {"nobody.localhost", 530, "error code: 1016"},
		"a tunnel that is gone":             {"gone.localhost", 530, "error code: 1016"},
		"a tunnel that can't exist":         {"odd.localhost", 530, "error code: 1016"},
		"a target that doesn't resolve":     {"lost.localhost", 530, "error code: 1016"},
		"records that go round in circles":  {"loop.localhost", 530, "error code: 1016"},
		"a tunnel without connectors":       {"idle.localhost", 530, "error code: 1033"},
		"a connection that breaks":          {"torn.localhost", 502, "error code: 502"},
		"an origin that doesn't answer":     {"closed.localhost", 522, "error code: 522"},
		"an address where nothing answers":  {"a.localhost", 522, "error code: 522"},
		"a tunnel of another account":       {"others.localhost", 403, "error code: 1014"},
		"a name of another account":         {"name.localhost", 403, "error code: 1014"},
		"a tunnel of the other account":     {"live.others.localhost", 200, "hello"},
		"a name of the other account":       {"alias.others.localhost", 200, "hello"},
		"another account's tunnel, gone":    {"gone.others.localhost", 530, "error code: 1016"},
		"an address instead of a name":      {"127.0.0.1", 403, "error code: 1003"},
		"an IPv6 address instead of a name": {"[::1]:8080", 403, "error code: 1003"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resp, body := visit(t, test.host, nil)
			require.Equal(t, test.status, resp.StatusCode)
			require.Equal(t, test.body, body)
			require.Equal(t, []string{"cloudflare"}, resp.Header["Server"])
			require.Regexp(t, `^[0-9a-f]{16}-SBX$`, resp.Header.Get("Cf-Ray"))
			if test.status != http.StatusOK {
				require.Equal(t, "text/plain; charset=UTF-8", resp.Header.Get("Content-Type"))
				require.Contains(t, resp.Header.Get("Cache-Control"), "no-store")
			}
		})
	}
}

func TestFront_ErrorPageForBrowsers(t *testing.T) {
	t.Parallel()
	visit := newFront(t, hello)
	resp, body := visit(t, "idle.localhost", func(r *http.Request) { r.Header.Set("Accept", "text/html,*/*;q=0.8") })
	require.Equal(t, 530, resp.StatusCode)
	require.Equal(t, "text/html; charset=UTF-8", resp.Header.Get("Content-Type"))
	require.Contains(t, body, "Error 1033")
	require.Contains(t, body, strings.TrimSuffix(resp.Header.Get("Cf-Ray"), "-SBX"))

	resp, body = visit(t, "<script>.localhost", func(r *http.Request) { r.Header.Set("Accept", "text/html") })
	require.NotEqual(t, 200, resp.StatusCode)
	require.NotContains(t, body, "<script>")
}

func TestFront_StopsLoops(t *testing.T) {
	t.Parallel()
	visit := newFront(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.Header.Get("Cdn-Loop"))
	})
	for given, want := range map[string]string{
		"":                               "cloudflare; loops=1",
		"other; loops=7":                 "cloudflare; loops=1",
		"cloudflare":                     "cloudflare; loops=2",
		"other, cloudflare; loops=3":     "cloudflare; loops=4",
		"cloudflare; loops=1; subreqs=1": "cloudflare; loops=2",
		"cloudflare; loops=11":           "error code: 1000",
	} {
		_, body := visit(t, "live.localhost", func(r *http.Request) { r.Header.Set("Cdn-Loop", given) })
		require.Equal(t, want, body, "for %q", given)
	}
}

func TestFront_DropsHeadersBetweenEdgeAndConnector(t *testing.T) {
	t.Parallel()
	visit := newFront(t, func(w http.ResponseWriter, r *http.Request) {
		for name := range r.Header {
			fmt.Fprintln(w, name)
		}
	})
	_, body := visit(t, "live.localhost", func(r *http.Request) {
		r.Header.Set("Cf-Cloudflared-Proxy-Connection-Upgrade", "control-stream")
		r.Header.Set("Cf-Int-Trace", "x")
		r.Header.Set("Cf-Access-Token", "x")
		r.Header.Set("Connection", "Upgrade")
		r.Header.Set("Upgrade", "h2c")
	})
	require.NotContains(t, body, "Cloudflared")
	require.NotContains(t, body, "Cf-Int")
	require.NotContains(t, body, "Upgrade")
	require.Contains(t, body, "Cf-Access-Token")
}

func TestFront_Scheme(t *testing.T) {
	t.Parallel()
	handler := front.New(front.Config{
		Lookup: func(string) (state.Record, bool) {
			return state.Record{Type: "CNAME", Content: live.String() + ".cfargotunnel.com"}, true
		},
		Zone:   zoneOf,
		Tunnel: tunnelOf,
		Tunnels: carrier{func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprint(w, r.Header.Get("X-Forwarded-Proto"), r.Header.Get("Cf-Visitor"))
		}},
	})
	server := httptest.NewTLSServer(handler)
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	r.Host = "live.localhost"
	resp, err := server.Client().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, `https{"scheme":"https"}`, string(body))
}

func TestFront_UnpacksWhatTheVisitorCannot(t *testing.T) {
	t.Parallel()
	pack := map[string]func(io.Writer) io.WriteCloser{
		"gzip": func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) },
		"br":   func(w io.Writer) io.WriteCloser { return brotli.NewWriter(w) },
	}
	for name, test := range map[string]struct {
		encoding, cache, accept string
		packed                  bool
	}{
		"gzip for a visitor that takes it":    {"gzip", "", "deflate, gzip;q=0.5", true},
		"gzip for one that takes anything":    {"gzip", "", "*", true},
		"gzip for one that takes nothing":     {"gzip", "", "identity", false},
		"gzip for one that refuses it":        {"gzip", "", "gzip;q=0, *", false},
		"brotli for one that takes gzip only": {"br", "", "gzip", false},
		"brotli for one that takes both":      {"br", "", "gzip, br", true},
		"gzip that mustn't be touched":        {"gzip", "public, no-transform", "identity", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var packed bytes.Buffer
			p := pack[test.encoding](&packed)
			_, err := io.WriteString(p, "plain text")
			require.NoError(t, err)
			require.NoError(t, p.Close())
			visit := newFront(t, func(w http.ResponseWriter, r *http.Request) {
				require.Equal(t, "gzip, br", r.Header.Get("Accept-Encoding"))
				w.Header().Set("Content-Encoding", test.encoding)
				w.Header().Set("Content-Length", fmt.Sprint(packed.Len()))
				w.Header().Set("Cache-Control", test.cache)
				_, _ = w.Write(packed.Bytes())
			})
			resp, body := visit(t, "live.localhost", func(r *http.Request) {
				r.Header["Accept-Encoding"] = []string{test.accept}
			})
			if test.packed {
				require.Equal(t, test.encoding, resp.Header.Get("Content-Encoding"))
				require.Equal(t, packed.String(), body)
				return
			}
			require.Empty(t, resp.Header.Get("Content-Encoding"))
			require.Equal(t, "plain text", body)
		})
	}
}

func TestFront_RefusesConnect(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(front.New(front.Config{}))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodConnect, server.URL, nil)
	require.NoError(t, err)
	r.Host = "live.localhost:443"
	resp, err := server.Client().Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "error code: 400", string(body))
}
