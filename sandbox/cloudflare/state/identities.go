package state

import "time"

// The identities of a fresh store. They are THROW-AWAY: known to everyone who reads
// this file, valid on this machine only, and the same in every sandbox so that
// settings, tests and the README can name them.
const (
	// SeedToken is the API token. Its length and characters are those that the
	// Pulumi provider demands of a real one.
	SeedToken = "sandbox-only-token-0123456789-not-secret"

	SeedAccountID   = "5a4db0c5a4db0c5a4db0c5a4db0c0001"
	SeedAccountName = "Home Lab"

	// HomeZoneName ends in .localhost, which browsers resolve to this machine.
	HomeZoneName = "home.localhost"
	HomeZoneID   = "5a4db0c5a4db0c5a4db0c5a4db0c1001"

	// LabZone lets a second stack run beside the first.
	LabZoneName = "lab.localhost"
	LabZoneID   = "5a4db0c5a4db0c5a4db0c5a4db0c1002"
)

// seedTime is the creation time of the seeded zones. It is fixed, so that they come
// before any zone added later.
var seedTime = time.Date(2024, time.January, 1, 0, 0, 0, 0, time.UTC)

// Seed adds the account, the zones and the token above where they are missing. What
// exists is left as it is, so that Seed can be called at every start.
func (s *Store) Seed() error {
	s.mu.Lock()
	defer s.mu.Unlock()

	var writes []write
	if _, ok := s.accounts.rows[SeedAccountID]; !ok {
		writes = append(writes, s.accounts.put(Account{ID: SeedAccountID, Name: SeedAccountName}))
	}
	for id, name := range map[string]string{HomeZoneID: HomeZoneName, LabZoneID: LabZoneName} {
		if _, ok := s.zones.rows[id]; !ok {
			writes = append(writes, s.zones.put(Zone{ID: id, Name: name, AccountID: SeedAccountID, Status: ZoneActive, CreatedOn: seedTime}))
		}
	}
	if _, ok := s.tokens.rows[SeedToken]; !ok {
		writes = append(writes, s.tokens.put(Token{
			Value:  SeedToken,
			ID:     newID(),
			Name:   "sandbox",
			Grants: []Grant{{Resource: SeedAccountID, Permissions: []Permission{TunnelEdit, ZoneRead, DNSEdit}}},
		}))
	}
	return s.commit("seeding the store", writes...)
}
