package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/local"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// EdgeControl is what the control port needs of the edge; *edge.Edge implements it.
type EdgeControl interface {
	Connections(tunnel uuid.UUID) []state.Connection
	LocalConfiguration(tunnel uuid.UUID) (json.RawMessage, bool)
	SetConnectionLag(d time.Duration)
	SetDepartureLag(d time.Duration)
	SetRefusals(n int)
	Cut()
	Start(ctx context.Context) error
	Stop()
}

// Config is what the control port controls. The edge is assumed to be listening.
type Config struct {
	World World
	Store *state.Store
	API   *api.API
	Edge  EdgeControl
}

type server struct {
	Config

	mu       sync.Mutex
	lags     Lag // those of the edge
	edgeDown bool
}

// Handler returns the control port's server.
func Handler(c Config) http.Handler {
	s := &server{Config: c}
	return handler(c.World, map[string]func(*http.Request) (any, error){
		"GET /healthz":        func(*http.Request) (any, error) { return "ok", nil },
		"GET /state":          s.state,
		"GET /calls":          func(*http.Request) (any, error) { return s.API.Calls(), nil },
		"DELETE /calls":       s.forgetCalls,
		"GET /api":            func(*http.Request) (any, error) { return s.API.Settings(), nil },
		"PUT /api":            s.setAPI,
		"GET /lag":            func(*http.Request) (any, error) { return s.lag(), nil },
		"PUT /lag":            s.setLag,
		"GET /faults":         func(*http.Request) (any, error) { return s.API.Faults(), nil },
		"PUT /faults":         s.setFaults,
		"DELETE /faults":      func(*http.Request) (any, error) { return nil, s.API.SetFaults(nil) },
		"POST /edge/cut":      s.cutEdge,
		"GET /edge":           func(*http.Request) (any, error) { return s.edge(), nil },
		"PUT /edge":           s.setEdge,
		"POST /accounts":      add(s.Store.PutAccount),
		"POST /zones":         add(s.Store.PutZone),
		"PUT /zones/{zone}":   s.setZone,
		"POST /tokens":        add(s.Store.PutToken),
		"PUT /tokens/{token}": s.setToken,
		"POST /records":       add(s.addRecord),
		"PUT /origins":        s.setOrigins,
	})
}

// Waiting returns the server of a control port whose world is still being started. It
// says whose it is, and that nothing else is ready.
func Waiting(w World) http.Handler {
	return handler(w, map[string]func(*http.Request) (any, error){
		"/": func(*http.Request) (any, error) { return nil, errStarting },
	})
}

var errStarting = errors.New("the world is still being started")

// handler serves the calls to one world.
func handler(world World, calls map[string]func(*http.Request) (any, error)) http.Handler {
	mux := http.NewServeMux()
	calls["GET /world"] = func(*http.Request) (any, error) { return world, nil }
	for pattern, serve := range calls {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			result, err := serve(r)
			if err != nil {
				http.Error(w, err.Error(), statusOf(err))
				return
			}
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(result)
		})
	}
	return local.Only(local.JSON(only(world.ID, mux)))
}

// only says which world answers, and refuses requests that are meant for another one.
func only(id string, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(WorldHeader, id)
		if meant := r.Header.Get(WorldHeader); meant != "" && meant != id {
			http.Error(w, "this is another world: GET /world says which", http.StatusMisdirectedRequest)
			return
		}
		h.ServeHTTP(w, r)
	})
}

func statusOf(err error) int {
	var conflict *state.ConflictError
	switch {
	case errors.As(err, &conflict):
		return http.StatusConflict
	case errors.Is(err, state.ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, errStarting):
		return http.StatusServiceUnavailable
	default:
		return http.StatusBadRequest
	}
}

// read decodes a request's body into v. Fields that the body lacks keep their values.
func read(r *http.Request, v any) error {
	d := json.NewDecoder(io.LimitReader(r.Body, 1<<20))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return fmt.Errorf("reading the request: %w", err)
	}
	return nil
}

func (s *server) state(*http.Request) (any, error) {
	out := State{
		Accounts: s.Store.Accounts(), Zones: s.Store.Zones(), Origins: s.Store.Origins(),
		Tokens: []Token{}, Tunnels: []Tunnel{}, Records: []state.Record{},
		API: s.API.Settings(), Lag: s.lag(), Edge: s.edge(),
	}
	for _, t := range s.Store.Tokens() {
		out.Tokens = append(out.Tokens, withoutValue(t))
	}
	for _, a := range out.Accounts {
		for _, t := range s.Store.Tunnels(a.ID) {
			out.Tunnels = append(out.Tunnels, s.tunnel(t))
		}
	}
	for _, z := range out.Zones {
		out.Records = append(out.Records, s.Store.Records(z.ID)...)
	}
	return out, nil
}

func withoutValue(t state.Token) Token {
	return Token{ID: t.ID, Name: t.Name, Grants: t.Grants, Withdrawn: t.Withdrawn}
}

func (s *server) tunnel(t state.Tunnel) Tunnel {
	configuration, _ := s.Edge.LocalConfiguration(t.ID)
	return Tunnel{
		ID: t.ID, AccountID: t.AccountID, Name: t.Name, ConfigSrc: t.ConfigSrc,
		CreatedAt: t.CreatedAt, DeletedAt: t.DeletedAt,
		Connections:   append([]state.Connection{}, s.Edge.Connections(t.ID)...),
		Configuration: configuration,
	}
}

func (s *server) forgetCalls(*http.Request) (any, error) {
	s.API.ForgetCalls()
	return nil, nil //nolint:nilnil // there is nothing to say
}

func (s *server) setAPI(r *http.Request) (any, error) {
	settings := s.API.Settings()
	if err := read(r, &settings); err != nil {
		return nil, err
	}
	if err := s.API.SetSettings(settings); err != nil {
		return nil, err
	}
	return s.API.Settings(), nil
}

func (s *server) lag() Lag {
	s.mu.Lock()
	defer s.mu.Unlock()
	lag := s.lags
	lag.DNS = api.Duration(s.Store.DNSLag())
	return lag
}

func (s *server) setLag(r *http.Request) (any, error) {
	lag := s.lag()
	if err := read(r, &lag); err != nil {
		return nil, err
	}
	if lag.DNS < 0 || lag.Connection < 0 || lag.Departure < 0 || lag.Refusals < 0 {
		return nil, errors.New("setting the lags: a lag can't be negative")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Store.SetDNSLag(time.Duration(lag.DNS))
	s.lags = lag
	s.Edge.SetConnectionLag(time.Duration(lag.Connection))
	s.Edge.SetDepartureLag(time.Duration(lag.Departure))
	s.Edge.SetRefusals(lag.Refusals)
	return lag, nil
}

func (s *server) setFaults(r *http.Request) (any, error) {
	var faults []api.Fault
	if err := read(r, &faults); err != nil {
		return nil, err
	}
	if err := s.API.SetFaults(faults); err != nil {
		return nil, err
	}
	return s.API.Faults(), nil
}

func (s *server) cutEdge(*http.Request) (any, error) {
	s.Edge.Cut()
	return nil, nil //nolint:nilnil // there is nothing to say
}

func (s *server) edge() Edge {
	s.mu.Lock()
	defer s.mu.Unlock()
	return Edge{Up: !s.edgeDown}
}

func (s *server) setEdge(r *http.Request) (any, error) {
	var want Edge
	if err := read(r, &want); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case want.Up && s.edgeDown:
		if err := s.Edge.Start(context.WithoutCancel(r.Context())); err != nil {
			return nil, fmt.Errorf("starting the edge: %w", err)
		}
	case !want.Up && !s.edgeDown:
		s.Edge.Stop()
	}
	s.edgeDown = !want.Up
	return want, nil
}
