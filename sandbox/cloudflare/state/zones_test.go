package state

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestStore_ServesActiveZonesOnly(t *testing.T) {
	t.Parallel()
	s := open(t)
	point(t, s, HomeZoneName, "apex")
	point(t, s, "*."+HomeZoneName, "wild")
	home, _ := s.Zone(HomeZoneID)
	require.Equal(t, ZoneActive, home.Status)

	sub, err := s.PutZone(Zone{Name: "sub." + HomeZoneName, AccountID: SeedAccountID, Status: ZonePending})
	require.NoError(t, err)
	_, err = s.CreateRecord(Record{ZoneID: sub.ID, Name: sub.Name, Type: "CNAME", Content: "sub", Proxied: true, TTL: 1})
	require.NoError(t, err, "a pending zone takes writes")
	leads := func(host, want string) {
		t.Helper()
		r, _ := s.Lookup(host)
		require.Equal(t, want, r.Content)
	}
	leads(sub.Name, "wild")
	found, _ := s.ZoneOf(sub.Name)
	require.Equal(t, sub.ID, found.ID)

	for _, c := range []struct {
		status ZoneStatus
		paused bool
		want   string
	}{
		{ZoneInitializing, false, "wild"},
		{ZoneMoved, false, "wild"},
		{ZoneActive, false, "sub"},
		{ZoneActive, true, ""},
		{ZonePending, true, "wild"},
	} {
		sub.Status, sub.Paused = c.status, c.paused
		_, err := s.PutZone(sub)
		require.NoError(t, err)
		leads(sub.Name, c.want)
	}

	home.Paused = true
	_, err = s.PutZone(home)
	require.NoError(t, err)
	leads(HomeZoneName, "")
}

func TestStore_RefusesZones(t *testing.T) {
	t.Parallel()
	s := open(t)
	for want, z := range map[string]Zone{
		"needs a name":            {AccountID: SeedAccountID},
		"no status of a zone":     {Name: "x.example", AccountID: SeedAccountID, Status: "gone"},
		"no type of a zone":       {Name: "x.example", AccountID: SeedAccountID, Type: "odd"},
		"a quota can't be":        {Name: "x.example", AccountID: SeedAccountID, RecordQuota: -1},
		"account nobody: not fou": {Name: "x.example", AccountID: "nobody"},
	} {
		_, err := s.PutZone(z)
		require.ErrorContains(t, err, want)
	}
	require.Len(t, s.Zones(), 2)
}

func TestStore_ZonesOfAnOlderFileAreActive(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "state.db")
	s, err := Open(file)
	require.NoError(t, err)
	require.NoError(t, s.commit("writing as before", s.zones.put(Zone{ID: HomeZoneID, Name: HomeZoneName, AccountID: SeedAccountID})))
	require.NoError(t, s.Close())
	s, err = Open(file)
	require.NoError(t, err)
	defer func() { require.NoError(t, s.Close()) }()
	z, _ := s.Zone(HomeZoneID)
	require.Equal(t, ZoneActive, z.Status)
}

func TestZone_Quota(t *testing.T) {
	t.Parallel()
	at := func(year, month int) time.Time { return time.Date(year, time.Month(month), 1, 0, 0, 0, 0, time.UTC) }
	require.Equal(t, 200, Zone{CreatedOn: at(2024, 9)}.Quota())
	require.Equal(t, 1000, Zone{CreatedOn: at(2024, 8)}.Quota())
	require.Equal(t, 7, Zone{CreatedOn: at(2024, 8), RecordQuota: 7}.Quota())
}

func TestStore_RecordQuota(t *testing.T) {
	t.Parallel()
	s := open(t)
	zone, err := s.PutZone(Zone{Name: "full.example", AccountID: SeedAccountID, RecordQuota: 2})
	require.NoError(t, err)
	record := func(content string) Record {
		return Record{ZoneID: zone.ID, Name: zone.Name, Type: "A", Content: content, TTL: 1}
	}
	first, err := s.CreateRecord(record("192.0.2.1"))
	require.NoError(t, err)
	_, err = s.CreateRecord(record("192.0.2.2"))
	require.NoError(t, err)
	_, err = s.CreateRecord(record("192.0.2.3"))
	require.ErrorIs(t, err, ErrQuota)
	_, err = s.CreateRecord(Record{ZoneID: HomeZoneID, Name: HomeZoneName, Type: "A", Content: "192.0.2.3"})
	require.NoError(t, err, "another zone has room")

	other := Record{ZoneID: zone.ID, Name: "x." + zone.Name, Type: "CNAME", Content: "x", Proxied: true}
	_, _, err = s.ReplaceRecord(other)
	require.ErrorIs(t, err, ErrQuota)
	other.Name = zone.Name
	_, changed, err := s.ReplaceRecord(other)
	require.NoError(t, err, "it takes the place of two")
	require.True(t, changed)
	require.ErrorIs(t, s.DeleteRecord(zone.ID, first.ID), ErrNotFound)
	require.Len(t, s.Records(zone.ID), 1)
}
