package state

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Accounts lists all accounts, by name.
func (s *Store) Accounts() []Account {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sorted(s.accounts, func(a, b Account) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
}

// Account returns one account.
func (s *Store) Account(id string) (Account, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	a, ok := s.accounts.rows[id]
	return a, ok
}

// PutAccount adds or changes an account. An empty ID is filled in.
func (s *Store) PutAccount(a Account) (Account, error) {
	if a.Name == "" {
		return Account{}, errors.New("adding an account: it needs a name")
	}
	if a.ID == "" {
		a.ID = newID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return a, s.commit("adding account "+a.ID, s.accounts.put(a))
}

// Zones lists all zones, by name.
func (s *Store) Zones() []Zone {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sorted(s.zones, func(a, b Zone) int { return cmp.Or(cmp.Compare(a.Name, b.Name), older(a, b)) })
}

// Zone returns one zone.
func (s *Store) Zone(id string) (Zone, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	z, ok := s.zones.rows[id]
	return z, ok
}

// PutZone adds or changes a zone of an existing account. An empty ID is filled in.
func (s *Store) PutZone(z Zone) (Zone, error) {
	z.Name = strings.ToLower(strings.TrimSuffix(z.Name, "."))
	if z.Name == "" {
		return Zone{}, errors.New("adding a zone: it needs a name")
	}
	if z.ID == "" {
		z.ID = newID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.accounts.rows[z.AccountID]; !ok {
		return Zone{}, fmt.Errorf("adding zone %s: %w", z.Name, notFound("account", z.AccountID))
	}
	if z.CreatedOn.IsZero() {
		z.CreatedOn = s.now()
	}
	return z, s.commit("adding zone "+z.Name, s.zones.put(z))
}

// Tokens lists all tokens, by name.
func (s *Store) Tokens() []Token {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return sorted(s.tokens, func(a, b Token) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID)) })
}

// Token finds the token that a client sent.
func (s *Store) Token(value string) (Token, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	t, ok := s.tokens.rows[value]
	return t, ok
}

// PutToken adds or changes a token, known by its value. An empty ID is filled in.
func (s *Store) PutToken(t Token) (Token, error) {
	if t.Value == "" {
		return Token{}, errors.New("adding a token: it needs a value")
	}
	if t.ID == "" {
		t.ID = newID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return t, s.commit("adding token "+t.Name, s.tokens.put(t))
}

// origin is a server outside any tunnel.
type origin struct {
	Content string `json:"content"`
	URL     string `json:"url"`
}

// SetOrigins replaces the table of servers outside any tunnel: a record's content, such
// as a host name or an address, and the URL that answers for it. It stands in for the
// internet, which the front can't reach.
func (s *Store) SetOrigins(origins map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var writes []write
	for content := range s.origins.rows {
		writes = append(writes, s.origins.drop(content))
	}
	for content, address := range origins {
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			return fmt.Errorf("origin of %s: %q is no http or https URL", content, address)
		}
		writes = append(writes, s.origins.put(origin{Content: content, URL: address}))
	}
	return s.commit("setting the origins", writes...)
}

// Origins returns the table that SetOrigins set.
func (s *Store) Origins() map[string]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	out := make(map[string]string, len(s.origins.rows))
	for content, o := range s.origins.rows {
		out[content] = o.URL
	}
	return out
}

// Origin returns the server behind a record's content.
func (s *Store) Origin(content string) (*url.URL, bool) {
	s.mu.RLock()
	o, ok := s.origins.rows[content]
	s.mu.RUnlock()
	if !ok {
		return nil, false
	}
	u, err := url.Parse(o.URL)
	return u, err == nil
}

// older orders zones by age: where two share a name, the older one answers for it.
func older(a, b Zone) int {
	return cmp.Or(a.CreatedOn.Compare(b.CreatedOn), cmp.Compare(a.ID, b.ID))
}

func sorted[V any](t table[V], order func(a, b V) int) []V {
	out := make([]V, 0, len(t.rows))
	for _, v := range t.rows {
		out = append(out, v)
	}
	slices.SortFunc(out, order)
	return out
}
