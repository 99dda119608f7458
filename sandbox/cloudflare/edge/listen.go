package edge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"

	"github.com/quic-go/quic-go"
)

var (
	errListening = errors.New("edge is listening already")
	errNoAddress = errors.New("edge has no addresses to listen on")
)

// listeners is what exists while the edge listens.
type listeners struct {
	all    []*listener
	unstop func() bool        // of the caller's context
	end    context.CancelFunc // ends handshakes, which refuse and the carriers don't reach
	wg     sync.WaitGroup     // accept loops and connections
}

// listener is one edge address: TCP for HTTP/2 and UDP for QUIC. Each has sockets of
// its own bound to exactly that address, because a wildcard UDP socket on a machine
// with several addresses would answer from the wrong one.
type listener struct {
	location string
	tcp      net.Listener
	udp      net.PacketConn
	quic     *quic.Transport
	quicL    *quic.Listener
}

// Listen binds TCP and UDP on every address (host:port), then serves in the
// background until Stop or Shutdown, or until ctx ends, which hangs up at once. The
// addresses needn't exist yet: they may belong to an interface that comes later.
func (e *Edge) Listen(ctx context.Context, addrs []string) error {
	if len(addrs) == 0 {
		return errNoAddress
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.listeners != nil {
		return errListening
	}
	ls := &listeners{}
	for i, addr := range addrs {
		l, err := e.newListener(ctx, addr, fmt.Sprintf("sbx%02d", i+1))
		if err != nil {
			ls.close()
			return fmt.Errorf("listening on %s: %w", addr, err)
		}
		ls.all = append(ls.all, l)
	}
	conns, end := context.WithCancel(context.WithoutCancel(ctx))
	ls.end = end
	for _, l := range ls.all {
		ls.wg.Go(func() { e.acceptHTTP2(conns, ls, l) })
		ls.wg.Go(func() { e.acceptQUIC(ls, l) })
	}
	e.listeners, e.addrs = ls, nil
	for _, l := range ls.all {
		e.addrs = append(e.addrs, l.tcp.Addr().String())
	}
	ls.unstop = context.AfterFunc(ctx, func() { _ = e.Shutdown(ctx) })
	return nil
}

// Addrs returns the addresses of the last Listen, with the ports that the system chose
// where it was asked to.
func (e *Edge) Addrs() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.addrs)
}

// Start listens again where the last Listen did, after a Stop or a Shutdown.
func (e *Edge) Start(ctx context.Context) error {
	return e.Listen(ctx, e.Addrs())
}

// Stop closes the listeners and cuts every connection: an outage of the edge. It
// does nothing to an edge that doesn't listen.
func (e *Edge) Stop() {
	ls := e.leave()
	if ls == nil {
		return
	}
	ls.refuse()
	e.Cut()
	ls.close()
	ls.wg.Wait()
}

// Shutdown closes the listeners, lets requests in flight finish until ctx ends, and
// then hangs up in order. The error is ctx's if some were cut off.
func (e *Edge) Shutdown(ctx context.Context) error {
	ls := e.leave()
	if ls == nil {
		return nil
	}
	ls.refuse()
	err := e.drain(ctx)
	var wg sync.WaitGroup
	for _, c := range e.open() {
		wg.Go(c.hangUp)
	}
	wg.Wait()
	ls.close()
	ls.wg.Wait()
	return err
}

// leave takes the listeners from the edge, so that only one caller shuts it down.
func (e *Edge) leave() *listeners {
	e.mu.Lock()
	defer e.mu.Unlock()
	ls := e.listeners
	e.listeners = nil
	if ls != nil {
		ls.unstop()
	}
	return ls
}

func (e *Edge) newListener(ctx context.Context, addr, location string) (*listener, error) {
	lc := net.ListenConfig{Control: freeBind}
	l := &listener{location: location}
	var err error
	if l.tcp, err = lc.Listen(ctx, "tcp", addr); err != nil {
		return nil, err
	}
	// The TCP listener knows the port if the system chose it.
	if l.udp, err = lc.ListenPacket(ctx, "udp", l.tcp.Addr().String()); err != nil {
		l.close()
		return nil, err
	}
	l.quic = &quic.Transport{Conn: l.udp}
	l.quicL, err = l.quic.Listen(&tls.Config{
		Certificates: []tls.Certificate{e.cert}, NextProtos: []string{protocolQUIC}, MinVersion: tls.VersionTLS13,
	}, quicConfig())
	if err != nil {
		l.close()
		return nil, err
	}
	return l, nil
}

func (e *Edge) acceptHTTP2(ctx context.Context, ls *listeners, l *listener) {
	for {
		conn, err := l.tcp.Accept()
		if err != nil {
			return // closed
		}
		ls.wg.Go(func() { e.serveHTTP2(ctx, conn, l.location) })
	}
}

func (e *Edge) acceptQUIC(ls *listeners, l *listener) {
	for {
		conn, err := l.quicL.Accept(context.Background())
		if err != nil {
			return // closed
		}
		ls.wg.Go(func() { e.serveQUIC(conn, l.location) })
	}
}

// refuse stops accepting new connections; existing ones stay.
func (ls *listeners) refuse() {
	for _, l := range ls.all {
		_ = l.tcp.Close()
		_ = l.quicL.Close()
	}
}

func (ls *listeners) close() {
	if ls.end != nil {
		ls.end()
	}
	for _, l := range ls.all {
		l.close()
	}
}

func (l *listener) close() {
	if l.tcp != nil {
		_ = l.tcp.Close()
	}
	if l.quic != nil {
		_ = l.quic.Close()
	}
	if l.udp != nil {
		_ = l.udp.Close()
	}
}

func hostOf(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
