package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"debug/macho"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/git"
)

func TestParsePlatforms(t *testing.T) {
	t.Parallel()
	all, err := parsePlatforms(allPlatforms)
	require.NoError(t, err)
	require.Len(t, all, 6)
	require.Equal(t, "k8s-tunnel", all[0].binary())
	require.Equal(t, "k8s-tunnel.exe", all[5].binary())
	for _, wrong := range []string{"", "linux", "linux/386", "linux/amd64,", "linux/amd64, linux/arm64", "amd64,linux"} {
		_, err := parsePlatforms(wrong)
		require.ErrorContains(t, err, "isn't one of", wrong)
	}
}

func TestRun_Refuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args []string
		want string
	}{
		{nil, "say what to make"},
		{[]string{"build"}, "make release VERSION=v0.1.0"},
		{[]string{"build", "-version", "0.1.0"}, `version "0.1.0" isn't like v0.1.0`},
		{[]string{"build", "-version", "v1"}, `version "v1" isn't like v0.1.0`},
		{[]string{"build", "-version", "v0.1.0", "-platforms", "plan9/386"}, `platform "plan9/386" isn't one of`},
		{[]string{"sell", "-version", "v0.1.0"}, `"sell" isn't template, build or check`},
	} {
		require.ErrorContains(t, run(t.Context(), test.args), test.want)
	}
}

// A module that can be fetched has its major version in its path.
func TestCheckModule(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ path, version, fitting string }{
		{"k8s-tunnel", "v2.0.0", ""}, // it can't be fetched anyway
		{"github.com/me/k8s-tunnel", "v0.1.0", ""},
		{"github.com/me/k8s-tunnel", "v1.2.3-rc.1", ""},
		{"github.com/me/k8s-tunnel", "v2.0.0", "github.com/me/k8s-tunnel/v2"},
		{"github.com/me/k8s-tunnel/v2", "v2.1.0", ""},
		{"github.com/me/k8s-tunnel/v2", "v3.0.0", "github.com/me/k8s-tunnel/v3"},
		{"github.com/me/k8s-tunnel/v2", "v1.0.0", "github.com/me/k8s-tunnel"},
	} {
		root := t.TempDir()
		write(t, filepath.Join(root, "go.mod"), "module "+test.path+"\n")
		err := run(t.Context(), []string{"build", "-root", root, "-version", test.version})
		if test.fitting == "" {
			require.ErrorContains(t, err, "CHANGELOG.md", "the next thing that is missing: %s", test.path)
		} else {
			require.ErrorContains(t, err, "as "+test.version)
			require.ErrorContains(t, err, "make rename MODULE="+test.fitting)
			require.True(t, strings.HasSuffix(err.Error(), "="+test.fitting), err)
		}
	}
}

const changelog = `# Changelog

## [Unreleased]

### Added

- Something new. *(no diff)*

## [0.1.0] - 2026-01-02

### Added

- The beginning. *(new)*
`

func TestChangelog(t *testing.T) {
	t.Parallel()
	cut, err := cutUnreleased(changelog, "v0.2.0", "2026-03-04")
	require.NoError(t, err)
	require.Contains(t, cut, "## [Unreleased]\n\n## [0.2.0] - 2026-03-04\n\n### Added\n\n- Something new.")
	notes, found := section(cut, "v0.2.0")
	require.True(t, found)
	require.Equal(t, "## [0.2.0] - 2026-03-04\n\n### Added\n\n- Something new. *(no diff)*\n", notes)
	notes, found = section(cut, "v0.1.0")
	require.True(t, found)
	require.Equal(t, "## [0.1.0] - 2026-01-02\n\n### Added\n\n- The beginning. *(new)*\n", notes)
	_, found = section(cut, "v0.1")
	require.False(t, found)

	_, err = cutUnreleased(cut, "v0.3.0", "2026-03-04")
	require.EqualError(t, err, "CHANGELOG.md has no changes for v0.3.0")
	_, err = cutUnreleased("# Changelog\n", "v0.3.0", "2026-03-04")
	require.ErrorContains(t, err, "neither a section for v0.3.0 nor what is unreleased")
}

// The day is that of the last commit in UTC, and without one, git says why.
func TestChangelog_Day(t *testing.T) {
	t.Parallel()
	r := newClone(t)
	r.version = "v0.2.0"
	_, err := r.cutChangelog(t.Context())
	require.ErrorContains(t, err, "the day of the last commit, for the changelog: git log: exit status 128: fatal: ")
	inGit := func(args ...string) {
		cmd := git.Command(t.Context(), r.root, append([]string{"-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgSign=false"}, args...)...)
		cmd.Env = append(cmd.Env, "GIT_COMMITTER_DATE=2026-03-05T01:00:00+0200")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	inGit("init", "--quiet")
	inGit("commit", "--quiet", "--allow-empty", "--message", "first")
	notes, err := r.cutChangelog(t.Context())
	require.NoError(t, err)
	require.Contains(t, notes, "## [0.2.0] - 2026-03-04\n")
}

// A version to try has the notes of the next one.
func TestChangelog_Prerelease(t *testing.T) {
	t.Parallel()
	r := newClone(t)
	r.version = "v0.2.0-rc.1"
	notes, err := r.cutChangelog(t.Context())
	require.NoError(t, err)
	require.Equal(t, "## [0.2.0-rc.1]\n\n### Added\n\n- Something new. *(no diff)*\n", notes)
	raw, err := os.ReadFile(filepath.Join(r.root, "CHANGELOG.md"))
	require.NoError(t, err)
	require.Equal(t, changelog, string(raw))
}

// The repository's own changelog can be cut.
func TestChangelog_Repository(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("../../CHANGELOG.md")
	require.NoError(t, err)
	require.Equal(t, 1, strings.Count(string(raw), unreleased))
	cut, err := cutUnreleased(string(raw), "v99.0.0", "2026-03-04")
	if err != nil { // just after a release
		require.ErrorContains(t, err, "no changes")
		return
	}
	notes, found := section(cut, "v99.0.0")
	require.True(t, found)
	require.Contains(t, notes, "\n### ")
}

func TestArchives(t *testing.T) {
	t.Parallel()
	files := []file{{"k8s-tunnel", []byte("program"), 0o755}, {"docs/README.md", []byte("text"), 0o644}}
	type entry struct {
		text       string
		executable bool
	}
	want := map[string]entry{"folder/k8s-tunnel": {"program", true}, "folder/docs/README.md": {"text", false}}

	packed, err := tarGzip("folder", files)
	require.NoError(t, err)
	plain, err := gzip.NewReader(bytes.NewReader(packed))
	require.NoError(t, err)
	got := map[string]entry{}
	for archive := tar.NewReader(plain); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		text, err := io.ReadAll(archive)
		require.NoError(t, err)
		require.Equal(t, stamp, header.ModTime.UTC())
		require.Zero(t, header.Uid+header.Gid)
		require.Empty(t, header.Uname+header.Gname)
		got[header.Name] = entry{string(text), header.Mode&0o111 != 0}
	}
	require.Equal(t, want, got)

	packed, err = zipped("folder", files)
	require.NoError(t, err)
	archive, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	require.NoError(t, err)
	got = map[string]entry{}
	var folders []string
	for _, f := range archive.File {
		if f.FileInfo().IsDir() {
			folders = append(folders, f.Name)
			continue
		}
		require.Contains(t, folders, path.Dir(f.Name)+"/", "folders come first")
		opened, err := f.Open()
		require.NoError(t, err)
		text, err := io.ReadAll(opened)
		require.NoError(t, err)
		require.True(t, stamp.Equal(f.Modified), f.Modified)
		got[f.Name] = entry{string(text), f.Mode()&0o111 != 0}
	}
	require.Equal(t, want, got)
	require.Equal(t, []string{"folder/", "folder/docs/"}, folders)
}

func TestBillOfMaterials(t *testing.T) {
	t.Parallel()
	const sum = "h1:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	info := &debug.BuildInfo{
		GoVersion: "go1.26.8", Main: debug.Module{Path: "k8s-tunnel", Version: "(devel)"},
		Settings: []debug.BuildSetting{{Key: "GOARCH", Value: "arm64"}},
		Deps: []*debug.Module{
			{Path: "example.org/a", Version: "v1.0.0+incompatible", Sum: sum},
			{Path: "example.org/b", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/fork", Version: "v1.0.1", Sum: sum}},
		},
	}
	raw, err := billOfMaterials(info, "v0.1.0", []byte("program"))
	require.NoError(t, err)
	var got bill
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, "CycloneDX", got.Format)
	require.Equal(t, "pkg:golang/k8s-tunnel@v0.1.0", got.Metadata.Component.URL)
	require.Contains(t, got.Metadata.Properties, property{"go:build:GOARCH", "arm64"})
	hashes := []hash{{"SHA-256", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"}}
	require.Equal(t, []component{
		{Type: "library", Ref: "pkg:golang/std@1.26.8", Name: "std", Version: "1.26.8", URL: "pkg:golang/std@1.26.8"},
		{
			Type: "library", Ref: "pkg:golang/example.org/a@v1.0.0%2Bincompatible", Name: "example.org/a", Version: "v1.0.0+incompatible",
			URL: "pkg:golang/example.org/a@v1.0.0%2Bincompatible", Hashes: hashes,
		},
		{
			Type: "library", Ref: "pkg:golang/example.org/fork@v1.0.1", Name: "example.org/b", Version: "v1.0.0",
			URL: "pkg:golang/example.org/fork@v1.0.1", Hashes: hashes,
		},
	}, got.Components)
	require.Len(t, got.Dependencies[0].Needs, 3)

	info.Deps[0].Sum = ""
	_, err = billOfMaterials(info, "v0.1.0", nil)
	require.ErrorContains(t, err, "example.org/a has no checksum")
}

// newClone makes a clone of a program that compiles in a second.
func newClone(t *testing.T) *release {
	t.Helper()
	root := t.TempDir()
	for _, name := range []string{"Pulumi.yaml", "LICENSE"} {
		raw, err := os.ReadFile(filepath.Join("..", "..", name))
		require.NoError(t, err)
		write(t, filepath.Join(root, name), string(raw))
	}
	write(t, filepath.Join(root, "go.mod"), "module example.org/program\n\ngo 1.26.0\n")
	write(t, filepath.Join(root, "go.sum"), "")
	write(t, filepath.Join(root, "CHANGELOG.md"), changelog)
	write(t, filepath.Join(root, "main.go"), "package main\n\nimport \"example.org/program/components\"\n\nfunc main() { println(components.Text) }\n")
	write(t, filepath.Join(root, "main_test.go"), "package main\n")
	write(t, filepath.Join(root, "components", "text.go"), "package components\n\nimport _ \"embed\"\n\n//go:embed text.txt\nvar Text string\n")
	write(t, filepath.Join(root, "components", "text.txt"), "text")
	write(t, filepath.Join(root, "components", "text_windows.go"), "package components\n")
	write(t, filepath.Join(root, "components", "golden", "golden.go"), "package golden\n") // for tests
	write(t, filepath.Join(root, "sandbox", "go.mod"), "module example.org/program/sandbox\n")
	write(t, filepath.Join(root, "sandbox", "main.go"), "package main\n")
	return &release{
		root: root, out: filepath.Join(root, "dist"), version: "v0.1.0",
		platforms: []platform{{runtime.GOOS, runtime.GOARCH}},
	}
}

// What a user has set with go env -w doesn't decide what is built. Where modules come from stays theirs.
func TestEnvironment(t *testing.T) {
	r := newClone(t)
	file := filepath.Join(t.TempDir(), "env")
	write(t, file, "GOEXPERIMENT=jsonv2\nGOAMD64=v3\nGOARM64=v9.0\nGOFLAGS=-tags=own\nGOPROXY=https://proxy.example\nGOPRIVATE=corp.example\n")
	t.Setenv("GOENV", file)
	t.Setenv("GODEBUG", "http2client=0")
	t.Setenv("GONOSUMDB", "sum.example")
	t.Setenv("GOGC", "30")
	env, err := r.environment(t.Context(), platform{"linux", "arm64"})
	require.NoError(t, err)
	require.Contains(t, env, "GOGC=30")
	require.NotContains(t, env, "GODEBUG=http2client=0")
	cmd := exec.Command("go", "env", "GOEXPERIMENT", "GOAMD64", "GOARM64", "GOFLAGS", "GOPROXY", "GOPRIVATE", "GONOSUMDB", "GOARCH")
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "\nv1\nv8.0\n-mod=readonly\nhttps://proxy.example\ncorp.example\nsum.example\narm64\n", string(out))
}

func TestTemplate(t *testing.T) {
	t.Parallel()
	r := newClone(t)
	write(t, filepath.Join(r.out, templateFolder, "old.go"), "package old\n")
	require.NoError(t, r.writeTemplate(t.Context()))
	var names []string
	require.NoError(t, filepath.WalkDir(filepath.Join(r.out, templateFolder), func(path string, entry os.DirEntry, err error) error {
		if !entry.IsDir() {
			name, _ := filepath.Rel(filepath.Join(r.out, templateFolder), path)
			names = append(names, filepath.ToSlash(name))
		}
		return err
	}))
	want := []string{
		"LICENSE", "Pulumi.yaml", "README.md", "components/text.go", "components/text.txt", "components/text_windows.go",
		"go.mod", "go.sum", "main.go",
	}
	require.ElementsMatch(t, want, names)
	packed, err := zip.OpenReader(filepath.Join(r.out, templateArchive))
	require.NoError(t, err)
	defer packed.Close()
	names = nil
	for _, f := range packed.File {
		if !f.FileInfo().IsDir() {
			names = append(names, f.Name)
		}
	}
	require.ElementsMatch(t, want, names, "the project is at the top of the archive")

	write(t, filepath.Join(r.root, "components", "text.txt"), "in ${PROJECT}")
	require.ErrorContains(t, r.writeTemplate(t.Context()), "text that pulumi new would replace")
}

// A program for macOS has the UUID that the system knows it by.
func TestBuildFor_UUID(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles for another system")
	}
	t.Parallel()
	r := newClone(t)
	require.NoError(t, os.Mkdir(r.out, 0o755))
	files, err := r.buildFor(t.Context(), platform{"darwin", "arm64"})
	require.NoError(t, err)
	packed, err := os.Open(filepath.Join(r.out, files[0]))
	require.NoError(t, err)
	defer packed.Close()
	plain, err := gzip.NewReader(packed)
	require.NoError(t, err)
	archive := tar.NewReader(plain)
	for header := new(tar.Header); path.Base(header.Name) != program; {
		header, err = archive.Next()
		require.NoError(t, err)
	}
	raw, err := io.ReadAll(archive)
	require.NoError(t, err)
	binary, err := macho.NewFile(bytes.NewReader(raw))
	require.NoError(t, err)
	const uuid = 0x1b // LC_UUID
	require.True(t, slices.ContainsFunc(binary.Loads, func(load macho.Load) bool {
		return binary.ByteOrder.Uint32(load.Raw()) == uuid
	}))
}

// The release is the same again, and a difference is found.
func TestCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles twice")
	}
	t.Parallel()
	r := newClone(t)
	require.NoError(t, r.check(t.Context()))
	name := "k8s-tunnel_v0.1.0_" + runtime.GOOS + "_" + runtime.GOARCH
	sums, err := os.ReadFile(filepath.Join(r.out, checksumsFile))
	require.NoError(t, err)
	for _, file := range []string{name + ".tar.gz", name + billExtension, templateArchive, "k8s-tunnel_v0.1.0_changes.md"} {
		require.Contains(t, string(sums), "  "+file+"\n")
	}
	unpacked := t.TempDir()
	out, err := exec.Command("tar", "-xzf", filepath.Join(r.out, name+".tar.gz"), "-C", unpacked).CombinedOutput()
	require.NoError(t, err, "%s", out)
	entries, err := os.ReadDir(filepath.Join(unpacked, name))
	require.NoError(t, err)
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	require.ElementsMatch(t, []string{(platform{system: runtime.GOOS}).binary(), "LICENSE", noticesFile, "Pulumi.yaml", "README.md", "go.mod"}, names)
	// In the folder, as Pulumi asks, and not of a module above it.
	write(t, filepath.Join(unpacked, "go.mod"), "module example.org/above\n")
	list := exec.Command("go", "list", "-m", "all")
	list.Dir = filepath.Join(unpacked, name)
	list.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=")
	out, err = list.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Equal(t, "example.org/program\n", string(out))

	other := newClone(t)
	write(t, filepath.Join(other.root, "components", "text.txt"), "other")
	require.NoError(t, other.build(t.Context()))
	require.ErrorContains(t, compare(r.out, other.out), "differs between two builds")
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}
