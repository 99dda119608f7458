package state

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func open(t *testing.T) *Store {
	t.Helper()
	s, err := Open(filepath.Join(t.TempDir(), "state.db"))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Seed())
	return s
}

func TestStore_SurvivesARestart(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "nested", "state.db")
	s, err := Open(file)
	require.NoError(t, err)
	require.NoError(t, s.Seed())

	account, err := s.PutAccount(Account{Name: "Second"})
	require.NoError(t, err)
	zone, err := s.PutZone(Zone{Name: "Second.Example.", AccountID: account.ID})
	require.NoError(t, err)
	require.Equal(t, "second.example", zone.Name)
	token, err := s.PutToken(Token{Value: "value", Name: "reader", Grants: []Grant{{Resource: zone.ID, Permissions: []Permission{DNSRead}}}})
	require.NoError(t, err)
	tunnel, err := s.CreateTunnel(Tunnel{AccountID: account.ID, Name: "t", Secret: []byte("secret"), ConfigSrc: "local"})
	require.NoError(t, err)
	deleted, err := s.CreateTunnel(Tunnel{AccountID: account.ID, Name: "gone"})
	require.NoError(t, err)
	deleted, err = s.DeleteTunnel(deleted.ID)
	require.NoError(t, err)
	record, err := s.CreateRecord(Record{ZoneID: zone.ID, Name: zone.Name, Type: "CNAME", Content: "x.example", Proxied: true, TTL: 1})
	require.NoError(t, err)
	require.NoError(t, s.SetOrigins(map[string]string{"x.example": "http://127.0.0.1:1"}))
	require.NoError(t, s.Close())

	s, err = Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.NoError(t, s.Seed())

	require.Len(t, s.Accounts(), 2, "seeding twice adds nothing")
	require.Len(t, s.Zones(), 3)
	require.Len(t, s.Tokens(), 2)
	got, ok := s.Token("value")
	require.True(t, ok)
	require.Equal(t, token, got)
	require.Equal(t, []Tunnel{deleted, tunnel}, s.Tunnels(account.ID), "newest first")
	require.NotNil(t, deleted.DeletedAt)
	found, ok := s.Lookup("second.example")
	require.True(t, ok)
	require.Equal(t, record, found)
	u, ok := s.Origin("x.example")
	require.True(t, ok)
	require.Equal(t, "127.0.0.1:1", u.Host)
}

func TestStore_HasOneOwner(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	s, err := Open(file)
	require.NoError(t, err)
	_, err = Open(file)
	require.ErrorContains(t, err, "another process has it open")
	require.NoError(t, s.Close())
}

func TestStore_SeedKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	s := open(t)
	_, err := s.PutAccount(Account{ID: SeedAccountID, Name: "Renamed"})
	require.NoError(t, err)
	require.NoError(t, s.Seed())
	a, _ := s.Account(SeedAccountID)
	require.Equal(t, "Renamed", a.Name)
}

func TestStore_SeedFitsTheProvider(t *testing.T) {
	t.Parallel()
	require.Regexp(t, "^[A-Za-z0-9_-]{40}$", SeedToken)
	for _, id := range []string{SeedAccountID, HomeZoneID, LabZoneID} {
		require.Regexp(t, "^[0-9a-f]{32}$", id)
	}
}

func TestStore_TunnelNames(t *testing.T) {
	t.Parallel()
	s := open(t)
	other, err := s.PutAccount(Account{Name: "Other"})
	require.NoError(t, err)
	first, err := s.CreateTunnel(Tunnel{AccountID: SeedAccountID, Name: "edge"})
	require.NoError(t, err)

	_, err = s.CreateTunnel(Tunnel{AccountID: SeedAccountID, Name: "edge"})
	require.ErrorIs(t, err, ErrNameTaken)
	_, err = s.CreateTunnel(Tunnel{AccountID: other.ID, Name: "edge"})
	require.NoError(t, err, "names are unique within an account")

	second, err := s.CreateTunnel(Tunnel{AccountID: SeedAccountID, Name: "edge-2"})
	require.NoError(t, err)
	_, err = s.UpdateTunnel(second.ID, &first.Name, nil)
	require.ErrorIs(t, err, ErrNameTaken)

	_, err = s.DeleteTunnel(first.ID)
	require.NoError(t, err)
	_, err = s.DeleteTunnel(first.ID)
	require.ErrorIs(t, err, ErrNotFound)
	_, err = s.UpdateTunnel(second.ID, &first.Name, nil)
	require.NoError(t, err, "a deleted tunnel's name is free")
}

func TestStore_NoteConnections(t *testing.T) {
	t.Parallel()
	s := open(t)
	tunnel, err := s.CreateTunnel(Tunnel{AccountID: SeedAccountID, Name: "edge"})
	require.NoError(t, err)
	at := func(second int) time.Time { return time.Date(2025, 1, 1, 0, 0, second, 0, time.UTC) }

	require.NoError(t, s.NoteConnections(tunnel.ID, false, at(1)))
	got, _ := s.Tunnel(tunnel.ID)
	require.Nil(t, got.ActiveAt)
	require.Nil(t, got.InactiveAt)

	require.NoError(t, s.NoteConnections(tunnel.ID, true, at(2)))
	require.NoError(t, s.NoteConnections(tunnel.ID, true, at(3)))
	require.NoError(t, s.NoteConnections(tunnel.ID, false, at(4)))
	require.NoError(t, s.NoteConnections(tunnel.ID, false, at(5)))
	got, _ = s.Tunnel(tunnel.ID)
	require.Equal(t, at(2), *got.ActiveAt)
	require.Equal(t, at(4), *got.InactiveAt)
}

func TestStore_RecordConflicts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		have, add Record
		want      Conflict
	}{
		"a CNAME beside a CNAME":           {Record{Type: "CNAME", Content: "a"}, Record{Type: "CNAME", Content: "b"}, HostTaken},
		"the same CNAME again":             {Record{Type: "CNAME", Content: "a"}, Record{Type: "CNAME", Content: "a"}, HostTaken},
		"a CNAME beside an A":              {Record{Type: "A", Content: "192.0.2.1"}, Record{Type: "CNAME", Content: "a"}, HostTaken},
		"a CNAME beside an AAAA":           {Record{Type: "AAAA", Content: "2001:db8::1"}, Record{Type: "CNAME", Content: "a"}, HostTaken},
		"an A beside a CNAME":              {Record{Type: "CNAME", Content: "a"}, Record{Type: "A", Content: "192.0.2.1"}, CNAMETaken},
		"the same A again":                 {Record{Type: "A", Content: "192.0.2.1"}, Record{Type: "A", Content: "192.0.2.1"}, Identical},
		"the same TXT again":               {Record{Type: "TXT", Content: "t"}, Record{Type: "TXT", Content: "t"}, Identical},
		"a second A":                       {Record{Type: "A", Content: "192.0.2.1"}, Record{Type: "A", Content: "192.0.2.2"}, 0},
		"an AAAA beside an A":              {Record{Type: "A", Content: "192.0.2.1"}, Record{Type: "AAAA", Content: "2001:db8::1"}, 0},
		"a CNAME beside an NS":             {Record{Type: "NS", Content: "ns.example"}, Record{Type: "CNAME", Content: "a"}, Delegated},
		"an NS beside an A":                {Record{Type: "A", Content: "192.0.2.1"}, Record{Type: "NS", Content: "ns.example"}, Undelegated},
		"a second NS":                      {Record{Type: "NS", Content: "ns1.example"}, Record{Type: "NS", Content: "ns2.example"}, 0},
		"a TXT beside a (flattened) CNAME": {Record{Type: "CNAME", Content: "a"}, Record{Type: "TXT", Content: "t"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			c.have.ZoneID, c.have.Name = HomeZoneID, "x.home.localhost"
			c.add.ZoneID, c.add.Name = HomeZoneID, "x.home.localhost"
			have, err := s.CreateRecord(c.have)
			require.NoError(t, err)
			_, err = s.CreateRecord(c.add)
			if c.want == 0 {
				require.NoError(t, err)
				return
			}
			var conflict *ConflictError
			require.ErrorAs(t, err, &conflict)
			require.Equal(t, c.want, conflict.Kind)
			require.Equal(t, have, conflict.Existing)
			require.Len(t, s.Records(HomeZoneID), 1)
		})
	}
}

func TestStore_ReplaceRecord(t *testing.T) {
	t.Parallel()
	s := open(t)
	for _, r := range []Record{
		{Type: "A", Content: "192.0.2.1"}, {Type: "AAAA", Content: "2001:db8::1"}, {Type: "TXT", Content: "stays"},
	} {
		r.ZoneID, r.Name = HomeZoneID, HomeZoneName
		_, err := s.CreateRecord(r)
		require.NoError(t, err)
	}
	want := Record{ZoneID: HomeZoneID, Name: HomeZoneName, Type: "CNAME", Content: "x", Proxied: true, TTL: 1}
	r, changed, err := s.ReplaceRecord(want)
	require.NoError(t, err)
	require.True(t, changed)
	require.Len(t, s.Records(HomeZoneID), 2)

	again, changed, err := s.ReplaceRecord(want)
	require.NoError(t, err)
	require.False(t, changed)
	require.Equal(t, r, again)
}

func TestStore_RecordsOfAnotherZoneAreOutOfReach(t *testing.T) {
	t.Parallel()
	s := open(t)
	r, err := s.CreateRecord(Record{ZoneID: HomeZoneID, Name: HomeZoneName, Type: "TXT", Content: "t"})
	require.NoError(t, err)
	_, ok := s.Record(LabZoneID, r.ID)
	require.False(t, ok)
	require.ErrorIs(t, s.DeleteRecord(LabZoneID, r.ID), ErrNotFound)
	_, err = s.UpdateRecord(LabZoneID, r.ID, func(*Record) {})
	require.ErrorIs(t, err, ErrNotFound)
}

func TestStore_IsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	s, err := Open(file)
	require.NoError(t, err)
	require.NoError(t, s.Seed())
	s.SetDNSLag(time.Millisecond)
	cnames := func() (n int) {
		for _, r := range s.Records(HomeZoneID) {
			if r.Type == "CNAME" {
				n++
			}
		}
		return n
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 10 {
				_, err := s.CreateRecord(Record{ZoneID: HomeZoneID, Name: HomeZoneName, Type: "TXT", Content: newID()})
				assert.NoError(t, err)
				r, changed, err := s.ReplaceRecord(Record{ZoneID: HomeZoneID, Name: HomeZoneName, Type: "CNAME", Content: newID(), Proxied: true})
				assert.NoError(t, err)
				assert.True(t, changed)
				if found, ok := s.Lookup(HomeZoneName); ok {
					assert.Equal(t, "CNAME", found.Type)
				}
				assert.LessOrEqual(t, cnames(), 1)
				if err := s.DeleteRecord(HomeZoneID, r.ID); err != nil {
					assert.ErrorIs(t, err, ErrNotFound, "another goroutine may have been faster")
				}
			}
		})
	}
	wg.Wait()
	s.SetDNSLag(0)
	records := s.Records(HomeZoneID)
	require.Len(t, records, 4*10)
	require.Zero(t, cnames(), "each was replaced or deleted")
	require.Equal(t, records, s.names.at(HomeZoneID, HomeZoneName))
	_, ok := s.Lookup(HomeZoneName)
	require.False(t, ok)
	require.NoError(t, s.Close())

	s, err = Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	require.Equal(t, records, s.Records(HomeZoneID))
}

func TestToken_Permissions(t *testing.T) {
	t.Parallel()
	zone := Zone{ID: "z", AccountID: "a"}
	token := Token{Grants: []Grant{{Resource: "a", Permissions: []Permission{TunnelEdit, ZoneRead}}, {Resource: "z2", Permissions: []Permission{DNSRead}}}}
	require.True(t, token.OnAccount(TunnelRead, "a"), "edit includes read")
	require.False(t, token.OnAccount(TunnelRead, "b"))
	require.True(t, token.OnZone(ZoneRead, zone), "an account's grant covers its zones")
	require.False(t, token.OnZone(DNSRead, zone))
	require.True(t, token.OnZone(DNSRead, Zone{ID: "z2", AccountID: "b"}))
	require.False(t, token.OnZone(DNSEdit, Zone{ID: "z2", AccountID: "b"}), "read doesn't include edit")
	require.False(t, token.OnAny(AccountRead))
	require.True(t, Token{Grants: []Grant{{Resource: "*", Permissions: []Permission{DNSEdit}}}}.OnZone(DNSRead, zone))
}
