package toolchain

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// ensure does what Ensure does, for one target of the test's own.
func ensure(t *testing.T, root string, made target) (Result, string, error) {
	t.Helper()
	var out bytes.Buffer
	run, err := prepare(t.Context(), Options{Root: root, Out: &out, Groups: []string{GroupLint}})
	require.NoError(t, err)
	result, err := run.ensure(t.Context(), []target{made})
	return result, out.String(), err
}

func output(t *testing.T, root string) string {
	t.Helper()
	said, err := exec.Command(filepath.Join(BinDir(root), "tool")).CombinedOutput()
	require.NoError(t, err)
	return string(said)
}

func TestEnsure_BuildsOnceAndAgainAfterAChange(t *testing.T) {
	t.Parallel()
	root, made := module(t)
	result, out, err := ensure(t, root, made)
	require.NoError(t, err)
	require.Equal(t, []string{"tool  built here"}, result.Report())
	require.Contains(t, out, "Building a tool from source")
	require.Equal(t, "hello\n", output(t, root))

	result, out, err = ensure(t, root, made)
	require.NoError(t, err)
	require.Empty(t, out, "nothing is to be done, so nothing is said")
	require.Equal(t, []string{"tool  built here"}, result.Report())

	put(t, root, "tool/text.go", "package main\n\nconst text = \"bye\"\n")
	_, _, err = ensure(t, root, made)
	require.NoError(t, err)
	require.Equal(t, "bye\n", output(t, root))
}

func TestEnsure_KeepsTheOldToolAndShowsWhyANewOneFails(t *testing.T) {
	t.Parallel()
	root, made := module(t)
	_, _, err := ensure(t, root, made)
	require.NoError(t, err)
	put(t, root, "tool/text.go", "package main\n\nconst text = nonsense\n")
	_, out, err := ensure(t, root, made)
	require.ErrorContains(t, err, "undefined: nonsense")
	require.ErrorContains(t, err, filepath.Join(root, ".sandbox/logs/build-tool.log"))
	require.Contains(t, out, "failed to build tool")
	require.Equal(t, "hello\n", output(t, root))
	leftovers, err := os.ReadDir(filepath.Join(root, ".sandbox/build"))
	require.NoError(t, err)
	require.Empty(t, leftovers)
}

func TestEnsure_TwoRunsBuildOnce(t *testing.T) {
	t.Parallel()
	root, made := module(t)
	outs := make([]string, 3)
	var all sync.WaitGroup
	for i := range outs {
		all.Go(func() { _, outs[i], _ = ensure(t, root, made) })
	}
	all.Wait()
	builds := 0
	for _, out := range outs {
		if bytes.Contains([]byte(out), []byte("built tool")) {
			builds++
		}
	}
	require.Equal(t, 1, builds, "%q", outs)
	require.Equal(t, "hello\n", output(t, root))
}

func TestEnsure_IsDeafToTheUsersFlags(t *testing.T) {
	root, made := module(t)
	t.Setenv("GOFLAGS", "-tags=broken -mod=vendor")
	t.Setenv("GOOS", "plan9")
	t.Setenv("GOWORK", filepath.Join(root, "go.work"))
	put(t, root, "tool/broken.go", "//go:build broken\n\npackage main\n\nvar _ = nonsense\n")
	_, _, err := ensure(t, root, made)
	require.NoError(t, err)
	require.Equal(t, "hello\n", output(t, root))
}

func TestEnsure_WorksInTheClone(t *testing.T) {
	root, made := module(t)
	goCommand, err := exec.LookPath("go")
	require.NoError(t, err)
	bin := t.TempDir()
	seen := filepath.Join(bin, "seen")
	script := "#!/bin/sh\nif [ \"$1\" = build ]; then echo \"$GOTMPDIR\" >'" + seen + "'; fi\nexec '" + goCommand + "' \"$@\"\n"
	require.NoError(t, os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o755))
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	_, _, err = ensure(t, root, made)
	require.NoError(t, err)
	content, err := os.ReadFile(seen)
	require.NoError(t, err)
	require.Contains(t, string(content), filepath.Join(root, ".sandbox/build/tool."), "on disk, where /tmp may be memory")
}

func TestEnsure_EmbedsFilesOfARequiredModule(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	put(t, root, "tool/go.mod", "module example\n\ngo 1.26\n\nrequire golang.org/x/mod v0.27.0\n")
	sum, err := os.ReadFile("../go.sum")
	require.NoError(t, err)
	put(t, root, "tool/go.sum", string(sum))
	put(t, root, "tool/main.go", "package main\n\nimport (\n\t_ \"embed\"\n\t_ \"golang.org/x/mod/semver\"\n)\n\n"+
		"//go:embed text.md\nvar text string\n\nfunc main() { println(text) }\n")
	made := target{
		name: "tool", label: "tool", module: "tool", packages: []string{"."}, as: "tool",
		embeds: []embed{{module: "golang.org/x/mod", file: "README.md", name: "text.md"}},
	}
	_, _, err = ensure(t, root, made)
	require.NoError(t, err)
	require.Contains(t, output(t, root), "golang.org/x/mod")
}

func TestEnsure_RefusesAnUnknownGroup(t *testing.T) {
	t.Parallel()
	_, err := Ensure(t.Context(), Options{Root: t.TempDir(), Groups: []string{"everything"}})
	require.ErrorContains(t, err, `"everything"`)
}

func TestEnsure_StopsWhenTold(t *testing.T) {
	t.Parallel()
	root, made := module(t)
	unlock, err := Lock(t.Context(), root, made.name, func() {})
	require.NoError(t, err)
	defer unlock()
	var out bytes.Buffer
	run, err := prepare(t.Context(), Options{Root: root, Out: &out, Groups: []string{GroupLint}})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err = run.ensure(ctx, []target{made})
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Contains(t, out.String(), "waiting for another run that builds tool")
}

func TestSelected(t *testing.T) {
	t.Parallel()
	all := []target{
		{name: "a", group: GroupPulumi},
		{name: "b", group: GroupNode},
		{name: "c", group: GroupCloudflared},
		{name: "d", group: GroupLint},
	}
	tests := []struct {
		groups []string
		want   string
	}{
		{[]string{GroupPulumi}, "a"},
		{[]string{GroupCloudflared, GroupNode}, "bc"},
		{[]string{GroupCloudflared, GroupLint}, "cd"},
		{nil, ""},
	}
	for _, test := range tests {
		run := ensurer{Options: Options{Groups: test.groups}}
		got := ""
		for _, chosen := range run.selected(append([]target{}, all...)) {
			got += chosen.name
		}
		require.Equal(t, test.want, got, "%v", test.groups)
	}
}
