package cloudflare

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/ca"
	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cloudflare/edge"
	"k8s-tunnel/sandbox/cloudflare/front"
	"k8s-tunnel/sandbox/cloudflare/local"
	"k8s-tunnel/sandbox/cloudflare/state"
)

const (
	// StateFile is the store's file in Config.Dir.
	StateFile = "cloudflare.db"
	// shutdownLimit is how long requests in flight may take when the process ends.
	shutdownLimit = 5 * time.Second
	// headerLimit ends connections that never send a request.
	headerLimit = 30 * time.Second
)

// Server is a running Cloudflare.
type Server struct {
	// API, FrontHTTP, FrontHTTPS and Control are the addresses listened on.
	API, FrontHTTP, FrontHTTPS, Control string

	authority *ca.Authority
	store     *state.Store
	edge      *edge.Edge
	log       *slog.Logger

	servers []*http.Server
	wg      sync.WaitGroup
	failed  chan error
}

// Serve runs until ctx ends, then lets requests in flight finish for a moment. The
// error says why it couldn't start or had to stop.
func Serve(ctx context.Context, c Config) error {
	s, err := Start(ctx, c)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case err = <-s.failed:
	}
	return errors.Join(err, s.Close())
}

// Start opens the store, seeds it, and listens everywhere before it returns. The
// caller closes the server.
func Start(ctx context.Context, c Config) (*Server, error) {
	if err := c.validate(); err != nil {
		return nil, fmt.Errorf("the sandbox's Cloudflare: %w", err)
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{log: c.Logger, failed: make(chan error, 4)}
	if err := s.start(ctx, c); err != nil {
		if c.ControlListener != nil {
			_ = c.ControlListener.Close()
		}
		return nil, errors.Join(fmt.Errorf("starting the sandbox's Cloudflare: %w", err), s.Close())
	}
	s.log.Info("Cloudflare is up", "api", s.API, "front", s.FrontHTTP, "front_tls", s.FrontHTTPS, "control", s.Control, "edge", s.edge.Addrs())
	return s, nil
}

func (s *Server) start(ctx context.Context, c Config) (err error) {
	if s.authority, err = ca.Load(c.CA); err != nil {
		return err
	}
	if s.store, err = openStore(filepath.Join(c.Dir, StateFile)); err != nil {
		return err
	}
	certificate, err := s.authority.Certificate(edge.ServerNameHTTP2, edge.ServerNameQUIC)
	if err != nil {
		return err
	}
	s.edge = edge.New(edge.Config{
		Tunnel: s.store.Tunnel, Certificate: certificate, Changed: s.noteConnections, Logger: s.log.With("part", "edge"),
	})
	// Close ends the edge separately, because it must outlive the front's last
	// requests.
	if err := s.edge.Listen(context.WithoutCancel(ctx), c.EdgeAddrs); err != nil {
		return err
	}
	rest := api.New(api.Config{Store: s.store, Connectors: s.edge, Logger: s.log.With("part", "api")})
	public := front.New(front.Config{
		Lookup: s.store.Lookup, Zone: s.store.Zone, Tunnel: s.store.Tunnel, Tunnels: s.edge, Origin: s.store.Origin,
		Logger: s.log.With("part", "front"),
	})
	// The control port comes last, so that it answers only when all the others do.
	inspect := control.Handler(control.Config{World: c.World, Store: s.store, API: rest, Edge: s.edge})
	for _, l := range []struct {
		part, addr string
		tls        bool
		handler    http.Handler
		bound      *string
		open       net.Listener // nil: listen on addr
	}{
		{"api", c.API, true, local.Only(rest), &s.API, nil},
		{"front", c.FrontHTTP, false, public, &s.FrontHTTP, nil}, // for any host, as on the internet
		{"front", c.FrontHTTPS, true, public, &s.FrontHTTPS, nil},
		{"control", c.Control, false, inspect, &s.Control, c.ControlListener},
	} {
		if l.open == nil {
			var lc net.ListenConfig
			if l.open, err = lc.Listen(ctx, "tcp", l.addr); err != nil {
				return fmt.Errorf("listening for the %s: %w", l.part, err)
			}
		}
		*l.bound = s.serve(l.part, l.open, l.tls, l.handler)
	}
	return nil
}

func openStore(file string) (*state.Store, error) {
	store, err := state.Open(file)
	if err != nil {
		return nil, err
	}
	if err := store.Seed(); err != nil {
		return nil, errors.Join(err, store.Close())
	}
	// Connections from before the process last ended are gone.
	now := time.Now().UTC()
	for _, a := range store.Accounts() {
		for _, t := range store.Tunnels(a.ID) {
			if err := store.NoteConnections(t.ID, false, now); err != nil {
				return nil, errors.Join(err, store.Close())
			}
		}
	}
	return store, nil
}

func (s *Server) noteConnections(tunnel uuid.UUID, connections int) {
	if err := s.store.NoteConnections(tunnel, connections > 0, time.Now().UTC()); err != nil {
		s.log.Error("noting connections", "tunnel", tunnel, "error", err)
	}
}

// serve serves a handler in the background and returns its address.
func (s *Server) serve(part string, l net.Listener, withTLS bool, h http.Handler) string {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerLimit,
		ErrorLog:          slog.NewLogLogger(s.log.With("part", part).Handler(), slog.LevelDebug),
		Protocols:         &http.Protocols{},
	}
	server.Protocols.SetHTTP1(true)
	serve := server.Serve
	if withTLS {
		host, _, _ := net.SplitHostPort(l.Addr().String())
		server.Protocols.SetHTTP2(true)
		server.TLSConfig = &tls.Config{
			MinVersion:     tls.VersionTLS12,
			GetCertificate: s.authority.GetCertificate(host, "localhost"),
		}
		serve = func(l net.Listener) error { return server.ServeTLS(l, "", "") }
	} else {
		server.Protocols.SetUnencryptedHTTP2(true)
	}
	s.servers = append(s.servers, server)
	s.wg.Go(func() {
		if err := serve(l); !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serving the %s: %w", part, err)
		}
	})
	return l.Addr().String()
}

// Close lets requests in flight finish for a moment, then ends everything.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownLimit)
	defer cancel()
	var wg sync.WaitGroup
	for _, server := range s.servers {
		wg.Go(func() {
			if server.Shutdown(ctx) != nil {
				_ = server.Close() // they had their time
			}
		})
	}
	wg.Wait()
	if s.edge != nil {
		_ = s.edge.Shutdown(ctx) // cutting what is left is no error
	}
	s.wg.Wait()
	if s.store != nil {
		return s.store.Close()
	}
	return nil
}
