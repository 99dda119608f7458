package control

import (
	"fmt"
	"net/http"
	"slices"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// add serves a request whose body is something to add.
func add[T any](put func(T) (T, error)) func(*http.Request) (any, error) {
	return func(r *http.Request) (any, error) {
		var v T
		if err := read(r, &v); err != nil {
			return nil, err
		}
		return put(v)
	}
}

func (s *server) setZone(r *http.Request) (any, error) {
	id := r.PathValue("zone")
	zone, ok := s.Store.Zone(id)
	if !ok {
		return nil, fmt.Errorf("setting zone %s: it is %w", id, state.ErrNotFound)
	}
	if err := read(r, &zone); err != nil {
		return nil, err
	}
	if zone.ID != id {
		return nil, fmt.Errorf("setting zone %s: its ID can't change", id)
	}
	return s.Store.PutZone(zone)
}

func (s *server) setToken(r *http.Request) (any, error) {
	id := r.PathValue("token")
	tokens := s.Store.Tokens()
	i := slices.IndexFunc(tokens, func(t state.Token) bool { return t.ID == id })
	if i < 0 {
		return nil, fmt.Errorf("setting token %s: it is %w", id, state.ErrNotFound)
	}
	var want tokenSettings
	if err := read(r, &want); err != nil {
		return nil, err
	}
	tokens[i].Withdrawn = want.Withdrawn
	token, err := s.Store.PutToken(tokens[i])
	return withoutValue(token), err
}

// addRecord adds a record in the zone given, or in the one that its name belongs to.
// Of the API's rules, only those that hold between records are applied, and the zone's
// quota, so that a test can add any record.
func (s *server) addRecord(r state.Record) (state.Record, error) {
	zone, ok := s.Store.Zone(r.ZoneID)
	if r.ZoneID == "" {
		zone, ok = s.Store.ZoneOf(r.Name)
	}
	if !ok {
		return r, fmt.Errorf("adding record %s: its zone is %w", r.Name, state.ErrNotFound)
	}
	r.ZoneID, r.Name = zone.ID, state.QualifyName(zone.Name, r.Name)
	if r.TTL == 0 {
		r.TTL = 1
	}
	return s.Store.CreateRecord(r)
}

func (s *server) setOrigins(r *http.Request) (any, error) {
	var origins map[string]string
	if err := read(r, &origins); err != nil {
		return nil, err
	}
	return origins, s.Store.SetOrigins(origins)
}
