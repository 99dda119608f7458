package names

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

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
		{"domain", "example.com", ""},
		{"wildcard of the domain", "*.example.com", ""},
		{"twice", "first.example.com", "hostnames[1]: first.example.com is listed already, as hostnames[0]"},
		{"URL", "https://photos.example.com", "is a URL"},
		{"port", "photos.example.com:80", "is not a full host name"},
		{"relative", "photos", "is not a full host name"},
		{"inner wildcard", "a.*.example.com", "is not a full host name"},
		{"upper case", "Photos.example.com", "must be in lower case"},
		{"final dot", "photos.example.com.", "must be in lower case and without a final dot"},
		{"nothing", "", "is not a full host name"},
		{"underscore", "_my_app.example.com", ""},
		{"underscore in the zone", "app.my_example.com", "is not a full host name"},
		{"underscore in the last labels", "example.c_m", "is not a full host name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := Set{Domain: "example.com", Hostnames: []string{"first.example.com", test.host}}.Validate()
			if test.wantErr == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wantErr)
		})
	}
}

// hosts are names in their zones.
func hosts(zones map[string]string) []Host {
	var all []Host
	for _, name := range slices.Sorted(maps.Keys(zones)) {
		all = append(all, Host{Name: name, Zone: zones[name], Argument: "of " + name})
	}
	return all
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	got := Warnings(hosts(map[string]string{
		"example.com": "example.com", "*.example.com": "example.com", "photos.example.com": "example.com",
		"xn--mnchen-3ya.example.com": "example.com", "a.b.example.com": "example.com", "*.dev.example.com": "example.com", "x.lab.example.net": "lab.example.net",
	}), nil, []string{"", "www.example.com", "A.B.example.com", "x.y.example.com", "www.example.net", "*.example.org", "*.net", "München.example.com"}, nil)
	require.Len(t, got, 5)
	require.Contains(t, got[0], "of *.dev.example.com: *.dev.example.com is more than one level below its zone, example.com")
	require.Contains(t, got[0], "or use another name")
	require.Contains(t, got[1], "of a.b.example.com: a.b.example.com is more than one level below")
	require.Contains(t, got[1], "such as a-b.example.com")
	require.Contains(t, got[2], "ingress[3].hostname: x.y.example.com is more than one level below")
	require.Contains(t, got[3], "ingress[4].hostname: www.example.net has no record in this stack")
	require.Contains(t, got[4], "ingress[5].hostname: *.example.org has no record in this stack")
}

// In a partial zone, Cloudflare has a certificate for each name, whatever its level, but none for a wildcard.
func TestWarnings_PartialZone(t *testing.T) {
	t.Parallel()
	all := hosts(map[string]string{"*.example.com": "example.com", "a.b.example.com": "example.com", "example.com": "example.com"})
	for i := range all {
		all[i].Partial = true
	}
	got := Warnings(all, nil, []string{"a.b.example.com", "x.y.example.com"}, nil)
	require.Len(t, got, 1)
	require.Contains(t, got[0], "of *.example.com: *.example.com is a wildcard in a partial zone")
}

// The domain's names may be listed too.
func TestSet_Hosts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		set  Set
		want []string
	}{
		{Set{Domain: "example.com"}, []string{"domain example.com", "domain *.example.com"}},
		{Set{Hostnames: []string{"app.example.com", "*.dev.example.com"}}, []string{"hostnames[0] app.example.com", "hostnames[1] *.dev.example.com"}},
		{
			Set{Domain: "example.com", Hostnames: []string{"*.example.com", "example.net", "example.com"}},
			[]string{"domain example.com", "domain *.example.com", "hostnames[1] example.net"},
		},
	} {
		var got []string
		for _, host := range test.set.Hosts() {
			got = append(got, host.Argument+" "+host.Name)
		}
		require.Equal(t, test.want, got)
	}
}

func TestHost_Within(t *testing.T) {
	t.Parallel()
	require.True(t, Host{Name: "example.com"}.Within("example.com"))
	require.True(t, Host{Name: "*.a.example.com"}.Within("Example.com"))
	require.False(t, Host{Name: "myexample.com"}.Within("example.com"))
	require.True(t, Host{Name: "www.xn--mnchen-3ya.example"}.Within("münchen.example"))
}

func TestHost_Repetition(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, Host{Name: "www.example.com.example.com", Zone: "example.com", Argument: "hostnames[0]"}.Repetition(),
		"hostnames[0]: www.example.com.example.com has its zone, example.com, twice")
	require.NoError(t, Host{Name: "www.example.com", Zone: "example.com"}.Repetition())
	require.NoError(t, Host{Name: "example.com", Zone: "example.com"}.Repetition())
}

func TestSet_ValidateDomain(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, domain string
		wantErr      string // empty: valid
	}{
		{"nothing", "", "domain: not set"},
		{"below a zone", "dev.example.com", ""},
		{"domain with a scheme", "https://example.com", `domain: "https://example.com" is a URL`},
		{"the longest domain", strings.Repeat("a2345678901234567890123456789012345678901234567890123456789.", 4) + "x234567.net", ""},
		{"a domain whose wildcard is too long", strings.Repeat("a2345678901234567890123456789012345678901234567890123456789.", 4) + "x2345678.net", "is not a domain name"},
		{"wildcard domain", "*.example.com", `use the name "example.com"`},
		{"upper-case domain", "Example.com.", `"example.com"`},
		{"top-level domain", "com", `domain: "com" is not a domain name`},
		{"unicode domain", "bücher.example", "is not a domain name"},
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

// A record of any type ends the wildcard above it, for its own name and for those below.
func TestWarnings_HiddenFromWildcards(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		rule  string
		kinds map[string]string
		want  string
	}{
		{"photos.example.com", nil, ""},
		{"photos.example.com", map[string]string{"other.example.com": "A", "example.com": "CNAME", "*.example.com": "CNAME"}, ""},
		{"photos.example.com", map[string]string{"photos.example.com": "TXT"}, "ingress[0].hostname: photos.example.com gets no requests by the record of *.example.com, because photos.example.com has a record of type TXT"},
		{"*.apps.example.com", map[string]string{"apps.example.com": "CNAME"}, "because apps.example.com has a record of type CNAME, and wildcards end there; add *.apps.example.com to hostnames"},
		{"x.dev.example.com", map[string]string{"dev.example.com": "CNAME"}, ""}, // it has a wildcard of its own
		{"*.com", map[string]string{"photos.example.com": "A"}, ""},
		{"x.wiki.example.com", nil, "because wiki.example.com has a record of type CNAME"}, // or gets it by the first update
	} {
		got := strings.Join(Warnings(hosts(map[string]string{
			"example.com": "example.com", "*.example.com": "example.com", "*.dev.example.com": "dev.example.com", "wiki.example.com": "example.com",
		}), nil, []string{test.rule}, test.kinds), "\n")
		if test.want == "" {
			require.NotContains(t, got, "gets no requests", test.rule)
		} else {
			require.Contains(t, got, test.want)
		}
	}
}

// A rule may be for a name that leads to the tunnel by a record of others.
func TestWarnings_RecordsOfOthers(t *testing.T) {
	t.Parallel()
	ours := hosts(map[string]string{"*.example.com": "example.com"})
	others := hosts(map[string]string{"app.example.com": "example.com", "*.example.net": "example.net"})
	rules := []string{"app.example.com", "x.app.example.com", "www.example.net", "example.net"}
	got := Warnings(ours, others, rules, map[string]string{"app.example.com": "CNAME", "*.example.net": "CNAME"})
	require.Len(t, got, 3, got)
	require.Contains(t, got[0], "ingress[1].hostname: x.app.example.com gets no requests by the record of *.example.com, because app.example.com")
	require.Contains(t, got[1], "ingress[1].hostname: x.app.example.com is more than one level below its zone")
	require.Contains(t, got[2], "ingress[3].hostname: example.net has no record in this stack")
}

// Internationalized names may be written as people know them.
func TestSet_ASCII(t *testing.T) {
	t.Parallel()
	set := Set{Domain: "München.example", Hostnames: []string{"*.bücher.example", "Photos.example.com", "bü cher.example"}}.ASCII()
	require.Equal(t, Set{Domain: "xn--mnchen-3ya.example", Hostnames: []string{"*.xn--bcher-kva.example", "Photos.example.com", "bü cher.example"}}, set)
	err := set.Validate()
	require.ErrorContains(t, err, `hostnames[1]: "Photos.example.com" must be in lower case`)
	require.ErrorContains(t, err, `hostnames[2]: "bü cher.example" is not a full host name`)
	require.NotContains(t, err.Error(), "domain")
	require.Equal(t, Set{Domain: "Example.com."}, Set{Domain: "Example.com."}.ASCII())
}
