package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"time"
)

// idleTimeout is longer than the 90 s for which cloudflared, and the 20 s for which skipper, keep
// an idle connection: the client must be the one to close it, or a request can meet a connection
// that has just been closed.
const idleTimeout = 2 * time.Minute

// serve runs a site until the context ends, and then until its requests have been answered.
func serve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("serve", flag.ContinueOnError)
	flags.SetOutput(stderr)
	app := flags.String("app", "hello", "which site: hello or photos")
	listen := flags.String("listen", ":8080", "address for HTTP/1.1 and HTTP/2 without TLS")
	tlsListen := flags.String("tls-listen", "", "address for HTTPS with a certificate of its own making; none by default")
	drain := flags.Duration("drain", 50*time.Second, "how long requests in flight may take once it is told to end")
	if err := flags.Parse(args); err != nil {
		return exitUsage
	}
	if flags.NArg() > 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	if err := serveUntil(ctx, *app, *listen, *tlsListen, *drain, stdout); err != nil {
		fmt.Fprintf(stderr, "webapp: %v\n", err)
		return exitFailed
	}
	return exitOK
}

func serveUntil(ctx context.Context, app, listen, tlsListen string, drain time.Duration, stdout io.Writer) error {
	s, err := newSite(app)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: s.handler(), ReadHeaderTimeout: idleTimeout, IdleTimeout: idleTimeout, Protocols: protocols()}
	server.RegisterOnShutdown(s.end)
	failed := make(chan error, 2)
	start := func(addr string, serve func(net.Listener) error) error {
		l, err := net.Listen("tcp", addr)
		if err != nil {
			return fmt.Errorf("listening: %w", err)
		}
		fmt.Fprintf(stdout, "%s on %s\n", app, l.Addr())
		go func() { failed <- serve(l) }()
		return nil
	}
	if err := start(listen, server.Serve); err != nil {
		return err
	}
	if tlsListen != "" {
		certificate, err := selfSigned()
		if err != nil {
			return err
		}
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		if err := start(tlsListen, func(l net.Listener) error { return server.ServeTLS(l, "", "") }); err != nil {
			return err
		}
	}
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	return shutdown(server, s, drain)
}

// shutdown answers what is in flight and says goodbye on WebSockets, which the server no longer
// tracks. What takes too long is cut.
func shutdown(server *http.Server, s *site, drain time.Duration) error {
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("waiting for requests: %w", err), server.Close())
	}
	closed := make(chan struct{})
	go func() { s.sockets.Wait(); close(closed) }()
	select {
	case <-closed:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for WebSockets: %w", ctx.Err())
	}
}

func protocols() *http.Protocols {
	var p http.Protocols
	p.SetHTTP1(true)
	p.SetHTTP2(true)
	p.SetUnencryptedHTTP2(true)
	return &p
}

// selfSigned makes the kind of certificate that an appliance in a home lab has, which no authority
// vouches for.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("generating key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "webapp"},
		DNSNames:     []string{"webapp"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("creating certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
