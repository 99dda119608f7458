package components

import (
	"errors"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// hostArgs are arguments with names in the domain, a zone, and a zone below it.
func hostArgs(hostnames ...string) *CloudflareTunnelArgs {
	args := validArgs()
	args.Hostnames = hostnames
	args.Zones = map[string]pulumi.StringInput{"example.net": pulumi.String("net"), "lab.example.net": pulumi.String("lab")}
	return args
}

// The logical names are a contract, and the names given to the provider are
// those under which it can overwrite a record that exists.
func TestCloudflareTunnel_Records(t *testing.T) {
	t.Parallel()
	r := declare(t, hostArgs("photos.example.com", "a.b.example.com", "*.dev.example.com", "example.net", "*.example.net", "www.example.net", "x.lab.example.net"))
	got := map[string][2]string{}
	for _, reg := range r.registrations {
		if reg.Type == "cloudflare:index/record:Record" {
			got[reg.Name] = [2]string{reg.Inputs["zoneId"].StringValue(), reg.Inputs["name"].StringValue()}
		}
	}
	require.Equal(t, map[string][2]string{
		"edge-apex":                      {"zone", "example.com"},
		"edge-wildcard":                  {"zone", "*"},
		"edge-record-photos.example.com": {"zone", "photos"},
		"edge-record-a.b.example.com":    {"zone", "a.b"},
		"edge-wildcard-dev.example.com":  {"zone", "*.dev"},
		"edge-record-example.net":        {"net", "example.net"},
		"edge-wildcard-example.net":      {"net", "*"},
		"edge-record-www.example.net":    {"net", "www"},
		"edge-record-x.lab.example.net":  {"lab", "x"},
	}, got)
}

func TestCloudflareTunnelArgs_ZonesInUse(t *testing.T) {
	t.Parallel()
	args := hostArgs("photos.example.com", "x.lab.example.net", "*.lab.example.net", "nowhere.org")
	require.Equal(t, []string{"lab.example.net"}, args.ZonesInUse())
	args.Zones["lab.example.net"] = nil
	require.ErrorContains(t, args.Validate(), `zones["lab.example.net"]: not set`)
}

func TestCloudflareTunnelArgs_ValidateHostnames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, host string
		wantErr    string // empty: valid
	}{
		{"below the domain", "photos.example.com", ""},
		{"wildcard below the domain", "*.dev.example.com", ""},
		{"zone", "example.net", ""},
		{"wildcard of a zone", "*.example.net", ""},
		{"domain", "example.com", "hostnames[1]: example.com has its record already"},
		{"wildcard of the domain", "*.example.com", "has its record already"},
		{"twice", "first.example.com", "hostnames[1]: first.example.com is hostnames[0] already"},
		{"no zone", "example.org", "lies neither in the domain, example.com, nor in any of zones"},
		{"the end of a zone's name", "myexample.com", "lies neither in"},
		{"URL", "https://photos.example.com", "is a URL"},
		{"port", "photos.example.com:80", "is not a full host name"},
		{"relative", "photos", "is not a full host name"},
		{"inner wildcard", "a.*.example.com", "is not a full host name"},
		{"upper case", "Photos.example.com", "has to be in lower case"},
		{"final dot", "photos.example.com.", "has to be in lower case without a final dot"},
		{"nothing", "", "is not a full host name"},
		{"repeated zone", "www.example.com.example.com", "repeats its zone"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := hostArgs("first.example.com", test.host).Validate()
			if test.wantErr == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, test.wantErr)
		})
	}
}

func TestCloudflareTunnelArgs_ValidateZones(t *testing.T) {
	t.Parallel()
	args := hostArgs()
	args.Zones["https://example.org"], args.Zones["example.com"] = nil, nil
	err := args.Validate()
	require.ErrorContains(t, err, `zones: "https://example.org" is a URL`)
	require.ErrorContains(t, err, "zones: example.com is the domain")
}

func TestWarnings(t *testing.T) {
	t.Parallel()
	args := hostArgs("photos.example.com", "a.b.example.com", "*.dev.example.com", "*.example.net")
	for _, host := range []string{"", "www.example.com", "A.B.example.com", "x.y.example.com", "www.example.net", "*.example.org", "*.net"} {
		args.Ingress = append(args.Ingress, IngressRule{Hostname: host, Path: "/", Service: "http://web"})
	}
	got := warnings(args)
	require.Len(t, got, 4)
	require.Contains(t, got[0], "hostnames[1]: a.b.example.com is more than one level below")
	require.Contains(t, got[1], "hostnames[2]: *.dev.example.com is more than one level below")
	require.Contains(t, got[2], "ingress[3].hostname: x.y.example.com is more than one level below")
	require.Contains(t, got[3], "ingress[5].hostname: no record of this stack leads *.example.org here")
	require.NoError(t, errors.Join(validateIngress(args), validateHostnames(args)))
}
