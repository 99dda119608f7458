package state

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// ZoneStatus says how far a zone has come with Cloudflare.
type ZoneStatus string

// The statuses that Cloudflare's API documents. Every zone takes writes, but only an
// active one is served.
const (
	ZoneInitializing ZoneStatus = "initializing"
	ZonePending      ZoneStatus = "pending" // the registrar doesn't name Cloudflare's servers yet
	ZoneActive       ZoneStatus = "active"
	ZoneMoved        ZoneStatus = "moved" // the registrar names other servers now
)

var zoneStatuses = []ZoneStatus{ZoneInitializing, ZonePending, ZoneActive, ZoneMoved}

// zoneTypes are the types that Cloudflare's API documents. All are served like full ones here.
var zoneTypes = []string{"", "full", "partial", "secondary", "internal"}

// Zone is a DNS zone of an account. Zone names need not be unique across
// accounts, as at Cloudflare.
type Zone struct {
	ID        string     `json:"id"`
	Name      string     `json:"name"` // in ASCII
	AccountID string     `json:"account_id"`
	Status    ZoneStatus `json:"status"`
	// Type is full unless it is set.
	Type string `json:"type,omitempty"`
	// Paused keeps Cloudflare's proxy out of an active zone. Its records are still
	// answered, but a name that leads to a tunnel then leads nowhere.
	Paused bool `json:"paused"`
	// RecordQuota is how many records the zone may have. Zero is the free plan's quota.
	RecordQuota int       `json:"record_quota,omitempty"`
	CreatedOn   time.Time `json:"created_on"`
}

// The free plan's quotas. The smaller one is for zones added since quotaCut.
const (
	freeQuota    = 200
	oldFreeQuota = 1000
)

var quotaCut = time.Date(2024, time.September, 1, 0, 0, 0, 0, time.UTC)

// Quota is how many records the zone may have.
func (z Zone) Quota() int {
	switch {
	case z.RecordQuota > 0:
		return z.RecordQuota
	case z.CreatedOn.Before(quotaCut):
		return oldFreeQuota
	default:
		return freeQuota
	}
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

// PutZone adds or changes a zone of an existing account. An empty ID is filled in, and
// an empty status becomes active.
func (s *Store) PutZone(z Zone) (Zone, error) {
	z.Name = ASCII(z.Name)
	z.Status = cmp.Or(z.Status, ZoneActive)
	switch {
	case z.Name == "":
		return Zone{}, errors.New("adding a zone: it needs a name")
	case !slices.Contains(zoneStatuses, z.Status):
		return Zone{}, fmt.Errorf("adding zone %s: %q is no status of a zone", z.Name, z.Status)
	case !slices.Contains(zoneTypes, z.Type):
		return Zone{}, fmt.Errorf("adding zone %s: %q is no type of a zone", z.Name, z.Type)
	case z.RecordQuota < 0:
		return Zone{}, fmt.Errorf("adding zone %s: a quota can't be negative", z.Name)
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

// ZoneOf finds the zone that a host name belongs to, whatever its status.
func (s *Store) ZoneOf(host string) (Zone, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.zoneOf(ASCII(host), func(Zone) bool { return true })
}

// zoneOf finds the zone that a host belongs to, among those to consider: the one with
// the longest name, and the oldest of those that share it.
func (s *Store) zoneOf(host string, consider func(Zone) bool) (Zone, bool) {
	var best Zone
	for _, z := range s.zones.rows {
		if host != z.Name && !strings.HasSuffix(host, "."+z.Name) || !consider(z) {
			continue
		}
		longer := len(z.Name) - len(best.Name)
		if best.ID == "" || longer > 0 || longer == 0 && older(z, best) < 0 {
			best = z
		}
	}
	return best, best.ID != ""
}

// older orders zones by age: where two share a name, the older one answers for it.
func older(a, b Zone) int {
	return cmp.Or(a.CreatedOn.Compare(b.CreatedOn), cmp.Compare(a.ID, b.ID))
}
