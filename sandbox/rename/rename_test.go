package main

import (
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/zip"

	"k8s-tunnel/sandbox/git"
)

// These tests go on to hold after a renaming: what they say of the old path isn't written in one piece.
const (
	old     = "k8s-tunnel"
	renamed = "github.com/me/tunnel"
)

func TestRenaming(t *testing.T) {
	t.Parallel()
	r := newRenaming([]string{"main.go", "components/args.go", "components/names/doc.go", "sandbox/main.go", "docs/design.md"}, old, renamed)
	for _, test := range []struct{ name, file, before, after string }{
		{"an import", "main.go", `import "` + old + `/components/names"`, `import "` + renamed + `/components/names"`},
		{"the first package of a line", "a.go", old + "/components", renamed + "/components"},
		{"a module", "go.mod", "module k8s-tunnel\n\ngo 1.26.0\n", "module " + renamed + "\n\ngo 1.26.0\n"},
		{"a module below", "sandbox/go.mod", "module " + old + "/sandbox\n", "module " + renamed + "/sandbox\n"},
		{
			"linters", ".golangci.yaml", "- pkg: " + old + "/components$\nsections: [prefix(k8s-tunnel)]\nmodule-path: k8s-tunnel\n",
			"- pkg: " + renamed + "/components$\nsections: [prefix(" + renamed + ")]\nmodule-path: " + renamed + "\n",
		},
		{"a command", "README.md", "go get " + old + "/components@v0.1.0", "go get " + renamed + "/components@v0.1.0"},
		{
			"a module from a folder", "README.md", "`go mod edit -require " + old + "@v0.0.0 -replace\n  " + old + "=<path of the clone>`",
			"`go mod edit -require " + renamed + "@v0.0.0 -replace\n  " + renamed + "=<path of the clone>`",
		},
		{"the repository", "README.md", "https://github.com/" + "OWNER/k8s-tunnel/releases", "https://" + renamed + "/releases"},
		{"the repository on a command line", "SECURITY.md", "--repo OWNER/" + "k8s-tunnel", "--repo " + strings.TrimPrefix(renamed, "github.com/")},
		{"the type", "a.go", `"k8s-tunnel:index:CloudflareTunnel"`, `"k8s-tunnel:index:CloudflareTunnel"`},
		{"the project", "Pulumi.yaml", "name: k8s-tunnel\n", "name: k8s-tunnel\n"},
		{"a label", "a.go", `"k8s-tunnel/tunnel-id"`, `"k8s-tunnel/tunnel-id"`},
		{"an owner", "a.go", `"Managed by Pulumi: k8s-tunnel/prod"`, `"Managed by Pulumi: k8s-tunnel/prod"`},
		{"another module", "a.go", `"example.org/k8s-tunnel/components"`, `"example.org/k8s-tunnel/components"`},
		{"another folder", "a.go", `"k8s-tunnel/components2"`, `"k8s-tunnel/components2"`},
		{"no text", "a.png", "\x00" + old + "/components", "\x00" + old + "/components"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, test.after, string(r.apply(test.file, []byte(test.before))))
		})
	}
	t.Run("once more, to another owner", func(t *testing.T) {
		t.Parallel()
		again := newRenaming([]string{"components/args.go"}, renamed, "github.com/you/tunnel")
		require.Equal(t, `"github.com/you/tunnel/components" https://github.com/you/tunnel/components https://github.com/you/tunnel/releases`,
			string(again.apply("a.go", []byte(`"`+renamed+`/components" https://`+renamed+`/components https://`+renamed+`/releases`))))
	})
}

// The major version is a part of the module's path, and not of the repository's address.
func TestRenaming_MajorVersion(t *testing.T) {
	t.Parallel()
	const repository = "github.com/" + "me/k8s-tunnel"
	files := []string{"components/args.go"}
	text := func(module, repository string) string {
		owner := strings.TrimPrefix(repository, "github.com/")
		return `"` + module + `/components" go get ` + module + "/components@v2.0.0 https://" + repository + "/releases https://" + repository +
			"/components --repo " + owner
	}
	first := newRenaming(files, old, repository+"/v2")
	require.Equal(t, text(repository+"/v2", repository), string(first.apply("a.go", []byte(text(old, "github.com/"+"OWNER/k8s-tunnel")))))
	raised := newRenaming(files, repository, repository+"/v2")
	require.Equal(t, text(repository+"/v2", repository), string(raised.apply("a.go", []byte(text(repository, repository)))))
	moved := newRenaming(files, repository+"/v2", "github.com/you/tunnel/v3")
	require.Equal(t, text("github.com/you/tunnel/v3", "github.com/you/tunnel"), string(moved.apply("a.go", []byte(text(repository+"/v2", repository)))))
	folder := func(module, version string) string {
		return "go mod edit -require " + module + "@" + version + " -replace " + module + "=."
	}
	require.Equal(t, folder(repository+"/v2", "v2.0.0"), string(first.apply("a.md", []byte(folder(old, "v0.0.0")))))
	require.Equal(t, folder("github.com/you/tunnel/v3", "v3.0.0"), string(moved.apply("a.md", []byte(folder(repository+"/v2", "v2.0.0")))))
	below := newRenaming(files, old, "github.com/you/all/tunnel")
	require.Equal(t, "https://github.com/you/all/releases", string(below.apply("a.md", []byte("https://github.com/"+"OWNER/k8s-tunnel/releases"))))
}

func TestRun_Refuses(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	write(t, filepath.Join(root, "go.mod"), "module k8s-tunnel\n")
	require.ErrorContains(t, run(t.Context(), root, renamed), "fatal: ", "what git says outside of a repository")
	inGit(t, root, "init", "--quiet")
	require.ErrorContains(t, run(t.Context(), root, "tunnel"), "no path for a module")
	require.ErrorContains(t, run(t.Context(), root, ""), "make rename MODULE=github.com/me/k8s-tunnel")
	require.ErrorContains(t, run(t.Context(), root, renamed), "changes that aren't committed")
	write(t, filepath.Join(root, "go.mod"), "module "+renamed+"\n")
	require.NoError(t, run(t.Context(), root, renamed), "a second time, nothing is to do")
}

// A copy of the repository under another path is complete and can be fetched.
func TestRename_Repository(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles packages under their new path")
	}
	t.Parallel()
	copied := copyRepository(t)
	raw, err := os.ReadFile(filepath.Join(copied, "go.mod"))
	require.NoError(t, err)
	former := modfile.ModulePath(raw)
	before := occurrences(t, copied, "k8s-tunnel:index:CloudflareTunnel")
	require.NotEmpty(t, before)
	require.NoError(t, run(t.Context(), copied, renamed))
	require.Equal(t, before, occurrences(t, copied, "k8s-tunnel:index:CloudflareTunnel"), "the type is a contract")
	require.Empty(t, occurrences(t, copied, `"`+former+`/components`, `"`+former+`/sandbox`, "module "+former))
	require.NotEmpty(t, occurrences(t, copied, "name: k8s-tunnel"), "so is the project's name")

	// All imports lead somewhere, those of tests too.
	for _, dir := range []string{".", "sandbox"} {
		goIn(t, filepath.Join(copied, dir), nil, "list", "-test", "-tags", "e2e", "-deps", "./...")
	}
	goIn(t, copied, nil, "vet", "./components/cloudflared", "./components/names", "./components/settings", "./components/internal/reference/...", "./components/internal/validate")
	goIn(t, copied, nil, "test", "./components/names", "./components/settings", "./components/internal/reference")

	// Somebody else's module requires it, from a proxy that has nothing else.
	proxy := t.TempDir()
	publish(t, proxy, copied, "v0.1.0")
	user := t.TempDir()
	write(t, filepath.Join(user, "go.mod"), "module example.org/user\n\ngo 1.26.0\n")
	write(t, filepath.Join(user, "main.go"), "package main\n\nimport _ \""+renamed+"/components/names\"\n\nfunc main() {}\n")
	// What it needs itself is in the module cache, as far as this package is concerned. Its checksums are
	// known from here, so that no database has to be asked.
	sums, err := os.ReadFile(filepath.Join(copied, "go.sum"))
	require.NoError(t, err)
	write(t, filepath.Join(user, "go.sum"), string(sums))
	// Go remembers what a module's packages import, which is another thing here after each change.
	settings := []string{
		"GOPROXY=file://" + filepath.ToSlash(proxy), "GONOSUMDB=" + renamed, "GONOPROXY=none", "GOFLAGS=-mod=mod", "GODEBUG=goindex=0",
	}
	t.Cleanup(func() { removeFromModuleCache(t) })
	goIn(t, user, settings, "get", renamed+"/components/names@v0.1.0")
	goIn(t, user, settings, "build", "-o", os.DevNull, ".")
}

// removeFromModuleCache removes what was fetched under the made-up path.
func removeFromModuleCache(t *testing.T) {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE").Output()
	require.NoError(t, err)
	cache := strings.TrimSpace(string(out))
	for _, folder := range []string{renamed + "@v0.1.0", "cache/download/" + renamed} {
		path := filepath.Join(cache, filepath.FromSlash(folder))
		// Folders in the module cache can't be written to.
		require.NoError(t, filepath.WalkDir(path, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && entry.IsDir() {
				err = os.Chmod(path, 0o755)
			}
			return err
		}))
		require.NoError(t, os.RemoveAll(path))
	}
}

// copyRepository copies what Git has of the clone, and commits it.
func copyRepository(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs(filepath.Join("..", ".."))
	require.NoError(t, err)
	files, err := git.Output(t.Context(), root, "ls-files", "-z")
	if _, missing := os.Stat(filepath.Join(root, ".git")); missing != nil && len(files) == 0 {
		t.Skip("the source isn't in a repository, as when it comes from an archive: ", err)
	}
	require.NoError(t, err)
	copied := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(files), "\x00"), "\x00") {
		if to, err := os.Readlink(filepath.Join(root, name)); err == nil {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(copied, name)), 0o755))
			require.NoError(t, os.Symlink(to, filepath.Join(copied, name)))
			continue
		}
		raw, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, and not yet committed
		}
		require.NoError(t, err)
		write(t, filepath.Join(copied, name), string(raw))
	}
	inGit(t, copied, "init", "--quiet")
	inGit(t, copied, "add", "--all", "--force")
	inGit(t, copied, "-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgSign=false", "commit", "--quiet", "--message", "copy")
	return copied
}

// publish puts a module into a proxy that is a folder.
func publish(t *testing.T, proxy, root, version string) {
	t.Helper()
	folder := filepath.Join(proxy, filepath.FromSlash(renamed), "@v")
	raw, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	write(t, filepath.Join(folder, version+".mod"), string(raw))
	write(t, filepath.Join(folder, version+".info"), `{"Version":"`+version+`"}`)
	write(t, filepath.Join(folder, "list"), version+"\n")
	file, err := os.Create(filepath.Join(folder, version+".zip"))
	require.NoError(t, err)
	defer file.Close()
	require.NoError(t, zip.CreateFromDir(file, module.Version{Path: renamed, Version: version}, root))
}

// occurrences lists the lines of the repository that have one of the texts.
func occurrences(t *testing.T, root string, texts ...string) string {
	t.Helper()
	args := []string{"grep", "--fixed-strings", "-I"}
	for _, text := range texts {
		args = append(args, "-e", text)
	}
	// This test names what must be gone.
	out, err := git.Output(t.Context(), root, append(args, "--", ":!sandbox/rename")...)
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 1 { // there are none
		require.NoError(t, err)
	}
	return string(out)
}

func write(t *testing.T, path, text string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
}

func inGit(t *testing.T, root string, args ...string) {
	t.Helper()
	_, err := git.Output(t.Context(), root, args...)
	require.NoError(t, err)
}

func goIn(t *testing.T, dir string, settings []string, args ...string) {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), settings...)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "go %v in %s: %s", args, dir, out)
}
