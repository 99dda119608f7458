package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/coder/websocket"
)

// number reads a query parameter between 0 and most. Anything else is answered as the client's
// mistake.
func number(w http.ResponseWriter, r *http.Request, name string, standard, most int64) (int64, bool) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return standard, true
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || n < 0 || n > most {
		http.Error(w, fmt.Sprintf("%s: %q is not a number from 0 to %d", name, text, most), http.StatusBadRequest)
		return 0, false
	}
	return n, true
}

// slow answers after ?ms=3000 milliseconds.
func (s *site) slow(w http.ResponseWriter, r *http.Request) {
	ms, ok := number(w, r, "ms", 3000, 600_000)
	if !ok {
		return
	}
	select {
	case <-r.Context().Done():
	case <-time.After(time.Duration(ms) * time.Millisecond):
		writeJSON(w, map[string]any{"pod": s.pod, "ms": ms})
	}
}

// download sends ?bytes=10000000 evenly over ?seconds=20, in ten pieces a second. Byte i is i
// modulo 251, so that a receiver notices when any is missing.
func download(w http.ResponseWriter, r *http.Request) {
	total, ok := number(w, r, "bytes", 10_000_000, 1<<40)
	if !ok {
		return
	}
	seconds, ok := number(w, r, "seconds", 0, 3600)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(total, 10))
	if seconds == 0 {
		_ = writePattern(w, 0, total)
		return
	}
	ticks := seconds * 10
	ticker := time.NewTicker(100 * time.Millisecond)
	defer ticker.Stop()
	for i := range ticks {
		if writePattern(w, total*i/ticks, total*(i+1)/ticks) != nil {
			return
		}
		_ = http.NewResponseController(w).Flush()
		select {
		case <-r.Context().Done():
			return
		case <-ticker.C:
		}
	}
}

// writePattern writes bytes from to until to of the endless pattern.
func writePattern(w io.Writer, from, to int64) error {
	const period = 251
	buf := make([]byte, 128*period)
	for i := range buf {
		buf[i] = byte(i % period)
	}
	for at := from; at < to; {
		piece := buf[at%period:]
		piece = piece[:min(int64(len(piece)), to-at)]
		n, err := w.Write(piece)
		at += int64(n)
		if err != nil {
			return err
		}
	}
	return nil
}

// echo reads the whole body, of any size, and answers with its length and hash.
func echo(w http.ResponseWriter, r *http.Request) {
	hash := sha256.New()
	n, err := io.Copy(hash, r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	writeJSON(w, map[string]any{"method": r.Method, "bytes": n, "sha256": hex.EncodeToString(hash.Sum(nil))})
}

// events sends server-sent events, ?n= of them or endlessly, one every ?ms=500.
func (s *site) events(w http.ResponseWriter, r *http.Request) {
	count, ok := number(w, r, "n", 0, 1<<30)
	if !ok {
		return
	}
	ms, ok := number(w, r, "ms", 500, 600_000)
	if !ok {
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	for i := int64(1); count == 0 || i <= count; i++ {
		fmt.Fprintf(w, "id: %d\ndata: {\"pod\":%q,\"time\":%q}\n\n", i, s.pod, time.Now().UTC().Format(time.RFC3339Nano))
		if http.NewResponseController(w).Flush() != nil {
			return
		}
		if i == count {
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-s.ending.Done():
			return
		case <-time.After(time.Duration(ms) * time.Millisecond):
		}
	}
}

// websocket sends every message back. When the server shuts down, it closes with 1001, which
// browsers understand as "connect again".
func (s *site) websocket(w http.ResponseWriter, r *http.Request) {
	s.sockets.Add(1)
	defer s.sockets.Done()
	// Any origin may connect: there is nothing here to protect.
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(16 << 20)
	stop := context.AfterFunc(s.ending, func() { _ = conn.Close(websocket.StatusGoingAway, "ending") })
	defer stop()
	for {
		kind, message, err := conn.Read(r.Context())
		if err != nil {
			return
		}
		if err := conn.Write(r.Context(), kind, message); err != nil {
			return
		}
	}
}

// trailers answers the way a gRPC server does: the status comes after the body.
func trailers(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Trailer", "Grpc-Status, Grpc-Message, X-Body-Sha256")
	kind := r.Header.Get("Content-Type")
	if kind == "" {
		kind = "application/octet-stream"
	}
	w.Header().Set("Content-Type", kind)
	hash := sha256.Sum256(body)
	_, _ = w.Write(body)
	_ = http.NewResponseController(w).Flush()
	w.Header().Set("Grpc-Status", "0")
	w.Header().Set("Grpc-Message", "fine")
	w.Header().Set("X-Body-Sha256", hex.EncodeToString(hash[:]))
}

// status answers with the status ?code=.
func status(w http.ResponseWriter, r *http.Request) {
	code, ok := number(w, r, "code", http.StatusOK, 599)
	if !ok {
		return
	}
	if code < 200 {
		http.Error(w, "code: an answer's status begins at 200", http.StatusBadRequest)
		return
	}
	w.WriteHeader(int(code))
	if code != http.StatusNoContent && code != http.StatusNotModified {
		fmt.Fprintf(w, "%d %s\n", code, http.StatusText(int(code)))
	}
}
