package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cloudflare/cloudflared/tunnelrpc/pogs"
	rpcquic "github.com/cloudflare/cloudflared/tunnelrpc/quic"
	"github.com/quic-go/quic-go"
)

// protocolQUIC is the ALPN name that cloudflared offers.
const protocolQUIC = "argotunnel"

// Metadata of requests and responses on QUIC streams.
const (
	metaMethod = "HttpMethod"
	metaHost   = "HttpHost"
	metaStatus = "HttpStatus"
	metaHeader = "HttpHeader:" // a header's name follows
)

// The codes that cloudflared logs when the edge ends a connection.
const (
	quicNoError     quic.ApplicationErrorCode = 0
	quicInterrupted quic.ApplicationErrorCode = 1
)

// quicConfig mirrors cloudflared's own: the shorter of two idle timeouts counts.
func quicConfig() *quic.Config {
	return &quic.Config{
		EnableDatagrams:      true, // cloudflared gives up without them
		HandshakeIdleTimeout: handshakeTimeout,
		MaxIdleTimeout:       5 * time.Second,
		KeepAlivePeriod:      time.Second,
		MaxIncomingStreams:   1 << 20,
	}
}

// serveQUIC serves one QUIC connection of a connector until it ends. The first
// stream that the connector opens is the control stream; every request gets a
// stream that the edge opens.
func (e *Edge) serveQUIC(conn *quic.Conn, location string) {
	defer func() { _ = conn.CloseWithError(quicNoError, "") }()
	peer := conn.RemoteAddr().String()
	if name := conn.ConnectionState().TLS.ServerName; name != ServerNameQUIC {
		e.log.Warn("handshake failed", "protocol", "quic", "peer", peer,
			"error", fmt.Sprintf("unknown server name %q", name))
		return
	}
	ctx, cancel := context.WithTimeout(conn.Context(), handshakeTimeout)
	control, err := conn.AcceptStream(ctx)
	cancel()
	if err != nil {
		e.log.Warn("no control stream", "peer", peer, "error", err)
		return
	}
	s := &session{edge: e, carrier: quicCarrier{conn}}
	s.info.Protocol, s.info.Location = "quic", location
	s.info.EdgeAddr, s.info.OriginIP = conn.LocalAddr().String(), hostOf(conn.RemoteAddr())
	s.serve(conn.Context(), control)
}

// quicCarrier carries requests over QUIC streams. cloudflared sends no trailers over
// QUIC, so gRPC calls, whose status is a trailer, end without a status, as they do at
// Cloudflare.
type quicCarrier struct{ conn *quic.Conn }

func (c quicCarrier) hangUp() { _ = c.conn.CloseWithError(quicNoError, "") }
func (c quicCarrier) cut()    { _ = c.conn.CloseWithError(quicInterrupted, "edge interrupted") }

func (c quicCarrier) roundTrip(r *http.Request) (*http.Response, error) {
	stream, err := c.conn.OpenStreamSync(r.Context())
	if err != nil {
		return nil, errNotSent{err}
	}
	x := &quicExchange{stream: stream}
	x.unwatch = context.AfterFunc(r.Context(), x.abort)

	rpc := &rpcquic.RequestClientStream{ReadWriteCloser: stream}
	kind := pogs.ConnectionTypeHTTP
	if isWebSocket(r) {
		kind = pogs.ConnectionTypeWebsocket
	}
	if err := rpc.WriteConnectRequestData("https://"+r.Host+r.URL.RequestURI(), kind, requestMetadata(r)...); err != nil {
		_ = x.Close()
		return nil, errNotSent{err}
	}
	if kind == pogs.ConnectionTypeHTTP {
		go x.send(r.Body)
	}
	answer, err := rpc.ReadConnectResponseData()
	if err != nil {
		_ = x.Close()
		if c.conn.Context().Err() != nil {
			err = errLost{err}
		}
		return nil, err
	}
	resp, err := quicResponse(answer)
	if err != nil {
		_ = x.Close()
		return nil, err
	}
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols:
		setSwitched(resp, x)
	case kind == pogs.ConnectionTypeWebsocket:
		_ = x.CloseWrite() // refused, there is nothing to send
		resp.Body = x
	default:
		resp.Body = x
	}
	return resp, nil
}

// requestMetadata holds what HTTP has in a request's first line and headers.
func requestMetadata(r *http.Request) []pogs.Metadata {
	md := []pogs.Metadata{{Key: metaMethod, Val: r.Method}, {Key: metaHost, Val: r.Host}}
	for name, values := range r.Header {
		for _, v := range values {
			md = append(md, pogs.Metadata{Key: metaHeader + name, Val: v})
		}
	}
	switch {
	case r.ContentLength > 0:
		md = append(md, pogs.Metadata{Key: metaHeader + "Content-Length", Val: strconv.FormatInt(r.ContentLength, 10)})
	case r.ContentLength < 0: // without this, cloudflared would assume that there is no body
		md = append(md, pogs.Metadata{Key: metaHeader + "Transfer-Encoding", Val: "chunked"})
	}
	return md
}

func quicResponse(answer *pogs.ConnectResponse) (*http.Response, error) {
	if answer.Error != "" {
		return nil, fmt.Errorf("%w: %s", ErrConnector, answer.Error)
	}
	resp := &http.Response{
		Proto: "HTTP/2.0", ProtoMajor: 2, Header: http.Header{}, ContentLength: -1,
	}
	for _, m := range answer.Metadata {
		if m.Key == metaStatus {
			status, err := strconv.Atoi(m.Val)
			if err != nil {
				return nil, fmt.Errorf("response status: %w", err)
			}
			resp.StatusCode = status
		} else if name, ok := strings.CutPrefix(m.Key, metaHeader); ok {
			resp.Header.Add(name, m.Val)
		}
	}
	if resp.StatusCode == 0 {
		return nil, errors.New("response without a status")
	}
	if length, err := strconv.ParseInt(resp.Header.Get("Content-Length"), 10, 64); err == nil {
		resp.ContentLength = length
	}
	return resp, nil
}

// quicExchange is one request's stream: the response's body, and after an upgrade
// the way to the origin as well.
type quicExchange struct {
	stream  *quic.Stream
	unwatch func() bool
	sent    atomic.Bool // the request is complete, our half is closed
}

// send copies a request's body. A body that breaks off resets the stream, so that the
// origin doesn't take half of it for the whole.
func (x *quicExchange) send(body io.Reader) {
	if body != nil {
		if _, err := io.Copy(x.stream, body); err != nil {
			x.stream.CancelWrite(0)
			return
		}
	}
	_ = x.CloseWrite()
}

func (x *quicExchange) Read(p []byte) (int, error)  { return x.stream.Read(p) }
func (x *quicExchange) Write(p []byte) (int, error) { return x.stream.Write(p) }

func (x *quicExchange) CloseWrite() error {
	x.sent.Store(true)
	return x.stream.Close()
}

// abort tells the connector that the rest is no longer wanted.
func (x *quicExchange) abort() {
	x.stream.CancelRead(0)
	x.stream.CancelWrite(0)
}

// Close ends the exchange: the rest of an answer that wasn't read to its end is
// refused, and a request that isn't sent yet is abandoned.
func (x *quicExchange) Close() error {
	x.unwatch()
	x.stream.CancelRead(0)
	if !x.sent.Load() {
		x.stream.CancelWrite(0)
	}
	return nil
}
