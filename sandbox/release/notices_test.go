package main

import (
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A text is printed once, below all the places where it was found, and what only sounds like a license
// isn't one.
func TestNotices_Texts(t *testing.T) {
	t.Parallel()
	a, b := t.TempDir(), t.TempDir()
	for name, text := range map[string]string{
		"LICENSE": "be free\r\n", "notice.txt": "as is\n", "LICENSE-MIT": "me\n",
		"license.go": "package a\n", "licenses.yaml": "a: b\n", "README.md": "text\n", "NOTICE/deep": "text\n",
	} {
		write(t, filepath.Join(a, name), text)
	}
	write(t, filepath.Join(b, "COPYING"), "\nbe free\n")
	var found []*license
	names, err := addLicenses(a, "example.org/a v1.0.0", ".", "", &found)
	require.NoError(t, err)
	require.Equal(t, 3, names)
	names, err = addLicenses(b, "example.org/b v1.0.0", "below/b", "", &found)
	require.NoError(t, err)
	require.Equal(t, 1, names)
	line := "\n" + strings.Repeat("=", 80) + "\n\n"
	_, got, _ := strings.Cut(string(printNotices(found)), "fetches.\n")
	require.Equal(t, line+"example.org/a v1.0.0: LICENSE\nexample.org/b v1.0.0: below/b/COPYING\n\nbe free\n"+
		line+"example.org/a v1.0.0: LICENSE-MIT\n\nme\n"+line+"example.org/a v1.0.0: notice.txt\n\nas is\n", got)
}

// A module without a license can't be released.
func TestNotices_Missing(t *testing.T) {
	t.Parallel()
	r := newClone(t)
	env, err := r.environment(t.Context(), r.platforms[0])
	require.NoError(t, err)
	text, err := r.notices(t.Context(), env, &debug.BuildInfo{GoVersion: runtime.Version()})
	require.NoError(t, err)
	require.Contains(t, string(text), "The Go Authors")
	_, err = r.notices(t.Context(), env, &debug.BuildInfo{Deps: []*debug.Module{{Path: "example.org/a"}}})
	require.ErrorContains(t, err, "no license was found of the module example.org/a")
}

// The program's own modules have licenses, on each system.
func TestNotices_Repository(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("lists all packages for each system")
	}
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	r := &release{root: root}
	all, err := parsePlatforms("linux/amd64,darwin/arm64,windows/amd64")
	require.NoError(t, err)
	for _, p := range all {
		env, err := r.environment(t.Context(), p)
		require.NoError(t, err)
		packages, err := r.linked(t.Context(), env)
		require.NoError(t, err)
		info := &debug.BuildInfo{GoVersion: runtime.Version()}
		for _, linked := range packages {
			if linked.Module != nil && !linked.Module.Main {
				info.Deps = append(info.Deps, &debug.Module{Path: linked.Module.Path})
			}
		}
		text, err := r.notices(t.Context(), env, info)
		require.NoError(t, err)
		for _, want := range []string{"Apache License", "Mozilla Public License", "The Go Authors", "\ngithub.com/pulumi/pulumi/sdk/v3 v"} {
			require.Contains(t, string(text), want, p)
		}
	}
}

// Distributions leave Go's licenses out of its folder. What is written then is the same.
func TestNotices_GoWithoutLicense(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	r := &release{root: root}
	env, err := r.environment(t.Context(), platform{})
	require.NoError(t, err)
	packages, err := r.linked(t.Context(), env)
	require.NoError(t, err)
	var without, with []*license
	require.NoError(t, addLicensesOfGo(t.TempDir(), packages, "go1.26.8", &without))
	require.Len(t, without, 2)
	require.Equal(t, []string{"Go's standard library 1.26.8: LICENSE"}, without[0].places)
	goRoot, err := r.goRoot(t.Context(), env)
	require.NoError(t, err)
	if _, err := os.Stat(filepath.Join(goRoot, "LICENSE")); err == nil {
		require.NoError(t, addLicensesOfGo(goRoot, nil, "go1.26.8", &with))
		require.Equal(t, without, with)
	}
	require.ErrorContains(t, addLicensesOfGo(t.TempDir(), nil, "go1.26.8", &without), "no license of Go was found in")
}
