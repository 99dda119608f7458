package front_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"
)

func passesEvents(t *testing.T, s *site) {
	resp := s.get(t, "/events")
	var times []time.Time
	for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data:") {
			times = append(times, time.Now())
		}
	}
	require.Len(t, times, sseEvents)
	require.Greater(t, times[sseEvents-1].Sub(times[0]), (sseEvents-2)*sseInterval, "events were held back")
}

func carriesWebSocket(t *testing.T, s *site) {
	config, err := websocket.NewConfig("ws://"+host+"/socket", "http://"+host)
	require.NoError(t, err)
	conn, err := net.Dial("tcp", s.front.Listener.Addr().String())
	require.NoError(t, err)
	ws, err := websocket.NewClient(config, conn)
	require.NoError(t, err)
	defer ws.Close()
	for _, message := range []string{"hello", strings.Repeat("long ", 50_000), "bye"} {
		_, err := io.WriteString(ws, message)
		require.NoError(t, err)
		echo := make([]byte, len(message))
		_, err = io.ReadFull(ws, echo)
		require.NoError(t, err)
		require.True(t, message == string(echo), "the echo differs")
	}

	plain := s.get(t, "/nothing") // the same connections still carry requests
	require.Equal(t, http.StatusNoContent, plain.StatusCode)
}

func continues(t *testing.T, s *site) {
	conn, err := net.Dial("tcp", s.front.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(20*time.Second)))
	fmt.Fprintf(conn, "PUT / HTTP/1.1\r\nHost: %s\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n", host)
	lines := bufio.NewReader(conn)
	status, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "HTTP/1.1 100 Continue\r\n", status)
	_, err = lines.ReadString('\n')
	require.NoError(t, err)
	_, err = io.WriteString(conn, "hello")
	require.NoError(t, err)
	resp, err := http.ReadResponse(lines, nil)
	require.NoError(t, err)
	got := decode(t, resp)
	require.Equal(t, int64(5), got.Read)
	require.NotContains(t, got.Header, "Expect")
}

func passesEarlyAnswer(t *testing.T, s *site) {
	pr, pw := io.Pipe()
	defer pw.Close()
	go func() { _, _ = pw.Write(make([]byte, 1024)) }() // and then nothing more
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	resp, err := s.front.Client().Do(s.request(t, ctx, http.MethodPost, "/refuses", pr))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusRequestEntityTooLarge, resp.StatusCode)
}

func tellsAborts(t *testing.T, s *site) {
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	resp, err := s.front.Client().Do(s.request(t, ctx, http.MethodGet, "/endless", nil))
	require.NoError(t, err)
	defer resp.Body.Close()
	_, err = io.ReadFull(resp.Body, make([]byte, 30))
	require.NoError(t, err)
	leave()
	select {
	case <-s.origin.aborted:
	case <-time.After(20 * time.Second):
		require.Fail(t, "the origin still answers a visitor that has left")
	}
}

func tellsBrokenUploads(t *testing.T, s *site) {
	conn, err := net.Dial("tcp", s.front.Listener.Addr().String())
	require.NoError(t, err)
	fmt.Fprintf(conn, "PUT / HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", host)
	time.Sleep(200 * time.Millisecond) // let it get to the origin
	conn.Close()
	select {
	case <-s.origin.aborted:
	case <-time.After(20 * time.Second):
		require.Fail(t, "the origin took half of an upload for the whole, or still waits")
	}
}

func breaksOff(t *testing.T, s *site) {
	resp := s.get(t, "/breaks")
	require.Equal(t, http.StatusOK, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.Error(t, err)
	require.Equal(t, "only the beginning", string(body))
}

func passesNothing(t *testing.T, s *site) {
	resp := s.get(t, "/nothing")
	require.Equal(t, http.StatusNoContent, resp.StatusCode)
	head, err := s.front.Client().Do(s.request(t, t.Context(), http.MethodHead, "/", nil))
	require.NoError(t, err)
	defer head.Body.Close()
	require.Equal(t, http.StatusOK, head.StatusCode)
}

func passesBadGateway(t *testing.T, s *site) {
	resp := s.get(t, "/bad-gateway")
	require.Equal(t, http.StatusBadGateway, resp.StatusCode)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "the origin's own words\n", string(body))
}

func answersMany(t *testing.T, s *site) {
	failures := make(chan error, 400)
	limit := make(chan struct{}, 20)
	var wg sync.WaitGroup
	for i := range 400 {
		limit <- struct{}{}
		wg.Go(func() {
			defer func() { <-limit }()
			want := fmt.Sprintf("/?n=%d", i)
			r := s.request(t, t.Context(), http.MethodPost, want, strings.NewReader(want))
			resp, err := s.front.Client().Do(r)
			if err != nil {
				failures <- err
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil || !bytes.Contains(body, []byte(`"URI":"`+want+`"`)) {
				failures <- fmt.Errorf("request %d: %d %w %s", i, resp.StatusCode, err, body)
			}
		})
	}
	wg.Wait()
	close(failures)
	for err := range failures {
		require.NoError(t, err)
	}
}

func passesTrailers(t *testing.T, s *site, protocol string) {
	resp := s.get(t, "/trailers")
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Equal(t, "body", string(body))
	if protocol == "quic" {
		require.Empty(t, resp.Trailer, "cloudflared has learnt to send trailers over QUIC: say so in the package's comment")
		return
	}
	require.Equal(t, "42", resp.Trailer.Get("X-Checksum"))
}
