package toolchain

import (
	"path/filepath"
	"slices"
	"strings"
)

// Versions of the tools that callers have to name themselves. A test compares them with the
// modules.
const (
	PulumiVersion           = "3.260.0"
	KubernetesPluginVersion = "4.25.0"
	RandomPluginVersion     = "4.18.0"
	CloudflarePluginVersion = "5.49.1"
	CloudflaredVersion      = "2026.3.0"
	KubernetesVersion       = "1.37.2"
)

// The groups of tools that can be asked for.
const (
	GroupPulumi      = "pulumi"      // the CLI, the Go language host, the plugins
	GroupProgram     = "program"     // the Pulumi program of this repository, compiled
	GroupCloudflared = "cloudflared" // the connector and its command line
	GroupNode        = "node"        // everything inside the Kubernetes node
	GroupLint        = "lint"        // linters, of use to developers alone
)

// target is what one run of the Go compiler produces: all binaries of a module that share flags.
// They are built together, so that their common packages are compiled once.
type target struct {
	name   string
	label  string // its name in reports, empty for parts not worth a line
	group  string
	module string // directory of the module, relative to the clone's root
	// packages are built into binaries named after the last elements of their paths, unless as
	// names the only one's binary.
	packages []string
	as       string
	version  string
	folder   string // below .sandbox, "bin" unless set
	tags     string
	ldflags  string // in addition to those that omit symbols
	cgo      bool
	fast     bool // requests run through it, so its speed counts more than the compiler's
	// sources are the files and directories of the module that go into the binary; empty means all
	// of them. A name may be a pattern.
	sources []string
	// edited says that go.mod replaces modules by the copies that package edited makes.
	edited bool
	// embeds are files of required modules that appear beside the main package while it is built.
	embeds []embed
	// memory is what the largest process of a cold build takes at its peak in GiB, so that small machines
	// build one target after another.
	memory float64
	// cost is what a cold build takes on the machine that make bench-cold was run on, in CPU seconds.
	cost   float64
	plugin string            // the plugin's name, if this is a Pulumi plugin
	links  map[string]string // further names of binaries that behave according to the name they are called by
}

// embed is a file that a main package embeds from a module it requires.
type embed struct {
	module, file string // where it comes from
	name         string // its name in the main package
}

const (
	pins    = "sandbox/toolchain/modules" // modules without code, each of which only names a version
	plugins = "sandbox/plugins"           // modules with what stands in for Pulumi's own downloads
	node    = "sandbox/node"
	// pluginsFolder must not be on the search path: Pulumi would take plugins from there rather than
	// from its own folder, with a warning for each.
	pluginsFolder       = "plugins"
	k8sVersion          = "-X k8s.io/component-base/version."
	languageHostVersion = "3.65.1"
)

// targets lists all tools in the order in which builds start: first those that others wait for,
// then those that take longest.
func targets() []target {
	return slices.Concat(pulumiTargets(), nodeTargets(), pluginTargets(), restTargets())
}

func pulumiTargets() []target {
	return []target{{
		name: "pulumi", label: "pulumi", group: GroupPulumi, module: pins + "/pulumi", version: PulumiVersion, memory: 2, cost: 210,
		packages: []string{"github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"},
		ldflags:  "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + PulumiVersion,
	}, {
		name: "language-host", label: "pulumi go host", group: GroupPulumi, module: plugins + "/language-go", version: languageHostVersion, memory: 1, cost: 34,
		packages: []string{"github.com/pulumi/pulumi/sdk/v3/go/pulumi-language-go"}, folder: "libexec",
		ldflags: "-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v" + languageHostVersion,
	}, {
		name: "language-go", group: GroupPulumi, module: plugins + "/language-go", memory: 0.2, cost: 0.2,
		packages: []string{"."}, as: "pulumi-language-go", sources: []string{"go.mod", "main.go"},
	}}
}

func nodeTargets() []target {
	return []target{{
		name: "node", label: "kubernetes", group: GroupNode, module: node, version: KubernetesVersion, memory: 2, cost: 380,
		packages: []string{"./cmd/kube", "./cmd/coredns", "./cmd/netpol"},
		links:    map[string]string{"kubectl": "kube"},
		ldflags: k8sVersion + "gitVersion=v" + KubernetesVersion + " " + k8sVersion + "gitMajor=1 " +
			k8sVersion + "gitMinor=" + strings.Split(KubernetesVersion, ".")[1] + " " +
			k8sVersion + "gitTreeState=clean -X k8s.io/client-go/pkg/version.gitVersion=v" + KubernetesVersion,
	}, {
		name: "containerd", label: "containerd", group: GroupNode, module: pins + "/runtime", version: "2.4.2", memory: 1.5, cost: 42, tags: "no_btrfs",
		packages: []string{
			"github.com/containerd/containerd/v2/cmd/containerd",
			"github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2",
			"github.com/containerd/containerd/v2/cmd/ctr",
			"github.com/containernetworking/plugins/plugins/main/ptp",
			"github.com/containernetworking/plugins/plugins/main/loopback",
			"github.com/containernetworking/plugins/plugins/ipam/host-local",
		},
	}, {
		// Seccomp needs a C library, so runc is the one tool built with cgo. It finds that library in the node
		// too, which sees the machine's.
		name: "runc", label: "runc", group: GroupNode, module: pins + "/runtime", version: "1.5.3", memory: 0.7, cost: 11, cgo: true,
		tags:     "seccomp netgo osusergo",
		packages: []string{"github.com/opencontainers/runc"},
	}}
}

func pluginTargets() []target {
	return []target{{
		name: "kubernetes-plugin", label: "kubernetes plugin", group: GroupPulumi, module: plugins + "/kubernetes", plugin: "kubernetes",
		version: KubernetesPluginVersion, memory: 2, cost: 34, packages: []string{"."}, as: "pulumi-resource-kubernetes", folder: pluginsFolder,
		edited: true,
		embeds: []embed{{
			module: "github.com/pulumi/pulumi-kubernetes/provider/v4",
			file:   "cmd/pulumi-resource-kubernetes/schema.json", name: "schema.json",
		}},
	}, {
		name: "random-plugin", label: "random plugin", group: GroupPulumi, module: plugins + "/random", plugin: "random",
		version: RandomPluginVersion, memory: 2, cost: 42, packages: []string{"."}, as: "pulumi-resource-random", folder: pluginsFolder,
	}, {
		name: "cloudflare-plugin", label: "cloudflare plugin", group: GroupPulumi, module: plugins + "/cloudflare", plugin: "cloudflare",
		version: CloudflarePluginVersion, memory: 2, cost: 7, packages: []string{"."}, as: "pulumi-resource-cloudflare", folder: pluginsFolder,
	}}
}

func restTargets() []target {
	return []target{{
		name: "program", label: "program", group: GroupProgram, module: ".", memory: 4, cost: 116,
		packages: []string{"."}, as: filepath.Base(ProgramPath("")), folder: filepath.Base(filepath.Dir(ProgramPath(""))),
		sources: []string{"go.mod", "go.sum", "*.go", "components"},
	}, {
		name: "cloudflared", label: "cloudflared", group: GroupCloudflared, module: pins + "/cloudflared", version: CloudflaredVersion, memory: 1, cost: 61, fast: true,
		packages: []string{"github.com/cloudflare/cloudflared/cmd/cloudflared"},
		// The image's build sets Runtime, and with it the default address of the metrics.
		ldflags: "-X main.Version=" + CloudflaredVersion + " -X github.com/cloudflare/cloudflared/metrics.Runtime=virtual",
	}, {
		name: "skipper", label: "skipper", group: GroupNode, module: pins + "/skipper", version: "0.26.0", memory: 1.5, cost: 34, edited: true,
		packages: []string{"github.com/zalando/skipper/cmd/skipper"},
	}, {
		name: "apps", label: "web apps", group: GroupNode, module: "sandbox", memory: 0.5, cost: 1, fast: true,
		packages: []string{"./cmd/webapp", "./cmd/pause"},
		sources:  []string{"go.mod", "go.sum", "cmd/webapp", "cmd/pause"},
	}, {
		name: "lint", label: "golangci-lint", group: GroupLint, module: pins + "/lint", version: "2.15.0", memory: 2.5, cost: 150,
		packages: []string{"github.com/golangci/golangci-lint/v2/cmd/golangci-lint", "mvdan.cc/gofumpt"},
	}, {
		name: "actionlint", label: "actionlint", group: GroupLint, module: pins + "/checks", version: "1.7.12", memory: 0.3, cost: 10,
		packages: []string{"github.com/rhysd/actionlint/cmd/actionlint"},
	}, {
		// It judges the objects of a running stack, so the end-to-end tests need it.
		name: "kube-score", label: "kube-score", group: GroupLint, module: pins + "/kube-score", version: "1.20.0", memory: 0.5, cost: 20,
		packages: []string{"github.com/zegl/kube-score/cmd/kube-score"},
	}}
}

// binaries returns the names of the files that the target produces.
func (t target) binaries() []string {
	if t.as != "" {
		return []string{t.as}
	}
	names := make([]string, len(t.packages))
	for i, path := range t.packages {
		names[i] = filepath.Base(path)
	}
	return names
}

// destination is the directory of the target's binaries in the clone at root.
func (t target) destination(root string) string {
	if t.folder == "" {
		return BinDir(root)
	}
	return filepath.Join(stateDir(root), t.folder)
}

func stateDir(root string) string { return filepath.Join(root, ".sandbox") }

// BinDir is the directory of the finished tools of the clone at root. It belongs at the front of
// PATH.
func BinDir(root string) string { return filepath.Join(stateDir(root), "bin") }

// ProgramPath is the compiled Pulumi program of the clone at root. SANDBOX_PROGRAM has to name it,
// so that the language host built here runs it instead of linking the program every time.
func ProgramPath(root string) string { return filepath.Join(stateDir(root), "program", "k8s-tunnel") }

// EditedDir holds the copies of modules that package edited makes for the clone at root. The go.mod
// files of targets that are edited name it.
func EditedDir(root string) string { return filepath.Join(stateDir(root), "edited") }

// logDir is where the compilers' output goes.
func logDir(root string) string { return filepath.Join(stateDir(root), "logs") }
