package world

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/toolchain"
)

// variables are those of Env, by name.
func variables(w *World) map[string]string {
	found := map[string]string{}
	for _, v := range w.Env() {
		found[v.Name] = v.Value
	}
	return found
}

func TestEnv_StateIsWhereTheURLSays(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"plain", "with blanks", "50%", "%41", "c#1", "what?", "a[b]c", "a&b=c+d", "äöü"} {
		w := &World{Root: filepath.Join(t.TempDir(), name), Name: DefaultName}
		// Pulumi parses it, and parses it again when it has replaced the query.
		backend, err := url.Parse(variables(w)["PULUMI_BACKEND_URL"])
		require.NoError(t, err, name)
		require.Equal(t, "file", backend.Scheme)
		require.Empty(t, backend.Host)
		require.Equal(t, filepath.Dir(filepath.Dir(filepath.Dir(filepath.Dir(w.stackState())))), backend.Path)
		require.Equal(t, "skip", backend.Query().Get("metadata"))
	}
}

func TestEnv_ProxiesAreForOtherHosts(t *testing.T) {
	const own = "localhost,.localhost,127.0.0.1,127.0.3.1,10.255.3.2"
	for name, tt := range map[string]struct{ upper, lower, wantUpper, wantLower string }{
		"no exceptions":         {"", "", own, own},
		"the user's":            {"corp.example, .intra", "", "corp.example,.intra," + own, "corp.example,.intra," + own},
		"in the other spelling": {"", "corp.example", "corp.example," + own, "corp.example," + own},
		"different ones":        {"one.example", "two.example", "one.example," + own, "two.example," + own},
		"our own, from before":  {own, own, own, own},
		"all hosts":             {"*", "", "*", "*"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("NO_PROXY", tt.upper)
			t.Setenv("no_proxy", tt.lower)
			w := &World{Root: t.TempDir(), Name: "proxied", Slot: 3}
			got := variables(w)
			require.Equal(t, tt.wantUpper, got["NO_PROXY"])
			require.Equal(t, tt.wantLower, got["no_proxy"])
		})
	}
	t.Run("without a node", func(t *testing.T) {
		t.Setenv("NO_PROXY", "")
		t.Setenv("no_proxy", "")
		w := &World{Root: t.TempDir(), Name: "proxied", Slot: 3, NoCluster: true}
		require.Equal(t, strings.TrimSuffix(own, ",10.255.3.2"), variables(w)["NO_PROXY"])
	})
}

func TestEnviron_HasEachExceptionFromProxiesOnce(t *testing.T) {
	t.Setenv("NO_PROXY", "corp.example")
	t.Setenv("HTTPS_PROXY", "http://proxy.example:3128")
	w := &World{Root: t.TempDir(), Name: "proxied", Slot: 3}
	var found []string
	for _, entry := range w.Environ() {
		if name, _, _ := strings.Cut(entry, "="); name == "NO_PROXY" || name == "HTTPS_PROXY" {
			found = append(found, entry)
		}
	}
	require.ElementsMatch(t, []string{
		"NO_PROXY=corp.example,localhost,.localhost,127.0.0.1,127.0.3.1,10.255.3.2",
		"HTTPS_PROXY=" + os.Getenv("HTTPS_PROXY"),
	}, found)
}

// The user's own Pulumi compiles the program as the toolchain did, whatever flags the shell has. The one
// built here does so by itself.
func TestEnv_FlagsOfTheUsersLanguageHost(t *testing.T) {
	t.Setenv("GOFLAGS", "-race")
	w := &World{Root: t.TempDir(), Name: "flags"}
	require.NotContains(t, variables(w), "GOFLAGS")
	require.NoError(t, os.MkdirAll(toolchain.BinDir(w.Root), 0o755))
	require.NoError(t, os.Symlink("/usr/bin/pulumi", filepath.Join(toolchain.BinDir(w.Root), "pulumi")))
	require.Contains(t, variables(w)["GOFLAGS"], "'-gcflags=all=-dwarf=false -l'")
	require.Equal(t, "0", variables(w)["CGO_ENABLED"])
	require.NotContains(t, w.Environ(), "GOFLAGS=-race")
}
