package state

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"slices"
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

func sorted[V any](t table[V], order func(a, b V) int) []V {
	out := make([]V, 0, len(t.rows))
	for _, v := range t.rows {
		out = append(out, v)
	}
	slices.SortFunc(out, order)
	return out
}
