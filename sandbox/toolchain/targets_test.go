package toolchain

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"
)

// clone is the root of the repository that these tests are part of.
const clone = "../.."

// TestTargets_VersionsAreThoseOfTheModules compares the versions in reports and linker flags with
// those that the modules require, which is the only place where a version is chosen.
func TestTargets_VersionsAreThoseOfTheModules(t *testing.T) {
	t.Parallel()
	required := map[string]struct{ module, version string }{
		"pulumi":            {"github.com/pulumi/pulumi/pkg/v3", "v" + PulumiVersion},
		"language-host":     {"github.com/pulumi/pulumi/sdk/v3", "v" + languageHostVersion},
		"node":              {"k8s.io/kubernetes", "v" + KubernetesVersion},
		"containerd":        {"github.com/containerd/containerd/v2", "v2.4.2"},
		"runc":              {"github.com/opencontainers/runc", "v1.5.3"},
		"kubernetes-plugin": {"github.com/pulumi/pulumi-kubernetes/provider/v4", "v4.0.0-20260115033456-f47bc2d6f199"},
		"random-plugin":     {"github.com/terraform-providers/terraform-provider-random", "v1.3.2-0.20250225172818-f6ac5f9adf99"},
		"cloudflared":       {"github.com/cloudflare/cloudflared", "v0.0.0-20260306125340-d2a87e9b9345"},
		"skipper":           {"github.com/zalando/skipper", "v0.26.0"},
		"lint":              {"github.com/golangci/golangci-lint/v2", "v2.15.0"},
		"actionlint":        {"github.com/rhysd/actionlint", "v1.7.12"},
		"kube-score":        {"github.com/zegl/kube-score", "v1.20.0"},
	}
	for _, target := range targets() {
		want, ok := required[target.name]
		if target.name == "cloudflare-plugin" {
			continue // it is written here, after the SDK's version
		}
		if !ok {
			require.Empty(t, target.version, "%s has a version that nothing vouches for", target.name)
			continue
		}
		require.Equal(t, want.version, versionIn(t, target.module, want.module), target.name)
		if !strings.Contains(want.version, "-") && target.plugin == "" {
			require.Equal(t, want.version, "v"+target.version, target.name)
		}
	}
}

// TestTargets_PluginsFitTheProgram compares the plugins' versions with those of the program's SDKs,
// because the engine asks for exactly the SDK's version.
func TestTargets_PluginsFitTheProgram(t *testing.T) {
	t.Parallel()
	for _, target := range pluginTargets() {
		major, _, _ := strings.Cut(target.version, ".")
		sdk := "github.com/pulumi/pulumi-" + target.plugin + "/sdk/v" + major
		require.Equal(t, "v"+target.version, versionIn(t, ".", sdk))
	}
}

// TestTargets_PluginsSayTheirVersion compares the plugins' versions with what they report, because
// the engine refuses one that reports another than its folder's name promises.
func TestTargets_PluginsSayTheirVersion(t *testing.T) {
	t.Parallel()
	for file, want := range map[string]string{
		"kubernetes/main.go":          `provider.Serve("kubernetes", "` + KubernetesPluginVersion + `",`,
		"random/provider.go":          `version = "` + RandomPluginVersion + `"`,
		"cloudflare/bridge/bridge.go": `Version = "` + CloudflarePluginVersion + `"`,
	} {
		content, err := os.ReadFile(filepath.Join(clone, plugins, file))
		require.NoError(t, err)
		require.Contains(t, string(content), want, file)
	}
}

func versionIn(t *testing.T, dir, module string) string {
	t.Helper()
	path := filepath.Join(clone, dir, "go.mod")
	if dir == "." {
		// A link: of files outside of the module, Go's cache of results sees no change.
		path = "testdata/product.mod"
	}
	content, err := os.ReadFile(path)
	require.NoError(t, err)
	file, err := modfile.Parse(path, content, nil)
	require.NoError(t, err)
	for _, required := range file.Require {
		if required.Mod.Path == module {
			return required.Mod.Version
		}
	}
	t.Fatalf("%s doesn't require %s", path, module)
	return ""
}

func TestTargets_HaveNamesAndCosts(t *testing.T) {
	t.Parallel()
	names, binaries := map[string]bool{}, map[string]bool{}
	for _, target := range targets() {
		require.False(t, names[target.name], "two targets are called %s", target.name)
		require.Positive(t, target.cost, "nobody can say how long %s takes", target.name)
		names[target.name] = true
		for _, binary := range target.binaries() {
			path := filepath.Join(target.destination(clone), binary)
			require.False(t, binaries[path], "two targets make %s", path)
			binaries[path] = true
		}
	}
}

func TestTargets_LinkWhatTheSystemHas(t *testing.T) {
	t.Parallel()
	for _, target := range targets() {
		require.NotContains(t, strings.Join(target.flags(), " "), "-static", "%s: most distributions have no static libraries", target.name)
	}
}

// TestTargets_SourcesAreAllThatGoesIn asks Go which packages of this repository's own modules the
// targets with a list of sources are made of: a package outside the list could change without a
// rebuild.
func TestTargets_SourcesAreAllThatGoesIn(t *testing.T) {
	t.Parallel()
	for _, target := range targets() {
		if len(target.sources) == 0 {
			continue
		}
		moduleDir, err := filepath.Abs(filepath.Join(clone, target.module))
		require.NoError(t, err)
		cmd := exec.Command("go", append([]string{"list", "-deps", "-f", `{{if not .Standard}}{{.Dir}}{{"\n"}}{{end}}`}, target.packages...)...)
		cmd.Dir = moduleDir
		cmd.Env = buildEnvironment(os.Environ(), false)
		output, err := cmd.Output()
		require.NoError(t, err, target.name)
		for dir := range strings.FieldsSeq(string(output)) {
			inside, err := filepath.Rel(moduleDir, dir)
			require.NoError(t, err)
			if filepath.IsLocal(inside) {
				require.True(t, covered(target.sources, inside), "%s is made of %s as well", target.name, inside)
			}
		}
	}
}

// covered reports whether the directory inside is in one of sources, or is the root, whose files
// sources names one by one.
func covered(sources []string, inside string) bool {
	for _, source := range sources {
		if inside == "." || inside == source || strings.HasPrefix(inside, source+"/") {
			return true
		}
	}
	return false
}

// TestFlags_AreTheSameEverywhere looks for the toolchain's flags in the files that can't ask it.
func TestFlags_AreTheSameEverywhere(t *testing.T) {
	t.Parallel()
	plain, lean := strings.TrimPrefix(GoFlags(PlainFlags...), "GOFLAGS="), strings.TrimPrefix(GoFlags(LeanFlags...), "GOFLAGS=")
	require.Equal(t, "-trimpath -buildvcs=false '-gcflags=all=-dwarf=false -l' -gcflags=std=-dwarf=false", lean)
	for file, want := range map[string]string{
		"sandbox/toolchain/testdata/Makefile": "PLAIN := " + plain + "\nLEAN := " + lean + "\n",
		"sandbox/plugins/language-go/main.go": `"GOFLAGS=-mod=readonly ` + lean + ` '-ldflags=-s -w'"`,
	} {
		content, err := os.ReadFile(filepath.Join(clone, file))
		require.NoError(t, err)
		require.Contains(t, string(content), want, file)
	}

	// What the user's own language host is told is what ours does.
	root := t.TempDir()
	require.Empty(t, HostEnvironment(root))
	require.NoError(t, os.MkdirAll(BinDir(root), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(BinDir(root), "pulumi"), nil, 0o755))
	require.Empty(t, HostEnvironment(root))
	require.NoError(t, installed{Path: "/usr/bin/pulumi"}.use(root))
	host, err := os.ReadFile(filepath.Join(clone, "sandbox/plugins/language-go/main.go"))
	require.NoError(t, err)
	require.Len(t, HostEnvironment(root), 6)
	for _, variable := range HostEnvironment(root) {
		require.Contains(t, string(host), `"`+variable+`",`)
	}
}
