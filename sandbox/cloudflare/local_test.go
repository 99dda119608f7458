package cloudflare_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare"
	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// answered sends a request to an address as a client does that believes it to be a host.
func answered(t *testing.T, c *http.Client, method, url, host, body string, header ...string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	req.Host = host
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := c.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, string(raw)
}

func TestServer_ControlServesThisMachineOnly(t *testing.T) {
	t.Parallel()
	s, c := start(t, config(t))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	_, port, err := net.SplitHostPort(s.Control)
	require.NoError(t, err)
	const down = `{"up":false}`
	json := []string{"Content-Type", "application/json"}
	for name, tt := range map[string]struct {
		host   string
		body   string
		header []string
		status int
	}{
		"its address":               {s.Control, down, json, 200},
		"localhost":                 {"localhost:" + port, down, json, 200},
		"another loopback address":  {"127.0.7.1:" + port, down, json, 200},
		"IPv6":                      {"[::1]:" + port, down, json, 200},
		"a character set":           {s.Control, down, []string{"Content-Type", "application/json; charset=utf-8"}, 200},
		"a name that leads here":    {"rebound.example:" + port, down, json, 421},
		"a name like a good one":    {"localhost.example:" + port, down, json, 421},
		"another port":              {"127.0.0.1:1", down, json, 421},
		"no port":                   {"127.0.0.1", down, json, 421},
		"an address elsewhere":      {"192.0.2.1:" + port, down, json, 421},
		"a web page":                {s.Control, down, append([]string{"Origin", "https://example.com"}, json...), 403},
		"a web page without a name": {s.Control, down, append([]string{"Origin", "null"}, json...), 403},
		"a web page from here":      {s.Control, down, append([]string{"Origin", "http://" + s.Control}, json...), 403},
		"a form":                    {s.Control, down, []string{"Content-Type", "application/x-www-form-urlencoded"}, 415},
		"text":                      {s.Control, down, []string{"Content-Type", "text/plain"}, 415},
		"no type":                   {s.Control, down, nil, 415},
		"no body":                   {s.Control, "", nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			require.NoError(t, c.SetEdge(t.Context(), true))
			status, answer := answered(t, http.DefaultClient, http.MethodPut, "http://"+s.Control+"/edge", tt.host, tt.body, tt.header...)
			require.Equal(t, tt.status, status, answer)
			st, err := c.State(t.Context())
			require.NoError(t, err)
			require.Equal(t, tt.status != 200, st.Edge.Up, "what is refused does nothing")
		})
	}
	t.Run("without a body, and without a type", func(t *testing.T) {
		status, answer := answered(t, http.DefaultClient, http.MethodPost, "http://"+s.Control+"/edge/cut", s.Control, "")
		require.Equal(t, 200, status, answer)
	})
}

func TestServer_APIAndFront(t *testing.T) {
	t.Parallel()
	s, _ := start(t, config(t))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	zones := "https://" + s.API + api.BasePath + "/zones"
	token := []string{"Authorization", "Bearer " + state.SeedToken}
	status, _ := answered(t, client(t, s, s.API), http.MethodGet, zones, s.API, "", token...)
	require.Equal(t, 200, status)
	status, _ = answered(t, client(t, s, s.API), http.MethodGet, zones, "api.cloudflare.com", "", token...)
	require.Equal(t, 421, status)
	status, _ = answered(t, client(t, s, s.API), http.MethodGet, zones, s.API, "", append(token, "Origin", "https://example.com")...)
	require.Equal(t, 403, status)

	status, answer := answered(t, http.DefaultClient, http.MethodGet, "http://"+s.FrontHTTP, "home.localhost", "", "Origin", "https://example.com")
	require.Equal(t, 530, status, "the front serves every host, and this one has no record")
	require.Contains(t, answer, "1016")
}

func TestServer_ControlBelongsToOneWorld(t *testing.T) {
	t.Parallel()
	s, ours := start(t, config(t))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	ctx := t.Context()
	owner, err := control.NewClient(s.Control, "").World(ctx)
	require.NoError(t, err)
	require.Equal(t, testWorld, owner)

	other := control.NewClient(s.Control, "other")
	for name, call := range map[string]func() error{
		"ready":    func() error { return other.Ready(ctx) },
		"state":    func() error { _, err := other.State(ctx); return err },
		"the edge": func() error { return other.SetEdge(ctx, false) },
		"forget":   func() error { return other.ForgetCalls(ctx) },
	} {
		var foreign *control.ForeignError
		require.ErrorAs(t, call(), &foreign, name)
		require.Equal(t, testWorld, foreign.Owner, name)
		require.ErrorContains(t, foreign, "belongs to world test of /clone (process 4711): take that one down first (go -C /clone/sandbox run . down --world test)")
	}
	st, err := ours.State(ctx)
	require.NoError(t, err)
	require.True(t, st.Edge.Up, "calls for another world do nothing")
}

func TestClient_AnswersFromOtherPrograms(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "{}") })}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	for _, world := range []string{"", "ours"} {
		c := control.NewClient(l.Addr().String(), world)
		_, err := c.World(t.Context())
		require.ErrorAs(t, err, new(*control.ForeignError))
		require.ErrorContains(t, c.Ready(t.Context()), "doesn't say which local world it is")
	}
}

func TestWaiting_SaysWhoseItIs(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := &http.Server{Handler: control.Waiting(testWorld)}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	c := control.NewClient(l.Addr().String(), testWorld.ID)
	owner, err := c.World(t.Context())
	require.NoError(t, err)
	require.Equal(t, testWorld, owner)
	require.ErrorContains(t, c.Ready(t.Context()), "still being started")
}

func TestStart_ClosesTheControlPortItWasGiven(t *testing.T) {
	t.Parallel()
	cfg := config(t)
	var err error
	cfg.ControlListener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s, err := cloudflare.Start(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, cfg.ControlListener.Addr().String(), s.Control)
	require.NoError(t, s.Close())
	_, err = cfg.ControlListener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)

	cfg = config(t)
	cfg.API = "192.0.2.1:4443" // no address of this machine
	cfg.ControlListener, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	_, err = cloudflare.Start(t.Context(), cfg)
	require.Error(t, err)
	_, err = cfg.ControlListener.Accept()
	require.ErrorIs(t, err, net.ErrClosed)
}
