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
	require.False(t, Equal("example.com", "example.net"))
}

func TestHost_Names(t *testing.T) {
	t.Parallel()
	set := Set{
		Domain:    "example.com",
		Hostnames: []string{"photos.example.com", "a.b.example.com", "*.dev.example.com", "example.net", "*.example.net", "x.lab.example.net"},
		Zones:     []string{"example.net", "lab.example.net"},
	}
	got := map[string][2]string{}
	for _, host := range set.Hosts() {
		got[host.LogicalName("edge")] = [2]string{host.Zone, host.RecordName()}
	}
	require.Equal(t, map[string][2]string{
		"edge-apex":                      {"example.com", "example.com"},
		"edge-wildcard":                  {"example.com", "*"},
		"edge-record-photos.example.com": {"example.com", "photos"},
		"edge-record-a.b.example.com":    {"example.com", "a.b"},
		"edge-wildcard-dev.example.com":  {"example.com", "*.dev"},
		"edge-record-example.net":        {"example.net", "example.net"},
		"edge-wildcard-example.net":      {"example.net", "*"},
		"edge-record-x.lab.example.net":  {"lab.example.net", "x"},
	}, got)
}
