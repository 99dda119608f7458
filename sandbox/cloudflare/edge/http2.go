package edge

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http2"
)

// Headers between the edge and cloudflared. Its package connection declares them, but
// importing that would pull in all of cloudflared.
const (
	headerUpgrade         = "Cf-Cloudflared-Proxy-Connection-Upgrade"
	headerResponseHeaders = "Cf-Cloudflared-Response-Headers"
	headerResponseMeta    = "Cf-Cloudflared-Response-Meta"

	upgradeControlStream = "control-stream"
	upgradeWebSocket     = "websocket"

	metaConnector = "cloudflared" // the source of a response that isn't the origin's
)

const (
	// handshakeTimeout is cloudflared's own limit on the other side, for TLS as for QUIC.
	handshakeTimeout = 5 * time.Second
	// A connector that vanished silently is noticed after at most their sum.
	http2PingAfter   = 5 * time.Second
	http2PingTimeout = 10 * time.Second
	// goAwayTimeout is how long a control stream may take to end after GOAWAY.
	goAwayTimeout = 100 * time.Millisecond
)

var errConnectionClosed = errors.New("connection to the connector is closed")

// serveHTTP2 serves one TCP connection of a connector until it ends, or ctx does.
func (e *Edge) serveHTTP2(ctx context.Context, raw net.Conn, location string) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	context.AfterFunc(ctx, func() { _ = raw.Close() })
	conn := tls.Server(raw, &tls.Config{
		Certificates: []tls.Certificate{e.cert}, MinVersion: tls.VersionTLS12,
	})
	if err := handshake(ctx, conn); err != nil {
		e.log.Warn("handshake failed", "protocol", "http2", "peer", raw.RemoteAddr().String(), "error", err)
		return
	}
	t := &http2.Transport{DisableCompression: true, ReadIdleTimeout: http2PingAfter, PingTimeout: http2PingTimeout}
	cc, err := t.NewClientConn(conn)
	if err != nil {
		e.log.Warn("no HTTP/2", "peer", raw.RemoteAddr().String(), "error", err)
		return
	}
	defer cc.Close()
	control, err := openControlStream(ctx, cc, conn)
	if err != nil {
		e.log.Warn("no control stream", "peer", raw.RemoteAddr().String(), "error", err)
		return
	}
	s := &session{edge: e, carrier: &http2Carrier{cc: cc, conn: conn}}
	s.info.Protocol, s.info.Location = "http2", location
	s.info.EdgeAddr, s.info.OriginIP = raw.LocalAddr().String(), hostOf(raw.RemoteAddr())
	s.serve(ctx, control)
}

func handshake(ctx context.Context, conn *tls.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	if err := conn.HandshakeContext(ctx); err != nil {
		return err
	}
	if name := conn.ConnectionState().ServerName; name != ServerNameHTTP2 {
		return fmt.Errorf("unknown server name %q", name)
	}
	return nil
}

// openControlStream makes the request whose body and response the connector uses for
// RPC. Its response begins with the connector's first message.
func openControlStream(ctx context.Context, cc *http2.ClientConn, conn net.Conn) (io.ReadWriteCloser, error) {
	body, w := io.Pipe()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+ServerNameHTTP2+"/", body)
	if err != nil {
		return nil, err
	}
	req.Header.Set(headerUpgrade, upgradeControlStream)
	timeout := time.AfterFunc(handshakeTimeout, func() { conn.Close() })
	defer timeout.Stop()
	resp, err := cc.RoundTrip(req) //nolint:bodyclose // the body is the control stream, closed with it
	if err != nil {
		return nil, err
	}
	return duplex{resp.Body, w}, nil
}

// duplex joins the two halves of an HTTP/2 stream.
type duplex struct {
	io.ReadCloser
	w *io.PipeWriter
}

func (d duplex) Write(p []byte) (int, error) { return d.w.Write(p) }
func (d duplex) CloseWrite() error           { return d.w.Close() }
func (d duplex) Close() error                { return errors.Join(d.w.Close(), d.ReadCloser.Close()) }

// http2Carrier carries requests over HTTP/2, with the edge as the client.
type http2Carrier struct {
	cc   *http2.ClientConn
	conn net.Conn
}

func (c *http2Carrier) cut() { _ = c.conn.Close() }

func (c *http2Carrier) hangUp() {
	ctx, cancel := context.WithTimeout(context.Background(), goAwayTimeout)
	defer cancel()
	_ = c.cc.Shutdown(ctx) // sends GOAWAY
	_ = c.conn.Close()
}

func (c *http2Carrier) roundTrip(r *http.Request) (*http.Response, error) {
	if !c.cc.ReserveNewRequest() {
		return nil, errNotSent{errConnectionClosed}
	}
	var sent atomic.Bool
	out := r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		WroteHeaderField: func(string, []string) { sent.Store(true) },
	}))
	out.URL.Scheme, out.URL.Host, out.RequestURI = "https", r.Host, ""

	var up *io.PipeWriter
	if isWebSocket(r) {
		var body *io.PipeReader
		body, up = io.Pipe()
		out.Body, out.ContentLength = body, -1
		// Forbidden in HTTP/2; cloudflared puts them back for the origin.
		out.Header.Del("Connection")
		out.Header.Del("Upgrade")
		out.Header.Set(headerUpgrade, upgradeWebSocket)
	}
	resp, err := c.cc.RoundTrip(out)
	if err != nil {
		if up != nil {
			_ = up.Close()
		}
		return nil, c.judge(err, sent.Load())
	}
	if err := decodeResponse(resp); err != nil {
		_ = resp.Body.Close()
		if up != nil {
			_ = up.Close()
		}
		return nil, err
	}
	switch {
	case up == nil:
	case resp.StatusCode == http.StatusOK && resp.Header.Get("Sec-Websocket-Accept") != "":
		setSwitched(resp, duplex{resp.Body, up}) // HTTP/2 has no 101, cloudflared sends 200
	default:
		_ = up.Close()
	}
	return resp, nil
}

// judge distinguishes failures of the connection from those of one stream.
func (c *http2Carrier) judge(err error, sent bool) error {
	var stream http2.StreamError
	if !sent || errors.As(err, &stream) && stream.Code == http2.ErrCodeRefusedStream {
		return errNotSent{err}
	}
	if state := c.cc.State(); state.Closed || state.Closing {
		return errLost{err}
	}
	return err
}

// decodeResponse replaces a response's HTTP/2 headers with the origin's, which
// cloudflared packs into a single one.
func decodeResponse(resp *http.Response) error {
	var meta struct {
		Source string `json:"src"`
	}
	if err := json.Unmarshal([]byte(resp.Header.Get(headerResponseMeta)), &meta); err != nil {
		return fmt.Errorf("response meta header: %w", err)
	}
	if meta.Source == metaConnector {
		return ErrConnector
	}
	header, err := unpackHeaders(resp.Header.Get(headerResponseHeaders))
	if err != nil {
		return err
	}
	resp.Header = header
	return nil
}

// unpackHeaders decodes name:value pairs, both in unpadded base64, separated by
// semicolons.
func unpackHeaders(packed string) (http.Header, error) {
	header := http.Header{}
	for pair := range strings.SplitSeq(packed, ";") {
		if pair == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, ":")
		if !ok {
			return nil, fmt.Errorf("response headers: no value in %q", pair)
		}
		n, err := base64.RawStdEncoding.DecodeString(name)
		if err != nil {
			return nil, fmt.Errorf("response headers: %w", err)
		}
		v, err := base64.RawStdEncoding.DecodeString(value)
		if err != nil {
			return nil, fmt.Errorf("response headers: %w", err)
		}
		header.Add(string(n), string(v))
	}
	return header, nil
}
