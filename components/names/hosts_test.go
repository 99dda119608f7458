package names

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// testSet has names in the domain, in a zone, and in a zone below that.
func testSet(hostnames ...string) Set {
	return Set{Domain: "example.com", Hostnames: hostnames, Zones: []string{"example.net", "lab.example.net"}}
}

func TestSet_ZonesInUse(t *testing.T) {
	t.Parallel()
	require.Equal(t, []string{"lab.example.net"}, testSet("photos.example.com", "x.lab.example.net", "*.lab.example.net", "nowhere.org").ZonesInUse())
	require.Equal(t, []string{"example.net", "lab.example.net"}, testSet("x.lab.example.net", "a.example.net", "b.example.net").ZonesInUse())
}

func TestSet_ValidateHostnames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, host string
		wantErr    string // empty: valid
	}{
		{"below the domain", "photos.example.com", ""},
		{"wildcard below the domain", "*.dev.example.com", ""},
		{"zone", "example.net", ""},
		{"wildcard of a zone", "*.example.net", ""},
		{"domain", "example.com", "hostnames[1]: example.com is included already"},
		{"wildcard of the domain", "*.example.com", "is included already"},
		{"twice", "first.example.com", "hostnames[1]: first.example.com is listed already, as hostnames[0]"},
		{"no zone", "example.org", "is neither in the domain, example.com, nor in any of zones"},
		{"the end of a zone's name", "myexample.com", "is neither in"},
		{"URL", "https://photos.example.com", "is a URL"},
		{"port", "photos.example.com:80", "is not a full host name"},
		{"relative", "photos", "is not a full host name"},
		{"inner wildcard", "a.*.example.com", "is not a full host name"},
		{"upper case", "Photos.example.com", "must be in lower case"},
		{"final dot", "photos.example.com.", "must be in lower case and without a final dot"},
		{"nothing", "", "is not a full host name"},
		{"repeated zone", "www.example.com.example.com", "has its zone, example.com, twice"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := testSet("first.example.com", test.host).Validate()
			if test.wantErr == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wantErr)
		})
	}
}

func TestSet_ValidateZones(t *testing.T) {
	t.Parallel()
	set := testSet()
	set.Zones = append(set.Zones, "https://example.org", "example.com")
	err := set.Validate()
	require.ErrorContains(t, err, `zones: "https://example.org" is a URL`)
	require.ErrorContains(t, err, "zones: example.com is the domain")
}

func TestSet_Warnings(t *testing.T) {
	t.Parallel()
	set := testSet("photos.example.com", "a.b.example.com", "*.dev.example.com", "*.example.net")
	require.NoError(t, set.Validate())
	got := set.Warnings([]string{"", "www.example.com", "A.B.example.com", "x.y.example.com", "www.example.net", "*.example.org", "*.net"})
	require.Len(t, got, 4)
	require.Contains(t, got[0], "hostnames[1]: a.b.example.com is more than one level below")
	require.Contains(t, got[1], "hostnames[2]: *.dev.example.com is more than one level below")
	require.Contains(t, got[2], "ingress[3].hostname: x.y.example.com is more than one level below")
	require.Contains(t, got[3], "ingress[5].hostname: *.example.org has no record in this stack")
}

func TestSet_ValidateDomain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, domain string
		wantErr      string // empty: valid
	}{
		{"no domain", "", "domain: not set"},
		{"domain with a scheme", "https://example.com", `domain: "https://example.com" is a URL`},
		{"wildcard domain", "*.example.com", `use the zone's name, "example.com"`},
		{"upper-case domain", "Example.com.", `"example.com"`},
		{"top-level domain", "com", `domain: "com" is not a domain name`},
		{"unicode domain", "bücher.example", "xn--"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := Set{Domain: test.domain}.Validate()
			if test.wantErr == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wantErr)
		})
	}
}
