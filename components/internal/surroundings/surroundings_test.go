package surroundings_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/surroundings"
)

// shell is a shell with these variables.
func shell(variables map[string]string) surroundings.Environment {
	return func(name string) (string, bool) {
		value, set := variables[name]
		return value, set
	}
}

func TestEnvironment_API(t *testing.T) {
	t.Parallel()
	env := shell(map[string]string{"CLOUDFLARE_API_HOSTNAME": "api.shell", "CLOUDFLARE_API_BASE_PATH": ""})
	host, path, err := env.API("", "/input")
	require.NoError(t, err)
	require.Equal(t, []string{"api.shell", "/input"}, []string{host, path})
	host, path, err = env.API("api.input", "")
	require.ErrorContains(t, err, "CLOUDFLARE_API_BASE_PATH: is set in the environment, but empty")
	require.Equal(t, []string{"api.input", ""}, []string{host, path})
}

// An address that can't be one is blamed on where it is set.
func TestEnvironment_APIInvalid(t *testing.T) {
	t.Parallel()
	env := shell(map[string]string{"CLOUDFLARE_API_HOSTNAME": "https://api.shell", "CLOUDFLARE_API_BASE_PATH": "client/v4"})
	_, _, err := env.API("", "")
	require.EqualError(t, err, `CLOUDFLARE_API_HOSTNAME: "https://api.shell" is not a host with an optional port, such as api.cloudflare.com`+"\n"+
		`CLOUDFLARE_API_BASE_PATH: "client/v4" is not a path that begins with a slash, such as /client/v4`)
	_, _, err = env.API("api.input ", "/input")
	require.EqualError(t, err, `cloudflare:apiHostname: "api.input " is not a host with an optional port, such as api.cloudflare.com`)
}

// Problems name variables, and don't show credentials.
func TestEnvironment_Problems(t *testing.T) {
	t.Parallel()
	err := shell(map[string]string{"CLOUDFLARE_API_USER_SERVICE_KEY": "hush", "CLOUDFLARE_API_KEY": "hush"}).Problems()
	require.ErrorContains(t, err, "CLOUDFLARE_API_USER_SERVICE_KEY: ")
	require.ErrorContains(t, err, "CLOUDFLARE_API_KEY: ")
	require.NotContains(t, err.Error(), "hush")
	require.NoError(t, shell(nil).Problems())
}

func TestEnvironment_Warnings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		variable string
		quiet    []string
		warned   []string
	}{
		{"TF_LOG", []string{"", "INFO", "warn", "Error"}, []string{"trace", "DEBUG", "JSON", "1", "true", "all", "off", "none", " debug", "info "}},
		{"PULUMI_DEBUG_GRPC", []string{""}, []string{"grpc.json"}},
		{"PULUMI_LOG_OTLP_ENDPOINT", []string{"127.0.0.1:4317"}, nil},
		{"PULUMI_SKIP_CHECKPOINTS", []string{"", "0", "false", "no"}, []string{"1", "true", "TRUE"}},
	} {
		for _, value := range test.quiet {
			require.Empty(t, shell(map[string]string{test.variable: value}).Warnings(), "%s=%s", test.variable, value)
		}
		for _, value := range test.warned {
			warnings := shell(map[string]string{test.variable: value}).Warnings()
			require.Len(t, warnings, 1, "%s=%s", test.variable, value)
			require.Contains(t, warnings[0], test.variable+": is ")
		}
	}
}

// What counts is the naming of the types that are used, as the engine finds it: that of the
// type, of its provider, or of all.
func TestAutonaming(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]string{
		"":                                      "",
		"verbatim":                              "", // the engine refuses it
		`{"mode": "default"}`:                   "",
		`{"pattern": "${name}-${alphanum(6)}"}`: "",
		`{"pattern": "${name}-${random(6)}"}`:   "a, b", // which the engine leaves as it is
		`{"mode": "verbatim"}`:                  "a, b",
		`{"providers": {"b": {"mode": "disabled"}}}`: "b",
		`{"mode": "verbatim", "providers": {"a": {"mode": "default", "resources": {"a:x:Y": {"pattern": "${name}"}}}, "b": {"pattern": "${uuid}"}}}`: "a:x:Y",
		`{"providers": {"a": {"mode": "verbatim", "resources": {"a:x:Y": {"mode": "default"}}}}}`:                                                    "a",
		`{"providers": {"a": {"mode": "verbatim", "resources": {"a:x:Y": {"mode": "default"}, "a:x:Z": {"pattern": "${hex(4)}"}}}}}`:                 "",
		`{"providers": {"a": {"resources": {"a:x:Other": {"mode": "verbatim"}}}, "other": {"mode": "verbatim"}}}`:                                    "",
		`{"mode": "disabled", "providers": {"a": {"resources": {"a:x:Y": {"mode": "default"}, "a:x:Z": {"mode": "verbatim"}}}}}`:                     "a:x:Z, b",
	} {
		err := surroundings.Autonaming(value, "b:x:Y", "a:x:Y", "a:x:Z")
		if want == "" {
			require.NoError(t, err, value)
			continue
		}
		require.EqualError(t, err, "pulumi:autonaming: makes Pulumi delete resources of "+want+" before it creates their replacements, so that requests would be lost; "+
			"all names are given here, so run: pulumi config rm pulumi:autonaming, or set the mode default for "+want+" below its providers")
	}
}
