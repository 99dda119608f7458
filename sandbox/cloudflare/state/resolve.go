package state

import (
	"slices"
	"strings"
	"time"
)

// names holds the records by zone ID and name.
type names map[string]map[string]*history

// history is what a name says now, and what it said before for as long as parts of the
// edge haven't learned of the change.
type history struct {
	current []Record
	past    []version // oldest first
}

type version struct {
	records []Record
	until   time.Time
}

func (n names) at(zoneID, name string) []Record {
	if h := n[zoneID][name]; h != nil {
		return h.current
	}
	return nil
}

func (n names) set(zoneID, name string, records []Record) {
	if n[zoneID] == nil {
		n[zoneID] = map[string]*history{}
	}
	n[zoneID][name] = &history{current: records}
}

// replace gives a name new records and keeps the old ones visible for lag.
func (n names) replace(zoneID, name string, records []Record, now time.Time, lag time.Duration) {
	h := n[zoneID][name]
	if h == nil {
		n.set(zoneID, name, nil)
		h = n[zoneID][name]
	}
	h.forget(now)
	if lag > 0 {
		h.past = append(h.past, version{records: h.current, until: now.Add(lag)})
	}
	h.current = records
	if len(h.current) == 0 && len(h.past) == 0 {
		delete(n[zoneID], name)
	}
}

func (h *history) forget(now time.Time) {
	for len(h.past) > 0 && !now.Before(h.past[0].until) {
		h.past = h.past[1:]
	}
}

// seen returns a name's records as an up-to-date request sees them, or a request that
// is as far behind as the lag allows.
func (n names) seen(zoneID, name string, now time.Time, behind bool) []Record {
	h := n[zoneID][name]
	if h == nil {
		return nil
	}
	if behind {
		for _, v := range h.past {
			if now.Before(v.until) {
				return v.records
			}
		}
	}
	return h.current
}

// SetDNSLag sets how long a change of a record takes to be known everywhere. Until
// then, half of the requests see the name as it was before. It applies to changes from
// now on; zero ends those under way too.
func (s *Store) SetDNSLag(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lag = d
	if d > 0 {
		return
	}
	for _, zone := range s.names {
		for name, h := range zone {
			if h.past = nil; len(h.current) == 0 {
				delete(zone, name)
			}
		}
	}
}

// DNSLag returns what SetDNSLag set.
func (s *Store) DNSLag() time.Duration {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.lag
}

// Lookup finds the proxied record that answers for a host name (lower case, no port). A
// record of exactly that name comes first. Otherwise the wildcard of the nearest level
// above counts, at any depth, but not past a name with a record of its own, of any
// type: that name hides the wildcard from itself and from everything below it, as
// Cloudflare documents. The result is false when no record answers, or only one that
// isn't proxied, whose requests never come here. At and below a name that NS records
// delegate, Cloudflare isn't asked, whatever records there are.
//
// A zone that isn't active is as good as absent, because resolvers don't ask Cloudflare
// about it. A paused zone answers for its names, but proxies none.
func (s *Store) Lookup(host string) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	zone, ok := s.zoneOf(host, func(z Zone) bool { return z.Status == ZoneActive })
	if !ok || zone.Paused {
		return Record{}, false
	}
	now, behind := s.now(), s.lag > 0 && s.coin()
	for name := host; name != zone.Name; _, name, _ = strings.Cut(name, ".") {
		if slices.ContainsFunc(s.names.seen(zone.ID, name, now, behind), s.delegates) {
			return Record{}, false
		}
	}
	if records := s.names.seen(zone.ID, host, now, behind); len(records) > 0 {
		return proxied(records)
	}
	for name := host; name != zone.Name; {
		_, name, _ = strings.Cut(name, ".")
		if records := s.names.seen(zone.ID, "*."+name, now, behind); len(records) > 0 {
			return proxied(records)
		}
		if len(s.names.seen(zone.ID, name, now, behind)) > 0 {
			break
		}
	}
	return Record{}, false
}

func proxied(records []Record) (Record, bool) {
	for _, r := range records {
		if r.Proxied && IsAddress(r.Type) {
			return r, true
		}
	}
	return Record{}, false
}
