package state

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// point gives a name in the home zone a proxied CNAME.
func point(t *testing.T, s *Store, name, content string) Record {
	t.Helper()
	r, _, err := s.ReplaceRecord(Record{ZoneID: HomeZoneID, Name: name, Type: "CNAME", Content: content, Proxied: true, TTL: 1})
	require.NoError(t, err)
	return r
}

func TestStore_Lookup(t *testing.T) {
	t.Parallel()
	s := open(t)
	point(t, s, "home.localhost", "apex")
	point(t, s, "*.home.localhost", "wild")
	point(t, s, "*.deep.home.localhost", "deep")
	point(t, s, "photos.home.localhost", "photos")
	for _, r := range []Record{
		{Name: "grey.home.localhost", Type: "A", Content: "192.0.2.1"},
		{Name: "text.home.localhost", Type: "TXT", Content: "t"},
		{Name: "two.home.localhost", Type: "A", Content: "192.0.2.1"},
		{Name: "two.home.localhost", Type: "A", Content: "192.0.2.2", Proxied: true},
		{Name: "other.home.localhost", Type: "NS", Content: "ns.example"},
		{Name: "a.other.home.localhost", Type: "A", Content: "192.0.2.1", Proxied: true},
		{Name: "home.localhost", Type: "NS", Content: "ns.example"},
	} {
		r.ZoneID = HomeZoneID
		_, err := s.CreateRecord(r)
		require.NoError(t, err)
	}
	ascii, err := s.PutZone(Zone{Name: "münchen.localhost", AccountID: SeedAccountID})
	require.NoError(t, err)
	_, err = s.CreateRecord(Record{ZoneID: ascii.ID, Name: QualifyName(ascii.Name, "*.Bücher"), Type: "CNAME", Content: "books", Proxied: true})
	require.NoError(t, err)
	sub, err := s.PutZone(Zone{Name: "sub.home.localhost", AccountID: SeedAccountID})
	require.NoError(t, err)
	require.NotEmpty(t, sub.ID)
	_, err = s.PutZone(Zone{Name: "home.localhost", AccountID: SeedAccountID})
	require.NoError(t, err)

	for name, c := range map[string]struct{ host, want string }{
		"the apex":                                   {"home.localhost", "apex"},
		"an exact name before the wildcard":          {"photos.home.localhost", "photos"},
		"the wildcard":                               {"music.home.localhost", "wild"},
		"the wildcard at any depth":                  {"a.b.c.home.localhost", "wild"},
		"the nearest wildcard":                       {"x.deep.home.localhost", "deep"},
		"a wildcard's own level":                     {"deep.home.localhost", "wild"},
		"a name below a record hides the wildcard":   {"a.photos.home.localhost", ""},
		"a record that isn't proxied hides it too":   {"grey.home.localhost", ""},
		"a text record hides it":                     {"text.home.localhost", ""},
		"and hides it from what is below":            {"a.b.text.home.localhost", ""},
		"the proxied one of several":                 {"two.home.localhost", "192.0.2.2"},
		"a zone below has its own names":             {"x.sub.home.localhost", ""},
		"a delegated name":                           {"other.home.localhost", ""},
		"a record below a delegated name":            {"a.other.home.localhost", ""},
		"an internationalized name":                  {"x.xn--bcher-kva.xn--mnchen-3ya.localhost", "books"},
		"a zone without records":                     {"lab.localhost", ""},
		"no zone":                                    {"localhost", ""},
		"a name that only ends like the zone's name": {"sweethome.localhost", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, ok := s.Lookup(c.host)
			require.Equal(t, c.want != "", ok)
			require.Equal(t, c.want, r.Content)
		})
	}
}

func TestStore_DNSLag(t *testing.T) {
	t.Parallel()
	s := open(t)
	now, behind := time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC), false
	s.now = func() time.Time { return now }
	s.coin = func() bool { return behind }
	const host = "photos.home.localhost"
	sees := func(old, current string) {
		t.Helper()
		for _, c := range []struct {
			behind bool
			want   string
		}{{true, old}, {false, current}} {
			behind = c.behind
			r, _ := s.Lookup(host)
			require.Equal(t, c.want, r.Content, "behind: %v", c.behind)
		}
	}

	point(t, s, "*.home.localhost", "wild")
	sees("wild", "wild")

	s.SetDNSLag(5 * time.Second)
	require.Equal(t, 5*time.Second, s.DNSLag())
	r := point(t, s, host, "first")
	sees("wild", "first")
	now = now.Add(4 * time.Second)
	r, err := s.UpdateRecord(HomeZoneID, r.ID, func(r *Record) { r.Content = "second" })
	require.NoError(t, err)
	sees("wild", "second")
	now = now.Add(time.Second)
	sees("first", "second")
	now = now.Add(4 * time.Second)
	sees("second", "second")

	require.NoError(t, s.DeleteRecord(HomeZoneID, r.ID))
	sees("second", "wild")
	now = now.Add(5 * time.Second)
	sees("wild", "wild")

	point(t, s, host, "third")
	sees("wild", "third")
	s.SetDNSLag(0)
	sees("third", "third")
}

func TestStore_DNSLagIsSeenByHalf(t *testing.T) {
	t.Parallel()
	s := open(t)
	point(t, s, HomeZoneName, "old")
	s.SetDNSLag(time.Hour)
	point(t, s, HomeZoneName, "new")
	seen := map[string]int{}
	for range 1000 {
		r, _ := s.Lookup(HomeZoneName)
		seen[r.Content]++
	}
	require.InDelta(t, 500, seen["old"], 100)
	require.InDelta(t, 500, seen["new"], 100)
}

func TestQualifyName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ given, want string }{
		"the apex as @":            {"@", "home.localhost"},
		"the zone's own name":      {"Home.Localhost.", "home.localhost"},
		"a relative name":          {"photos", "photos.home.localhost"},
		"the wildcard":             {"*", "*.home.localhost"},
		"a full name":              {"a.b.home.localhost", "a.b.home.localhost"},
		"a name of another zone":   {"www.other.example", "www.other.example.home.localhost"},
		"a name that ends like it": {"sweethome.localhost", "sweethome.localhost.home.localhost"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, QualifyName("home.localhost", c.given))
		})
	}
}
