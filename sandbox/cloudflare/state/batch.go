package state

import (
	"maps"
	"reflect"
)

// Batch makes several changes of a zone's records in one step. change makes them in a draft
// of the store, which holds only these records and the zones. If it returns an error, none of
// them takes effect.
func (s *Store) Batch(zoneID string, change func(draft *Store) error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	draft := &Store{zones: s.zones, records: newTable(s.records.bucket, s.records.key), names: names{}, now: s.now}
	for _, r := range s.filterRecords(func(r Record) bool { return r.ZoneID == zoneID }) {
		draft.records.rows[r.ID] = r
		draft.names.set(zoneID, r.Name, append(draft.names.at(zoneID, r.Name), r))
	}
	before := maps.Clone(draft.records.rows)
	if err := change(draft); err != nil {
		return err
	}
	var writes []write
	var touched []Record
	for id, old := range before {
		if r, kept := draft.records.rows[id]; !reflect.DeepEqual(r, old) {
			touched = append(touched, old)
			if !kept {
				writes = append(writes, s.records.drop(id))
			}
		}
	}
	for id, r := range draft.records.rows {
		if !reflect.DeepEqual(r, before[id]) {
			writes, touched = append(writes, s.records.put(r)), append(touched, r)
		}
	}
	return s.change("changing several records", touched, writes...)
}
