package names

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecordComment(t *testing.T) {
	t.Parallel()
	comment := RecordComment("k8s-tunnel", "prod")
	require.Equal(t, "Managed by Pulumi: k8s-tunnel/prod", comment)
	owner, managed := RecordOwner(comment)
	require.True(t, managed)
	require.Equal(t, "k8s-tunnel/prod", owner)

	for _, byHand := range []string{"", "my server", "managed by me"} {
		_, managed := RecordOwner(byHand)
		require.False(t, managed, byHand)
	}
	require.Len(t, RecordComment("k8s-tunnel", strings.Repeat("prod", 40)), maxComment)
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
