package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/stretchr/testify/require"
)

func startSite(t *testing.T, app string) *httptest.Server {
	t.Helper()
	s, err := newSite(app)
	require.NoError(t, err)
	server := httptest.NewServer(s.handler())
	t.Cleanup(server.Close)
	return server
}

// fetch returns an answer's status, headers and body.
func fetch(t *testing.T, url string) (status int, header http.Header, body string) {
	t.Helper()
	response, err := http.Get(url)
	require.NoError(t, err)
	defer response.Body.Close()
	data, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response.StatusCode, response.Header, string(data)
}

func TestSite_ShowsPodAndTunnelHeaders(t *testing.T) {
	t.Parallel()
	server := startSite(t, "photos")
	request, err := http.NewRequest(http.MethodGet, server.URL, nil)
	require.NoError(t, err)
	request.Host = "photos.example.com"
	request.Header.Set("Cf-Connecting-Ip", "192.0.2.7")
	request.Header.Set("Cf-Ray", "<b>1</b>")
	response, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	defer response.Body.Close()
	page, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	require.Contains(t, string(page), "<title>Photos</title>")
	require.Contains(t, string(page), "photos.example.com")
	require.Contains(t, string(page), "192.0.2.7")
	require.Contains(t, string(page), "&lt;b&gt;1&lt;/b&gt;")
	require.NotContains(t, string(page), "ZgotmplZ")
	require.Contains(t, string(page), response.Header.Get("X-Pod"))

	_, _, text := fetch(t, server.URL+"/api/photos")
	var list []photo
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	require.NotEmpty(t, list)
	for _, p := range list {
		_, header, picture := fetch(t, server.URL+p.URL)
		require.Equal(t, "image/svg+xml", header.Get("Content-Type"))
		require.Contains(t, picture, "</svg>")
		require.Contains(t, string(page), p.URL)
	}
}

func TestSite_Paths(t *testing.T) {
	t.Parallel()
	server := startSite(t, "hello")
	for path, want := range map[string]int{
		"/": 200, "/healthz": 200, "/api/info": 200, "/api/photos": 404, "/nothing": 404, "/status?code=503": 503, "/status?code=204": 204,
		"/status?code=100": 400, "/status?code=abc": 400, "/slow?ms=-1": 400, "/slow?ms=1": 200, "/download?bytes=x": 400, "/events?n=1": 200,
	} {
		code, header, body := fetch(t, server.URL+path)
		require.Equal(t, want, code, "%s: %s", path, body)
		require.NotEmpty(t, header.Get("X-Pod"))
	}
}

func TestSlow_TakesItsTime(t *testing.T) {
	t.Parallel()
	start := time.Now()
	code, _, _ := fetch(t, startSite(t, "hello").URL+"/slow?ms=200")
	require.Equal(t, http.StatusOK, code)
	require.GreaterOrEqual(t, time.Since(start), 200*time.Millisecond)
}

func TestDownload_SteadyAndWhole(t *testing.T) {
	t.Parallel()
	start := time.Now()
	_, header, body := fetch(t, startSite(t, "hello").URL+"/download?bytes=100003&seconds=1")
	require.Equal(t, "100003", header.Get("Content-Length"))
	require.Len(t, body, 100003)
	for i := range len(body) {
		if body[i] != byte(i%251) {
			require.Failf(t, "wrong byte", "at %d", i)
		}
	}
	require.InDelta(t, 1, time.Since(start).Seconds(), 0.5)
}

func TestEcho_HashesLargeUploads(t *testing.T) {
	t.Parallel()
	const size = 40 << 20
	hash := sha256.New()
	body := io.TeeReader(io.LimitReader(bytes.NewReader(bytes.Repeat([]byte("k8s-tunnel"), size/10+1)), size), hash)
	answer, err := http.Post(startSite(t, "hello").URL+"/echo", "application/octet-stream", body)
	require.NoError(t, err)
	defer answer.Body.Close()
	var got struct {
		Bytes  int64  `json:"bytes"`
		SHA256 string `json:"sha256"`
	}
	require.NoError(t, json.NewDecoder(answer.Body).Decode(&got))
	require.EqualValues(t, size, got.Bytes)
	require.Equal(t, hex.EncodeToString(hash.Sum(nil)), got.SHA256)
}

func TestEvents_ComeOneByOne(t *testing.T) {
	t.Parallel()
	answer, err := http.Get(startSite(t, "hello").URL + "/events?n=3&ms=100")
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, "text/event-stream", answer.Header.Get("Content-Type"))
	var at []time.Time
	for scanner := bufio.NewScanner(answer.Body); scanner.Scan(); {
		if strings.HasPrefix(scanner.Text(), "data:") {
			at = append(at, time.Now())
		}
	}
	require.Len(t, at, 3)
	require.Greater(t, at[2].Sub(at[0]), 150*time.Millisecond)
}

func TestTrailers_OverEveryProtocol(t *testing.T) {
	t.Parallel()
	addr, tlsAddr, _ := startServe(t, "hello")
	var h2c, h2, h1 http.Protocols
	h2c.SetUnencryptedHTTP2(true)
	h2.SetHTTP2(true)
	h1.SetHTTP1(true)
	for _, c := range []struct {
		name, url, proto string
		protocols        *http.Protocols
	}{
		{"http/1.1", "http://" + addr, "HTTP/1.1", &h1},
		{"h2c", "http://" + addr, "HTTP/2.0", &h2c},
		{"h2", "https://" + tlsAddr, "HTTP/2.0", &h2},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := &http.Client{Transport: &http.Transport{Protocols: c.protocols, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
			answer, err := client.Post(c.url+"/trailers", "application/grpc", strings.NewReader("ping"))
			require.NoError(t, err)
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			require.Equal(t, "ping", string(body))
			require.Equal(t, c.proto, answer.Proto)
			require.Equal(t, "application/grpc", answer.Header.Get("Content-Type"))
			require.Equal(t, "0", answer.Trailer.Get("Grpc-Status"))
		})
	}
}

// startServe runs the whole server; the returned function tells it to stop and waits.
func startServe(t *testing.T, app string) (addr, tlsAddr string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	out, in := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- serveUntil(ctx, app, "127.0.0.1:0", "127.0.0.1:0", 10*time.Second, in) }()
	lines := bufio.NewReader(out)
	read := func() string {
		line, err := lines.ReadString('\n')
		require.NoError(t, err)
		return strings.TrimSpace(strings.TrimPrefix(line, app+" on "))
	}
	addr, tlsAddr = read(), read()
	stop = func() error { cancel(); err := <-ended; ended <- err; return err }
	t.Cleanup(func() { require.NoError(t, stop()) })
	return addr, tlsAddr, stop
}

func TestServe_EndsWithoutDroppingAnything(t *testing.T) {
	t.Parallel()
	addr, _, stop := startServe(t, "hello")
	slow := make(chan error, 1)
	go func() {
		slow <- func() error {
			answer, err := http.Get("http://" + addr + "/download?bytes=1000&seconds=1")
			if err != nil {
				return err
			}
			defer answer.Body.Close()
			n, err := io.Copy(io.Discard, answer.Body)
			if err == nil && n != 1000 {
				err = fmt.Errorf("%d bytes", n)
			}
			return err
		}()
	}()
	conn, _, err := websocket.Dial(t.Context(), "ws://"+addr+"/ws", nil)
	require.NoError(t, err)
	require.NoError(t, conn.Write(t.Context(), websocket.MessageText, []byte("hallo")))
	_, message, err := conn.Read(t.Context())
	require.NoError(t, err)
	require.Equal(t, "hallo", string(message))
	events, err := http.Get("http://" + addr + "/events")
	require.NoError(t, err)
	defer events.Body.Close()
	time.Sleep(200 * time.Millisecond)

	go func() { _ = stop() }()
	_, _, err = conn.Read(t.Context())
	require.Equal(t, websocket.StatusGoingAway, websocket.CloseStatus(err), "%v", err)
	require.NoError(t, <-slow)
	_, err = io.Copy(io.Discard, events.Body)
	require.NoError(t, err)
	require.NoError(t, stop())
	_, err = net.Dial("tcp", addr)
	require.Error(t, err)
}

func TestServe_RefusesNonsense(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"serve", "-app", "mail"}, {"serve", "-listen", "nowhere"}, {"serve", "extra"}, {"serve", "-x"}, {}, {"fly"}} {
		var out, err bytes.Buffer
		require.NotEqual(t, exitOK, run(t.Context(), args, &out, &err), "%q", args)
		require.NotEmpty(t, err.String(), "%q", args)
	}
}

func TestClients(t *testing.T) {
	t.Parallel()
	addr, tlsAddr, _ := startServe(t, "hello")
	refused := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer func() { _ = l.Close() }()
		return l.Addr().String()
	}()
	echoUDP, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = echoUDP.Close() })
	go func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := echoUDP.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = echoUDP.WriteTo(buf[:n], from)
		}
	}()
	silent, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })

	for _, c := range []struct {
		name string
		args []string
		code int
		out  string
	}{
		{"get", []string{"get", "http://" + addr + "/healthz"}, exitOK, "ok"},
		{"get with a host", []string{"get", "-host", "home.example.com", "http://" + addr + "/api/info"}, exitOK, `"host": "home.example.com"`},
		{"get an error", []string{"get", "http://" + addr + "/status?code=503"}, exitStatus, "503"},
		{"get where nothing listens", []string{"get", "http://" + refused}, exitFailed, ""},
		{"get with an unknown certificate", []string{"get", "https://" + tlsAddr + "/healthz"}, exitFailed, ""},
		{"get whatever the certificate", []string{"get", "-insecure", "https://" + tlsAddr + "/healthz"}, exitOK, "ok"},
		{"get too slowly", []string{"get", "-timeout", "100ms", "http://" + addr + "/slow"}, exitFailed, ""},
		{"get nothing", []string{"get"}, exitUsage, ""},
		{"resolve", []string{"resolve", "localhost"}, exitOK, "127.0.0.1"},
		{"resolve nonsense", []string{"resolve", "-timeout", "1s", "no.such.name.invalid"}, exitFailed, ""},
		{"dial", []string{"dial", addr}, exitOK, "open"},
		{"dial where nothing listens", []string{"dial", refused}, exitFailed, "refused"},
		{"dial over UDP", []string{"dial", "-udp", echoUDP.LocalAddr().String()}, exitOK, "open"},
		{"dial where nothing listens over UDP", []string{"dial", "-udp", refused}, exitFailed, "refused"},
		{"dial a silent service over UDP", []string{"dial", "-udp", "-timeout", "300ms", silent.LocalAddr().String()}, exitFailed, "timeout"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out, err bytes.Buffer
			require.Equal(t, c.code, run(t.Context(), c.args, &out, &err), "%s%s", &out, &err)
			require.Contains(t, out.String(), c.out)
		})
	}
}
