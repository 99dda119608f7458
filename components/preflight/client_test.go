package preflight_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/preflight"
)

func TestOptions_Validate(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "api.cloudflare.com", "127.0.0.1:4443", "[::1]:443", "[2001:db8::1]", "api_gateway", "API.example.com:1"} {
		require.NoError(t, preflight.Options{APIHostname: host}.Validate("host", "path"), host)
	}
	for _, host := range []string{"api.cloudflare.com ", " a", "https://a", "a/", "a/client", "a:", "a:0", "a:70000", "a:b", ":443", "::1", "a?b", "a#b", "a\n", "bücher.example", "a%20b"} {
		require.ErrorContains(t, preflight.Options{APIHostname: host}.Validate("host", "path"), "host: ", host)
	}
	for _, path := range []string{"", "/", "/client/v4", "/client/v4/", "/a%20b"} {
		require.NoError(t, preflight.Options{APIBasePath: path}.Validate("host", "path"), path)
	}
	for _, path := range []string{"client/v4", "/client/v4 ", "//other", "/a//b", "/a?b", "/a#b", "https://a/b", "/\x1b"} {
		require.ErrorContains(t, preflight.Options{APIBasePath: path}.Validate("host", "path"), "path: ", path)
	}
	err := preflight.Options{APIHostname: "me:hush@api.cloudflare.com", APIBasePath: "https://me:hush@api/v4"}.Validate("host", "path")
	require.EqualError(t, err, "host: must not contain credentials; it is a host with an optional port, such as api.cloudflare.com\n"+
		"path: must not contain credentials; it is a path that begins with a slash, such as /client/v4")
}
