package names

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOwner(t *testing.T) {
	t.Parallel()
	owner := Owner{Stack: "k8s-tunnel/prod", Identity: "0a1b2c3d"}
	require.Equal(t, "Managed by Pulumi: k8s-tunnel/prod [0a1b2c3d]", owner.Comment())
	require.Equal(t, owner, ParseComment(owner.Comment()))
	require.Equal(t, Owner{Stack: "k8s-tunnel/prod"}, ParseComment("Managed by Pulumi: k8s-tunnel/prod"), "of an older version")
	for _, byHand := range []string{"", "my server", "managed by me", "[0a1b2c3d]"} {
		require.Equal(t, Owner{}, ParseComment(byHand), byHand)
	}
}

// A long name is cut, but never what tells owners apart.
func TestOwner_LongName(t *testing.T) {
	t.Parallel()
	name := "k8s-tunnel/" + strings.Repeat("prod", 40)
	ours, theirs := Owner{name + "a", "0a1b2c3d"}.Comment(), Owner{name + "b", "ffffffff"}.Comment()
	require.Len(t, ours, maxComment)
	require.Equal(t, "0a1b2c3d", ParseComment(ours).Identity)
	require.Equal(t, "ffffffff", ParseComment(theirs).Identity)
}

func TestEqual(t *testing.T) {
	t.Parallel()
	require.True(t, Equal("example.com", "Example.com."))
	require.True(t, Equal("xn--mnchen-3ya.example", "münchen.example"))
	require.True(t, Equal("*.xn--mnchen-3ya.example", "*.München.example."))
	require.True(t, Equal("_acme.xn--mnchen-3ya.example", "_acme.münchen.example"))
	require.False(t, Equal("example.com", "example.net"))
}

func TestHost_RecordName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{"example.com": "example.com", "*.example.com": "*", "a.b.example.com": "a.b", "*.dev.example.com": "*.dev"} {
		require.Equal(t, want, Host{Name: name, Zone: "example.com"}.RecordName())
	}
	for name, want := range map[string]string{"xn--mnchen-3ya.example": "@", "*.xn--mnchen-3ya.example": "*"} {
		require.Equal(t, want, Host{Name: name, Zone: "xn--mnchen-3ya.example"}.RecordName())
	}
}

// Records keep the names that they have in the state, whichever argument asks for them now.
func TestLogicalNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name        string
		set         Set
		state, want map[string]string
		reserved    string
	}{
		{
			name: "new",
			set:  Set{Domain: "example.com", Hostnames: []string{"photos.example.com", "*.dev.example.com", "example.net", "*.example.net"}},
			want: map[string]string{
				"example.com": "edge-apex", "*.example.com": "edge-wildcard",
				"photos.example.com": "edge-record-photos.example.com", "*.dev.example.com": "edge-wildcard-dev.example.com",
				"example.net": "edge-record-example.net", "*.example.net": "edge-wildcard-example.net",
			},
		},
		{
			name:  "listed instead of the domain",
			set:   Set{Hostnames: []string{"*.example.com", "www.example.com"}},
			state: map[string]string{"edge-apex": "example.com", "edge-wildcard": "*.example.com"},
			want:  map[string]string{"*.example.com": "edge-wildcard", "www.example.com": "edge-record-www.example.com"},
		},
		{
			name:  "the domain instead of a list",
			set:   Set{Domain: "example.com"},
			state: map[string]string{"edge-record-example.com": "example.com"},
			want:  map[string]string{"example.com": "edge-record-example.com", "*.example.com": "edge-wildcard"},
		},
		{
			name:  "another domain",
			set:   Set{Domain: "example.net"},
			state: map[string]string{"edge-apex": "example.com", "edge-wildcard": "*.example.com"},
			want:  map[string]string{"example.net": "edge-apex", "*.example.net": "edge-wildcard"},
		},
		{
			name:  "another domain, the former one among the list",
			set:   Set{Domain: "example.net", Hostnames: []string{"example.com"}},
			state: map[string]string{"edge-apex": "example.com", "edge-wildcard": "*.example.com"},
			want:  map[string]string{"example.net": "edge-record-example.net", "*.example.net": "edge-wildcard", "example.com": "edge-apex"},
		},
		{
			name:     "another domain, while the former one's record is left to others",
			set:      Set{Domain: "example.net"},
			state:    map[string]string{"edge-apex": "example.com", "edge-wildcard": "*.example.com"},
			reserved: "edge-apex",
			want:     map[string]string{"example.net": "edge-record-example.net", "*.example.net": "edge-wildcard"},
		},
		{
			name:  "twice in the state",
			set:   Set{Hostnames: []string{"example.com"}},
			state: map[string]string{"edge-apex": "example.com", "edge-record-example.com": "example.com"},
			want:  map[string]string{"example.com": "edge-record-example.com"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.want, LogicalNames("edge", test.set.Hosts(), test.state, func(name string) bool { return name == test.reserved }))
		})
	}
}

func TestIsLogicalName(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"edge-apex": true, "edge-wildcard": true, "edge-wildcard-dev.example.com": true, "edge-record-example.com": true,
		"edge-txt": false, "edge-apex-txt": false, "edge-record": false, "edge-records-example.com": false, "edge-2-apex": false, "edge": false, "apex": false,
	} {
		require.Equal(t, want, IsLogicalName("edge", name), name)
	}
}

func TestLastRecord_Host(t *testing.T) {
	t.Parallel()
	zones := map[string]string{"example.com": "z1", "xn--mnchen-3ya.example": "z2"}
	for _, test := range []struct {
		record LastRecord
		want   string
	}{
		{LastRecord{ZoneID: "z1", Name: "app", Hostname: "app.example.com"}, "app.example.com"},
		{LastRecord{ZoneID: "z1", Name: "app", Hostname: "renamed.example.com"}, "app.example.com"},
		{LastRecord{ZoneID: "z1", Name: "*", Hostname: "*.example.com"}, "*.example.com"},
		{LastRecord{ZoneID: "z1", Name: "example.com", Hostname: "renamed.example.com"}, "example.com"},
		{LastRecord{ZoneID: "z2", Name: "@", Hostname: "münchen.example"}, "xn--mnchen-3ya.example"},
		{LastRecord{ZoneID: "z2", Name: "app", Hostname: "app.münchen.example"}, "app.xn--mnchen-3ya.example"},
		{LastRecord{ZoneID: "z3", Name: "app", Hostname: "App.example.net"}, "app.example.net"}, // a zone that isn't in use any more
	} {
		require.Equal(t, test.want, test.record.Host(zones))
	}
}
