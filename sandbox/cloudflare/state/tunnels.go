package state

import (
	"bytes"
	"cmp"
	"fmt"
	"time"

	"github.com/google/uuid"
)

// Tunnels lists an account's tunnels, including deleted ones, newest first.
func (s *Store) Tunnels(accountID string) []Tunnel {
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := sorted(s.tunnels, func(a, b Tunnel) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), bytes.Compare(a.ID[:], b.ID[:]))
	})
	out := all[:0]
	for _, t := range all {
		if t.AccountID == accountID {
			out = append(out, t)
		}
	}
	return out
}

// Tunnel returns a tunnel, deleted or not.
func (s *Store) Tunnel(id uuid.UUID) (Tunnel, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.tunnels.rows[id.String()]
	return t, ok
}

// CreateTunnel adds a tunnel and fills in its ID and time. The error is ErrNameTaken
// when the account has a live tunnel of that name.
func (s *Store) CreateTunnel(t Tunnel) (Tunnel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	doing := "creating tunnel " + t.Name
	if s.nameTaken(t) {
		return Tunnel{}, fmt.Errorf("%s: %w", doing, ErrNameTaken)
	}
	t.ID, t.CreatedAt, t.DeletedAt = uuid.New(), s.now(), nil
	t.Secret = bytes.Clone(t.Secret)
	return t, s.commit(doing, s.tunnels.put(t))
}

// UpdateTunnel changes a live tunnel's name and secret; nil leaves either as it is.
func (s *Store) UpdateTunnel(id uuid.UUID, name *string, secret []byte) (Tunnel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tunnels.rows[id.String()]
	if !ok || t.DeletedAt != nil {
		return Tunnel{}, notFound("tunnel", id.String())
	}
	doing := "changing tunnel " + t.Name
	if name != nil {
		t.Name = *name
	}
	if secret != nil {
		t.Secret = bytes.Clone(secret)
	}
	if s.nameTaken(t) {
		return Tunnel{}, fmt.Errorf("%s: %w", doing, ErrNameTaken)
	}
	return t, s.commit(doing, s.tunnels.put(t))
}

// SwitchTunnel switches a live tunnel to a configuration at Cloudflare.
func (s *Store) SwitchTunnel(id uuid.UUID) (Tunnel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tunnels.rows[id.String()]
	if !ok || t.DeletedAt != nil {
		return Tunnel{}, notFound("tunnel", id.String())
	}
	t.ConfigSrc = "cloudflare"
	return t, s.commit("switching tunnel "+t.Name, s.tunnels.put(t))
}

// DeleteTunnel marks a live tunnel as deleted. The row stays, as at Cloudflare.
func (s *Store) DeleteTunnel(id uuid.UUID) (Tunnel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tunnels.rows[id.String()]
	if !ok || t.DeletedAt != nil {
		return Tunnel{}, notFound("tunnel", id.String())
	}
	now := s.now()
	t.DeletedAt = &now
	return t, s.commit("deleting tunnel "+t.Name, s.tunnels.put(t))
}

// NoteConnections records that a tunnel has gained its first connection, or lost its
// last one, at the time given. It changes nothing if that is known already.
func (s *Store) NoteConnections(id uuid.UUID, connected bool, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tunnels.rows[id.String()]
	if !ok {
		return notFound("tunnel", id.String())
	}
	at = at.Truncate(time.Microsecond)
	was := t.ActiveAt != nil && t.InactiveAt == nil
	if was == connected {
		return nil
	}
	if connected {
		t.ActiveAt, t.InactiveAt = &at, nil
	} else {
		t.InactiveAt = &at
	}
	return s.commit("noting the connections of tunnel "+t.Name, s.tunnels.put(t))
}

// nameTaken reports whether another live tunnel of the account has t's name.
func (s *Store) nameTaken(t Tunnel) bool {
	for _, other := range s.tunnels.rows {
		if other.ID != t.ID && other.AccountID == t.AccountID && other.Name == t.Name && other.DeletedAt == nil {
			return true
		}
	}
	return false
}
