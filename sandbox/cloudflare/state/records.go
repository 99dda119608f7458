package state

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// TunnelSuffix follows a tunnel's ID in the content of a record that points at it.
const TunnelSuffix = ".cfargotunnel.com"

// QualifyName turns a record's name as clients write it into the full one. "@" and the
// zone's own name are the apex, a name within the zone stands for itself, and anything
// else is relative, even with dots in it: that is how "www.other.example" becomes a
// name in this zone, at Cloudflare too.
func QualifyName(zone, name string) string {
	name = ASCII(name)
	if name == "@" || name == zone {
		return zone
	}
	if strings.HasSuffix(name, "."+zone) {
		return name
	}
	return name + "." + zone
}

// Records lists a zone's records, oldest first.
func (s *Store) Records(zoneID string) []Record {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.filterRecords(func(r Record) bool { return r.ZoneID == zoneID })
}

// Record returns one record of a zone.
func (s *Store) Record(zoneID, id string) (Record, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	r, ok := s.records.rows[id]
	return r, ok && r.ZoneID == zoneID
}

// CreateRecord adds a record and fills in its ID and times. The error is a
// *ConflictError when another record is in its way, and ErrQuota when the zone is full.
func (s *Store) CreateRecord(r Record) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := cmp.Or(s.conflict(r), s.full(r.ZoneID, 0)); err != nil {
		return Record{}, fmt.Errorf("creating record %s: %w", r.Name, err)
	}
	r = s.fresh(r)
	return r, s.change("creating record "+r.Name, []Record{r}, s.records.put(r))
}

// UpdateRecord replaces a record with what edit makes of it; ID, zone and creation time
// stay. The error is a *ConflictError when another record is in its way.
func (s *Store) UpdateRecord(zoneID, id string, edit func(*Record)) (Record, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.records.rows[id]
	if !ok || old.ZoneID != zoneID {
		return Record{}, notFound("record", id)
	}
	r := old
	edit(&r)
	r.ID, r.ZoneID, r.CreatedOn, r.ModifiedOn = old.ID, old.ZoneID, old.CreatedOn, s.now()
	if err := s.conflict(r); err != nil {
		return Record{}, fmt.Errorf("changing record %s: %w", old.Name, err)
	}
	return r, s.change("changing record "+old.Name, []Record{old, r}, s.records.put(r))
}

// DeleteRecord removes a record.
func (s *Store) DeleteRecord(zoneID, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records.rows[id]
	if !ok || r.ZoneID != zoneID {
		return notFound("record", id)
	}
	return s.change("deleting record "+r.Name, []Record{r}, s.records.drop(id))
}

// ReplaceRecord adds r in place of the A, AAAA and CNAME records of its name, all in
// one step. If an existing record says the same already, it stays, and changed is
// false. The error is ErrQuota when the zone is full, and a *ConflictError when the
// name is delegated.
func (s *Store) ReplaceRecord(r Record) (out Record, changed bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var writes []write
	for _, old := range s.names.at(r.ZoneID, r.Name) {
		if s.delegates(old) {
			return Record{}, false, fmt.Errorf("creating record %s: %w", r.Name, &ConflictError{Kind: Delegated, Existing: old})
		}
		if !IsAddress(old.Type) {
			continue
		}
		if old.Type == r.Type && old.Content == r.Content && old.Proxied == r.Proxied {
			return old, false, nil
		}
		writes = append(writes, s.records.drop(old.ID))
	}
	if err := s.full(r.ZoneID, len(writes)); err != nil {
		return Record{}, false, fmt.Errorf("creating record %s: %w", r.Name, err)
	}
	r = s.fresh(r)
	writes = append(writes, s.records.put(r))
	return r, true, s.change("replacing the records of "+r.Name, []Record{r}, writes...)
}

// IsAddress reports whether a record of that type leads to a server. Such records can
// be proxied, and exclude a CNAME.
func IsAddress(recordType string) bool {
	return recordType == "A" || recordType == "AAAA" || recordType == "CNAME"
}

func (s *Store) fresh(r Record) Record {
	r.ID, r.CreatedOn = newID(), s.now()
	r.ModifiedOn = r.CreatedOn
	r.Tags = slices.Clone(r.Tags)
	return r
}

// change commits writes and brings the names of the touched records up to date.
func (s *Store) change(doing string, touched []Record, writes ...write) error {
	if err := s.commit(doing, writes...); err != nil {
		return err
	}
	now := s.now()
	for _, r := range touched {
		s.names.replace(r.ZoneID, r.Name, s.recordsAt(r.ZoneID, r.Name), now, s.lag)
	}
	return nil
}

// full returns ErrQuota if a zone can't hold one more record in place of those dropped.
func (s *Store) full(zoneID string, dropped int) error {
	zone, ok := s.zones.rows[zoneID]
	if ok && len(s.filterRecords(func(r Record) bool { return r.ZoneID == zoneID }))-dropped >= zone.Quota() {
		return ErrQuota
	}
	return nil
}

// conflict looks for a record of the same name that r can't exist beside.
func (s *Store) conflict(r Record) error {
	for _, other := range s.names.at(r.ZoneID, r.Name) {
		if other.ID == r.ID {
			continue
		}
		switch {
		case r.Type == "CNAME" && IsAddress(other.Type):
			return &ConflictError{Kind: HostTaken, Existing: other}
		case other.Type == "CNAME" && IsAddress(r.Type):
			return &ConflictError{Kind: CNAMETaken, Existing: other}
		case other.Type == r.Type && other.Content == r.Content:
			return &ConflictError{Kind: Identical, Existing: other}
		case s.delegates(other) && IsAddress(r.Type):
			return &ConflictError{Kind: Delegated, Existing: other}
		case s.delegates(r) && IsAddress(other.Type):
			return &ConflictError{Kind: Undelegated, Existing: other}
		}
	}
	return nil
}

// delegates reports whether a record hands its name, and all below it, to other name
// servers. At a zone's apex, NS records don't.
func (s *Store) delegates(r Record) bool {
	return r.Type == "NS" && r.Name != s.zones.rows[r.ZoneID].Name
}

func (s *Store) recordsAt(zoneID, name string) []Record {
	return s.filterRecords(func(r Record) bool { return r.ZoneID == zoneID && r.Name == name })
}

func (s *Store) filterRecords(keep func(Record) bool) []Record {
	var out []Record
	for _, r := range s.records.rows {
		if keep(r) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Record) int {
		return cmp.Or(a.CreatedOn.Compare(b.CreatedOn), cmp.Compare(a.ID, b.ID))
	})
	return out
}
