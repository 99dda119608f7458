//go:build e2e

package e2e

import (
	"context"
	"encoding/pem"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/project"
)

// TestPulumiNew makes projects as new users do, from the folder and from the archive that are there for
// it, and previews them.
func TestPulumiNew(t *testing.T) {
	share(t)
	dist := makeTemplate(t)
	template := filepath.Join(dist, "template")

	t.Run("asks for what has no default", func(t *testing.T) {
		u := newNewUser(t, "asked")
		term := startInTerminal(t, u.command("new", template, "--dir", u.project))
		term.answer(t, "Project name", "")
		term.answer(t, "Project description", "")
		term.answer(t, "Stack name", u.stack)
		term.answer(t, "(cloudflare:apiToken)", state.SeedToken)
		term.answer(t, "(domain)", state.HomeZoneName)
		term.answer(t, "(origin)", "")
		term.answer(t, "(kubernetes:context)", "")
		require.NotContains(t, term.wait(t), state.SeedToken)
		u.requireCopied(t, template)
		settings := u.read(t, "Pulumi.asked.yaml")
		require.Contains(t, settings, "k8s-tunnel:domain: "+state.HomeZoneName)
		require.Contains(t, settings, "k8s-tunnel:origin: http://ingress-nginx-controller.ingress-nginx")
		require.Regexp(t, `cloudflare:apiToken:\n\s+secure: v1:`, settings)
		require.NotContains(t, settings, "kubernetes:context")
		u.requirePreview(t)
	})
	t.Run("takes answers from the command line, and another name", func(t *testing.T) {
		u := newNewUser(t, "told")
		u.pulumi(t, "new", template, "--dir", u.project, "--yes", "--name", "home", "--stack", u.stack,
			"--config", "domain="+state.HomeZoneName)
		u.requireCopied(t, template)
		require.Contains(t, u.read(t, "Pulumi.told.yaml"), "home:domain: "+state.HomeZoneName)
		u.keepProgram(t)
		out, err := u.command("preview", "--non-interactive").CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "cloudflare:apiToken: not set", "what is missing is said")
		u.setToken(t)
		u.requirePreview(t)
	})
	t.Run("from the archive of a release", func(t *testing.T) {
		u := newNewUser(t, "fetched")
		// Pulumi asks its own cloud about addresses that don't look like GitHub's.
		const releases = "/me/k8s-tunnel/releases/latest/download/"
		server := httptest.NewTLSServer(http.StripPrefix(releases, http.FileServer(http.Dir(dist))))
		defer server.Close()
		trusted := filepath.Join(u.home, "ca.pem")
		authorities, err := os.ReadFile(filepath.Join(testWorld.Dir(), "ca-bundle.pem"))
		require.NoError(t, err)
		authorities = append(authorities, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})...)
		require.NoError(t, os.WriteFile(trusted, authorities, 0o600))
		fetch := u.command("new", server.URL+releases+"k8s-tunnel-template.zip", "--dir", u.project, "--yes", "--stack", u.stack,
			"--config", "domain="+state.HomeZoneName)
		fetch.Env = append(fetch.Env, "SSL_CERT_FILE="+trusted)
		out, err := fetch.CombinedOutput()
		require.NoError(t, err, "%s", out)
		u.requireCopied(t, template)
		u.setToken(t)
		u.requirePreview(t)
	})
}

// makeTemplate does what make template does, in a folder dist that goes with the test.
func makeTemplate(t *testing.T) string {
	t.Helper()
	dist := filepath.Join(t.TempDir(), "dist")
	out, err := exec.Command("go", "run", "../release", "template", "-root", testRoot(), "-out", dist).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return dist
}

// newUser is somebody with a backend of their own, in which there is no project yet.
type newUser struct {
	home, project, stack string
}

func newNewUser(t *testing.T, stack string) *newUser {
	t.Helper()
	home := t.TempDir()
	u := &newUser{home: home, project: filepath.Join(home, "tunnel"), stack: stack}
	require.NoError(t, os.Mkdir(filepath.Join(home, "state"), 0o700))
	return u
}

// program is where the language host keeps the compiled program.
func (u *newUser) program() string { return (&project.Project{Dir: u.project}).Compiled() }

// command prepares the Pulumi CLI in the project, or where it is about to be made.
func (u *newUser) command(args ...string) *exec.Cmd {
	cmd := testWorld.Command(context.Background(), "pulumi", args...)
	cmd.Dir = u.home
	cmd.Env = append(cmd.Env, "PULUMI_BACKEND_URL=file://"+filepath.Join(u.home, "state"), "SANDBOX_PROGRAM=")
	if _, err := os.Stat(u.project); err == nil {
		cmd.Dir = u.project
		cmd.Env = append(cmd.Env, "SANDBOX_PROGRAM="+u.program())
	}
	return cmd
}

func (u *newUser) pulumi(t *testing.T, args ...string) string {
	t.Helper()
	out, err := u.command(args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return string(out)
}

func (u *newUser) setToken(t *testing.T) {
	t.Helper()
	cmd := u.command("config", "set", "--secret", "cloudflare:apiToken")
	cmd.Stdin = strings.NewReader(state.SeedToken)
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}

func (u *newUser) read(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(u.project, name))
	require.NoError(t, err)
	return string(raw)
}

// requireCopied demands that the project has what the template has and its stack's settings, and nothing
// of the local world.
func (u *newUser) requireCopied(t *testing.T, template string) {
	t.Helper()
	want := append(filesBelow(t, template), "Pulumi."+u.stack+".yaml")
	require.ElementsMatch(t, want, filesBelow(t, u.project))
	for _, name := range want {
		top, _, _ := strings.Cut(name, "/")
		require.Contains(t, []string{
			"components", "main.go", "go.mod", "go.sum", "Pulumi.yaml", "Pulumi." + u.stack + ".yaml", "README.md", "LICENSE",
		}, top)
		require.False(t, strings.HasSuffix(name, "_test.go"), name)
	}
	project := u.read(t, "Pulumi.yaml")
	require.NotContains(t, project, "template:\n")
	require.Contains(t, project, "refresh: always")
	require.Contains(t, project, "A name that leads to the cluster together with its wildcard", "the settings are described")
}

// keepProgram makes the folder without which the language host compiles with other flags, for which the
// packages aren't in the cache.
func (u *newUser) keepProgram(t *testing.T) {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(u.program()), 0o755))
}

// requirePreview demands that the project's stack can be deployed.
func (u *newUser) requirePreview(t *testing.T) {
	t.Helper()
	u.keepProgram(t)
	out := u.pulumi(t, "preview", "--non-interactive")
	require.Regexp(t, `\+ \d+ to create`, out)
	require.Contains(t, out, "edge-tunnel")
}

// filesBelow lists all files of a folder.
func filesBelow(t *testing.T, folder string) []string {
	t.Helper()
	var names []string
	require.NoError(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(folder, path)
		names = append(names, name)
		return err
	}))
	slices.Sort(names)
	return names
}
