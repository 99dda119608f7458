// Webapp is what the local world's pods run: two small sites of the kind found in a
// home lab, and the client tools that pods without a shell lack.
//
//	webapp serve -app hello      the page at the zone's apex
//	webapp serve -app photos     a picture gallery
//	webapp get URL               fetch, print the body
//	webapp resolve NAME          look a name up
//	webapp dial HOST:PORT        see whether something answers, TCP or (with -udp) UDP
//
// The sites imitate nothing in particular, but they have what it takes to test a
// tunnel: slow answers, steady downloads, uploads, server-sent events, WebSockets,
// trailers, any status, and a shutdown that drops no request.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes of the client commands, for scripts that check nothing else.
const (
	exitOK     = 0
	exitFailed = 1 // no connection, no answer, no such name
	exitUsage  = 2
	exitStatus = 3 // an HTTP answer of 400 or above
)

const usage = `usage:
  webapp serve [-app hello|photos] [-listen :8080] [-tls-listen ADDRESS] [-drain 50s]
  webapp get [-timeout 5s] [-host NAME] [-insecure] URL
  webapp resolve [-timeout 5s] NAME
  webapp dial [-udp] [-timeout 2s] HOST:PORT
`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run is main without the process around it.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	commands := map[string]func(context.Context, []string, io.Writer, io.Writer) int{
		"serve": serve, "get": get, "resolve": resolve, "dial": dial,
	}
	if len(args) > 0 {
		if command, ok := commands[args[0]]; ok {
			return command(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprint(stderr, usage)
	return exitUsage
}
