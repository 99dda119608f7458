// Package api imitates Cloudflare's REST API, version 4, as far as a tunnel and
// its names need it: token verification, accounts, zones, tunnels with their
// connections, DNS records, and the tunnel routes of the cloudflared command.
//
// What it answers follows four sources: the clients that parse it (cloudflared's cfapi
// package, cloudflare-go v0.114, the Terraform provider v4.51), the reference
// documentation with its changelog up to October 2026, answers about tunnels that were
// recorded in September 2026, and answers that people quote in public issues; codes
// and texts that no source has are marked as assumed.
//
// Unlike the original it knows only API tokens, no global keys; every zone is on the
// free plan; and changes are visible to every client at once. It answers at once too, and
// any number of calls, unless Settings say otherwise. It records the calls, and faults make
// it misbehave.
package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// BasePath is the API's path on its host, the same as Cloudflare's.
const BasePath = "/client/v4"

// maxBody is far larger than any body that clients of these calls send.
const maxBody = 1 << 20

// Connectors is the edge's side of a tunnel.
type Connectors interface {
	// Connections lists a tunnel's connections, oldest first.
	Connections(tunnel uuid.UUID) []state.Connection
	// Disconnect cuts a tunnel's connections, or those of one connector only.
	Disconnect(tunnel uuid.UUID, client *uuid.UUID)
}

// Config is what the API needs from the rest of the sandbox.
type Config struct {
	Store      *state.Store
	Connectors Connectors
	Logger     *slog.Logger // default: discard
}

// API is the handler of everything below BasePath.
type API struct {
	store      *state.Store
	connectors Connectors
	log        *slog.Logger
	mux        *http.ServeMux

	calls    callLog
	faults   faultList
	settings settings
	limiter  limiter
}

// New returns an API on top of a store.
func New(c Config) *API {
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	a := &API{
		store: c.Store, connectors: c.Connectors, log: c.Logger, mux: http.NewServeMux(),
		settings: settings{Settings: Settings{DeleteAgain: DeleteAgainNotFound}},
	}
	for pattern, serve := range map[string]endpoint{
		"GET /user/tokens/verify": (*call).verifyToken,

		"GET /accounts":           (*call).listAccounts,
		"GET /accounts/{account}": (*call).getAccount,
		"GET /zones":              (*call).listZones,
		"GET /zones/{zone}":       (*call).getZone,

		"POST /accounts/{account}/cfd_tunnel":                        (*call).createTunnel,
		"GET /accounts/{account}/cfd_tunnel":                         (*call).listTunnels,
		"GET /accounts/{account}/cfd_tunnel/{tunnel}":                (*call).getTunnel,
		"PATCH /accounts/{account}/cfd_tunnel/{tunnel}":              (*call).updateTunnel,
		"DELETE /accounts/{account}/cfd_tunnel/{tunnel}":             (*call).deleteTunnel,
		"GET /accounts/{account}/cfd_tunnel/{tunnel}/token":          (*call).tunnelToken,
		"PUT /accounts/{account}/cfd_tunnel/{tunnel}/configurations": (*call).configureTunnel,
		"GET /accounts/{account}/cfd_tunnel/{tunnel}/connections":    (*call).listConnectors,
		"DELETE /accounts/{account}/cfd_tunnel/{tunnel}/connections": (*call).cleanConnections,

		"GET /zones/{zone}/dns_records":             (*call).listRecords,
		"POST /zones/{zone}/dns_records":            (*call).createRecord,
		"POST /zones/{zone}/dns_records/batch":      (*call).batchRecords,
		"GET /zones/{zone}/dns_records/{record}":    (*call).getRecord,
		"PATCH /zones/{zone}/dns_records/{record}":  (*call).patchRecord,
		"PUT /zones/{zone}/dns_records/{record}":    (*call).putRecord,
		"DELETE /zones/{zone}/dns_records/{record}": (*call).deleteRecord,

		"PUT /zones/{zone}/tunnels/{tunnel}/routes": (*call).routeTunnel,
	} {
		method, below, _ := strings.Cut(pattern, " ")
		a.mux.Handle(method+" "+BasePath+below, a.handle(pattern, serve))
	}
	a.mux.Handle("/", a.handle("", (*call).unrouted))
	return a
}

// endpoint answers one kind of call with a result, or with an *Error.
type endpoint func(*call) (any, error)

// call is one request on its way through an endpoint.
type call struct {
	*API
	*http.Request
	body  []byte
	token state.Token
}

// handle makes an endpoint an http.Handler that checks the token first.
func (a *API) handle(pattern string, serve endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := r.Context().Value(bodyKey{}).([]byte)
		c := &call{API: a, Request: r, body: body}
		if err := c.authenticate(); err != nil {
			writeError(w, err)
			return
		}
		if wait := a.limiter.wait(client(c.token.Value), a.Settings().Limit, time.Now()); wait > 0 {
			tooMany(w, wait)
			return
		}
		setRateLimit(w.Header(), pattern)
		result, err := serve(c)
		if err != nil {
			c.log.Debug("refused", "method", r.Method, "path", r.URL.Path, "error", err)
			writeError(w, c.asError(err))
			return
		}
		writeResult(w, r, result)
	})
}

// bodyKey is the key of the body in a request's context. The log of calls needs the
// body too, even when no endpoint sees the request.
type bodyKey struct{}

// ServeHTTP answers a request, unless a fault does so instead, and records it.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	r = r.WithContext(context.WithValue(r.Context(), bodyKey{}, body))
	r.URL.Path = path.Clean("/" + r.URL.Path) // doubled and trailing slashes are forgiven

	answer := a.answer(r)
	a.calls.add(newCall(r, body, answer, started))
	a.log.Debug("call", "method", r.Method, "path", r.URL.Path, "status", answer.status)
	if answer.abort {
		panic(http.ErrAbortHandler) // the client sees the connection break
	}
	answer.copyTo(w)
}

// answer is the answer to a request, or what a fault makes of it.
func (a *API) answer(r *http.Request) *buffer {
	fault, faulty := a.faults.match(r)
	switch {
	case !faulty:
		return a.serve(r)
	case fault.When == After:
		answer := a.serve(r)
		pause(r.Context(), time.Duration(fault.Delay))
		return fault.spoil(answer)
	case fault.onlyDelays():
		pause(r.Context(), time.Duration(fault.Delay))
		return a.serve(r)
	default:
		pause(r.Context(), time.Duration(fault.Delay))
		return fault.spoil(nil)
	}
}

// serve answers a request properly, in as much time as the latency says. A call whose
// client stops waiting takes effect all the same.
func (a *API) serve(r *http.Request) *buffer {
	half := a.Settings().Latency.of(r.Method) / 2
	pause(r.Context(), half)
	answer := newBuffer()
	a.mux.ServeHTTP(answer, r)
	pause(r.Context(), half)
	return answer
}

// unrouted answers requests that no pattern matches.
func (c *call) unrouted() (any, error) {
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
		if method == c.Method {
			continue
		}
		if _, pattern := c.mux.Handler(&http.Request{Method: method, URL: c.URL, Host: c.Host}); pattern != "/" {
			return nil, methodNotAllowed(c.Method)
		}
	}
	return nil, couldNotRoute(c.URL.Path)
}
