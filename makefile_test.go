package main

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What a shell lacks or has set doesn't keep the Makefile's commands from building.
func TestMakefile_Environment(t *testing.T) {
	t.Parallel()
	show := func(t *testing.T, environ ...string) string {
		t.Helper()
		cmd := exec.Command("make", "--no-print-directory", "--file", "Makefile", "--file", "-", "show")
		cmd.Stdin = strings.NewReader("show:\n\t@echo \"$$GOWORK in $$HOME\"\n")
		cmd.Env = append([]string{"PATH=" + os.Getenv("PATH")}, environ...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	t.Run("a workspace, and a home of the user's choice", func(t *testing.T) {
		t.Parallel()
		require.Equal(t, "off in /home/mine", show(t, "HOME=/home/mine", "GOWORK=/elsewhere/go.work"))
	})
	t.Run("no home", func(t *testing.T) {
		t.Parallel()
		account, err := user.LookupId(strconv.Itoa(os.Getuid()))
		if _, missing := exec.LookPath("getent"); err != nil || missing != nil {
			t.Skip("needs an account, and getent to find it")
		}
		require.Equal(t, "off in "+account.HomeDir, show(t))
		require.Equal(t, "off in "+account.HomeDir, show(t, "HOME="))
	})
}

// bareClone is a folder with nothing but the Makefile.
func bareClone(t *testing.T) string {
	t.Helper()
	clone := t.TempDir()
	makefile, err := filepath.Abs("Makefile")
	require.NoError(t, err)
	require.NoError(t, os.Symlink(makefile, filepath.Join(clone, "Makefile")))
	return clone
}

// What has to be compiled before anything else can be said is announced, once.
func TestMakefile_Announcement(t *testing.T) {
	t.Parallel()
	clone := bareClone(t)
	run := func(command string) string {
		cmd := exec.Command("make", "--no-print-directory", command, "SANDBOX=echo sandbox")
		cmd.Dir = clone
		cmd.Env = append(os.Environ(), "MAKEFLAGS=")
		out, err := cmd.Output()
		require.NoError(t, err)
		return string(out)
	}
	const announcement = "Compiling the local world's own command, for about half a minute. It says what comes next.\n"
	require.Equal(t, announcement+"sandbox up --deploy\n", run("up"))
	require.Equal(t, announcement+"sandbox tools --lint\n", run("tools"))
	require.NoError(t, os.MkdirAll(filepath.Join(clone, ".sandbox", "bin"), 0o755))
	require.Equal(t, "sandbox up --deploy\n", run("up"))
}

// A module with vulnerabilities doesn't keep the others from being scanned, and fails the command.
func TestMakefile_Vulnerabilities(t *testing.T) {
	t.Parallel()
	scan := func(t *testing.T, script string) (string, error) {
		t.Helper()
		cmd := exec.Command("make", "--no-print-directory", "vulnerabilities", "GOVULNCHECK=sh -c '"+script+"' govulncheck")
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := scan(t, `echo "scanned $$3 $$4"; case $$2 in *sandbox | *modules/lint) exit 3 ;; esac`)
	require.Error(t, err)
	require.Contains(t, out, "not clean: sandbox sandbox/toolchain/modules/lint\n")
	require.Contains(t, out, "govulncheck in sandbox/node\nscanned ./... \n")
	require.Contains(t, out, "govulncheck in sandbox/toolchain/modules/runtime\nscanned tool \n")
	require.Contains(t, out, "govulncheck in sandbox/plugins/language-go\nscanned ./... tool\n")
	out, err = scan(t, "true")
	require.NoError(t, err, out)
}

// What the parts of a run of make e2e tell each other isn't touched by another run. It goes with the run's
// success.
func TestMakefile_RunsOfE2E(t *testing.T) {
	t.Parallel()
	clone := bareClone(t)
	run := func(part string) (string, error) {
		cmd := exec.Command("make", "--no-print-directory", "e2e", "RUN=TestIt", "IN_SANDBOX=@:", "E2E=@"+part)
		cmd.Dir = clone
		cmd.Env = append(os.Environ(), "MAKEFLAGS=")
		out, err := cmd.Output()
		return string(out), err
	}
	out, err := run(`touch "$$E2E_SHARED/claim" && $(MAKE) --no-print-directory e2e E2E=@true && ls "$$E2E_SHARED"`)
	require.NoError(t, err)
	require.Equal(t, "claim\n", out)
	left, err := os.ReadDir(filepath.Join(clone, ".sandbox", "e2e"))
	require.NoError(t, err)
	require.Empty(t, left)
	_, err = run("false")
	require.Error(t, err)
}
