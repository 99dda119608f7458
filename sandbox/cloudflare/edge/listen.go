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

// site is what exists while the edge listens.
type site struct {
	doors  []*door
	unstop func() bool        // of the caller's context
	end    context.CancelFunc // ends handshakes, which refuse and the carriers don't reach
	wg     sync.WaitGroup     // accept loops and connections
}

// door is one edge address: TCP for HTTP/2 and UDP for QUIC. Each has sockets of
// its own bound to exactly that address, because a wildcard UDP socket on a machine
// with several addresses would answer from the wrong one.
type door struct {
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
	if e.site != nil {
		return errListening
	}
	s := &site{}
	for i, addr := range addrs {
		d, err := e.newDoor(ctx, addr, fmt.Sprintf("%s%02d", e.location, i+1))
		if err != nil {
			s.close()
			return fmt.Errorf("listening on %s: %w", addr, err)
		}
		s.doors = append(s.doors, d)
	}
	conns, end := context.WithCancel(context.WithoutCancel(ctx))
	s.end = end
	for _, d := range s.doors {
		s.wg.Go(func() { e.acceptHTTP2(conns, s, d) })
		s.wg.Go(func() { e.acceptQUIC(s, d) })
	}
	e.site, e.addrs = s, nil
	for _, d := range s.doors {
		e.addrs = append(e.addrs, d.tcp.Addr().String())
	}
	s.unstop = context.AfterFunc(ctx, func() { _ = e.Shutdown(ctx) })
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
	s := e.leave()
	if s == nil {
		return
	}
	s.refuse()
	e.Cut()
	s.close()
	s.wg.Wait()
}

// Shutdown closes the listeners, lets requests in flight finish until ctx ends, and
// then hangs up in order. The error is ctx's if some were cut off.
func (e *Edge) Shutdown(ctx context.Context) error {
	s := e.leave()
	if s == nil {
		return nil
	}
	s.refuse()
	err := e.drain(ctx)
	var wg sync.WaitGroup
	for _, c := range e.open() {
		wg.Go(c.hangUp)
	}
	wg.Wait()
	s.close()
	s.wg.Wait()
	return err
}

// leave takes the site from the edge, so that only one caller shuts it down.
func (e *Edge) leave() *site {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.site
	e.site = nil
	if s != nil {
		s.unstop()
	}
	return s
}

func (e *Edge) newDoor(ctx context.Context, addr, location string) (*door, error) {
	lc := net.ListenConfig{Control: freeBind}
	d := &door{location: location}
	var err error
	if d.tcp, err = lc.Listen(ctx, "tcp", addr); err != nil {
		return nil, err
	}
	// The TCP listener knows the port if the system chose it.
	if d.udp, err = lc.ListenPacket(ctx, "udp", d.tcp.Addr().String()); err != nil {
		d.close()
		return nil, err
	}
	d.quic = &quic.Transport{Conn: d.udp}
	d.quicL, err = d.quic.Listen(&tls.Config{
		Certificates: []tls.Certificate{e.cert}, NextProtos: []string{protocolQUIC}, MinVersion: tls.VersionTLS13,
	}, quicConfig())
	if err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (e *Edge) acceptHTTP2(ctx context.Context, s *site, d *door) {
	for {
		conn, err := d.tcp.Accept()
		if err != nil {
			return // closed
		}
		s.wg.Go(func() { e.serveHTTP2(ctx, conn, d.location) })
	}
}

func (e *Edge) acceptQUIC(s *site, d *door) {
	for {
		conn, err := d.quicL.Accept(context.Background())
		if err != nil {
			return // closed
		}
		s.wg.Go(func() { e.serveQUIC(conn, d.location) })
	}
}

// refuse stops accepting new connections; existing ones stay.
func (s *site) refuse() {
	for _, d := range s.doors {
		_ = d.tcp.Close()
		_ = d.quicL.Close()
	}
}

func (s *site) close() {
	if s.end != nil {
		s.end()
	}
	for _, d := range s.doors {
		d.close()
	}
}

func (d *door) close() {
	if d.tcp != nil {
		_ = d.tcp.Close()
	}
	if d.quic != nil {
		_ = d.quic.Close()
	}
	if d.udp != nil {
		_ = d.udp.Close()
	}
}

func hostOf(addr net.Addr) string {
	host, _, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String()
	}
	return host
}
