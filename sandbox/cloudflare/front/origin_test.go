package front_test

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"
)

// sseInterval is the time between two events, and sseEvents their number.
const (
	sseInterval = 300 * time.Millisecond
	sseEvents   = 4
)

// seen is what an origin reports about a request.
type seen struct {
	Method, Host, URI string
	Header            http.Header
	Length            int64 // as announced
	Read              int64
	Sum               string
}

// origin is a server behind a tunnel.
type origin struct {
	*httptest.Server
	asked   atomic.Int64
	aborted chan struct{} // receives a value whenever the origin notices that a visitor left
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	o := &origin{aborted: make(chan struct{}, 16)}
	o.Server = httptest.NewUnstartedServer(o.handler())
	o.Start()
	t.Cleanup(o.Close)
	return o
}

// newSecureOrigin speaks HTTP/2 as well, over TLS, as gRPC servers do.
func newSecureOrigin(t *testing.T) *origin {
	t.Helper()
	o := &origin{aborted: make(chan struct{}, 16)}
	o.Server = httptest.NewUnstartedServer(o.handler())
	o.EnableHTTP2 = true
	o.StartTLS()
	t.Cleanup(o.Close)
	return o
}

// handler serves by exact path, because a mux would redirect unusual ones.
func (o *origin) handler() http.Handler {
	socket := websocket.Server{Handler: func(c *websocket.Conn) { _, _ = io.Copy(c, c) }}
	paths := map[string]http.HandlerFunc{
		"/events":           o.events,
		"/endless":          o.endless,
		"/breaks":           breaks,
		"/trailers":         trailers,
		"/download":         download,
		"/refuses":          refuses,
		"/hangs-up":         func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
		"/echo.Echo/Stream": grpcEcho,
		"/socket":           socket.ServeHTTP,
		"/nothing":          func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"/bad-gateway": func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "the origin's own words", http.StatusBadGateway)
		},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		o.asked.Add(1)
		if h, ok := paths[r.URL.Path]; ok {
			h(w, r)
			return
		}
		o.echo(w, r)
	})
}

// breaks begins an answer of a type that cloudflared passes on at once, and breaks off.
func breaks(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Content-Length", "100")
	_, _ = io.WriteString(w, "only the beginning")
	_ = http.NewResponseController(w).Flush()
	time.Sleep(200 * time.Millisecond)
	panic(http.ErrAbortHandler)
}

func trailers(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Trailer", "X-Checksum")
	_, _ = io.WriteString(w, "body")
	w.Header().Set("X-Checksum", "42")
}

func download(w http.ResponseWriter, _ *http.Request) {
	chunk := make([]byte, 1<<20)
	for range 64 {
		if _, err := w.Write(chunk); err != nil {
			return
		}
	}
}

// refuses answers without reading the request's body.
func refuses(w http.ResponseWriter, _ *http.Request) {
	_ = http.NewResponseController(w).EnableFullDuplex()
	http.Error(w, "too large", http.StatusRequestEntityTooLarge)
}

func (o *origin) echo(w http.ResponseWriter, r *http.Request) {
	sum := sha256.New()
	n, err := io.Copy(sum, r.Body)
	if err != nil {
		o.aborted <- struct{}{}
		return
	}
	w.Header().Set("Server", "origin")
	w.Header().Add("Set-Cookie", "a=1")
	w.Header().Add("Set-Cookie", "b=2")
	_ = json.NewEncoder(w).Encode(seen{
		Method: r.Method, Host: r.Host, URI: r.RequestURI, Header: r.Header,
		Length: r.ContentLength, Read: n, Sum: fmt.Sprintf("%x", sum.Sum(nil)),
	})
}

func (o *origin) events(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range sseEvents {
		fmt.Fprintf(w, "data: %d\n\n", i)
		_ = http.NewResponseController(w).Flush()
		time.Sleep(sseInterval)
	}
}

// endless answers until the visitor leaves.
func (o *origin) endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	for r.Context().Err() == nil {
		if _, err := io.WriteString(w, "data: more\n\n"); err != nil {
			break
		}
		_ = http.NewResponseController(w).Flush()
		time.Sleep(20 * time.Millisecond)
	}
	o.aborted <- struct{}{}
}

// grpcEcho is the HTTP side of a gRPC server with one method: messages come back as
// they arrive, the status is a trailer.
func grpcEcho(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor != 2 || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/grpc") || r.Header.Get("Te") != "trailers" {
		http.Error(w, "not gRPC", http.StatusUnsupportedMediaType)
		return
	}
	w.Header().Set("Content-Type", "application/grpc")
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Message")
	buf := make([]byte, 1<<10)
	for {
		n, err := r.Body.Read(buf)
		if n > 0 {
			_, _ = w.Write(buf[:n])
			_ = http.NewResponseController(w).Flush()
		}
		if err != nil {
			break
		}
	}
	w.Header().Set("Grpc-Status", "0")
	w.Header().Set("Grpc-Message", "fine")
}

func decode(t *testing.T, resp *http.Response) seen {
	t.Helper()
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var s seen
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&s))
	return s
}
