package main

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"time"
)

// parse reads the flags of a client command that takes one argument.
func parse(flags *flag.FlagSet, args []string, stderr io.Writer) (string, bool) {
	flags.SetOutput(stderr)
	if err := flags.Parse(args); err != nil {
		return "", false
	}
	if flags.NArg() != 1 {
		fmt.Fprint(stderr, usage)
		return "", false
	}
	return flags.Arg(0), true
}

// get fetches a URL and prints its body, and on stderr the status. Redirects are not followed, so
// that the caller sees them.
func get(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("get", flag.ContinueOnError)
	timeout := flags.Duration("timeout", 5*time.Second, "for the whole of it")
	host := flags.String("host", "", "Host header to send, if not the URL's")
	insecure := flags.Bool("insecure", false, "accept any certificate")
	url, ok := parse(flags, args, stderr)
	if !ok {
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitUsage
	}
	if *host != "" {
		request.Host = *host
	}
	client := &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: *insecure}, //nolint:gosec // on request
			ForceAttemptHTTP2: true,
		},
	}
	response, err := client.Do(request)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	defer response.Body.Close()
	fmt.Fprintln(stderr, response.Proto, response.Status)
	if _, err := io.Copy(stdout, response.Body); err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	if response.StatusCode >= http.StatusBadRequest {
		return exitStatus
	}
	return exitOK
}

// resolve prints a name's addresses, one to a line.
func resolve(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("resolve", flag.ContinueOnError)
	timeout := flags.Duration("timeout", 5*time.Second, "for all tries")
	name, ok := parse(flags, args, stderr)
	if !ok {
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	addrs, err := net.DefaultResolver.LookupHost(ctx, name)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	fmt.Fprintln(stdout, strings.Join(addrs, "\n"))
	return exitOK
}

// dial says whether anything answers at an address: open, refused, unreachable or timeout. Only
// open is a success. Over UDP an empty packet gets no answer, so dial asks a question that the
// port's service must answer: a DNS query at port 53, elsewhere a QUIC packet of an unknown
// version.
func dial(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("dial", flag.ContinueOnError)
	timeout := flags.Duration("timeout", 2*time.Second, "for the answer")
	udp := flags.Bool("udp", false, "UDP instead of TCP")
	addr, ok := parse(flags, args, stderr)
	if !ok {
		return exitUsage
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	network := "tcp"
	if *udp {
		network = "udp"
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, network, addr)
	if err == nil {
		defer func() { _ = conn.Close() }()
		if *udp {
			err = ask(ctx, conn, question(addr))
		}
	}
	if err != nil {
		fmt.Fprintln(stdout, outcome(err))
		fmt.Fprintln(stderr, err)
		return exitFailed
	}
	fmt.Fprintln(stdout, "open")
	return exitOK
}

// ask repeats a question until an answer comes or the context ends.
func ask(ctx context.Context, conn net.Conn, question []byte) error {
	for {
		if _, err := conn.Write(question); err != nil {
			return err
		}
		until := time.Now().Add(500 * time.Millisecond)
		if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
			until = deadline
		}
		if err := conn.SetReadDeadline(until); err != nil {
			return err
		}
		_, err := conn.Read(make([]byte, 2048))
		if !errors.Is(err, os.ErrDeadlineExceeded) || ctx.Err() != nil {
			return err
		}
	}
}

func question(addr string) []byte {
	if _, port, _ := net.SplitHostPort(addr); port == "53" {
		// For the root's name servers, with recursion desired: the shortest query there is.
		return []byte{0x6b, 0x38, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1}
	}
	return quicQuestion()
}

// quicQuestion is a long-header packet with a version reserved for this purpose (RFC 9000, 6.3), as
// large as an Initial must be: every server answers with the versions it speaks.
func quicQuestion() []byte {
	b := make([]byte, 1200)
	b[0] = 0xc0
	binary.BigEndian.PutUint32(b[1:], 0x1a2a3a4a)
	b[5] = 8 // destination connection ID
	copy(b[6:], "k8s-tunl")
	b[14] = 8 // source connection ID
	copy(b[15:], "k8s-tunl")
	return b
}

func outcome(err error) string {
	var netErr net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return "unreachable"
	case errors.As(err, &netErr) && netErr.Timeout():
		return "timeout"
	default:
		return "failed"
	}
}
