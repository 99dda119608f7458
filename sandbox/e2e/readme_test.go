//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/project"
)

// manual is a document with its code blocks in order, each with its title and the step that runs it and
// checks the result.
type manual struct {
	file  string
	cases []readmeCase
}

type readmeCase struct {
	title string
	run   func(r *readme, t *testing.T, block string)
}

const troubleshootingFile = "docs/troubleshooting.md"

// manuals are the documents in the order in which they are followed. Their reader has one stack, to which
// each block adds.
var manuals = []manual{
	{"README.md", []readmeCase{
		{"k8s-tunnel:domain: example.com", (*readme).keepSettings},
		{"make template", (*readme).makeProject},
		{"gh release download v0.1.0 --repo OWNER/k8s-tunnel --pattern 'k8s-tunnel_*_linux_arm64.tar.gz' --pattern SHA256SUMS", (*readme).unpackBinary},
		{"mkdir -p ~/pulumi-state", (*readme).logIn},
		{"pulumi stack init prod", (*readme).makeStack},
		{"pulumi config set kubernetes:context home", (*readme).commands},
		{"pulumi up", (*readme).firstUp},
		{"pulumi stack output hostnames", (*readme).look},
		{"make up", (*readme).commands},
		{"$ make up", (*readme).keepOutput},
		{`eval "$(go -C sandbox run . env)"`, (*readme).lookAround},
		{"pulumi config set --path 'ingress[0].hostname' music.example.com", (*readme).addRule},
		{"k8s-tunnel:ingress:", (*readme).addRules},
		{"pulumi config set --path 'hostnames[0]' photos.example.com", (*readme).addNames},
		{"k8s-tunnel:hostnames:", (*readme).singleNames},
		{"pulumi config set rotation 2026-12", (*readme).rotate},
		{"pulumi config set --path 'networkPolicy.metricsFrom[0]' monitoring", (*readme).watch},
		{"pulumi config set protect true", (*readme).protect},
		{"k8s-tunnel:networkPolicy:", (*readme).nameOrigins},
		{`kubectl -n "$(pulumi stack output namespace)" logs --selector app.kubernetes.io/name=cloudflared --prefix --tail 100`, (*readme).readLog},
		{"make test", (*readme).development},
	}},
	{"docs/operations.md", []readmeCase{
		{"k8s-tunnel:replicas: 6", (*readme).placePods},
		{"// patchPod makes a name known to the connectors.", (*readme).patchPods},
		{"k8s-tunnel:files:", (*readme).mountFiles},
		{"pulumi preview --refresh=false", (*readme).commands},
		{"records=https://api.cloudflare.com/client/v4/zones/ZONE_ID/dns_records", (*readme).replaceAddress},
		{"pulumi config set allowTakeover true", (*readme).moveName},
	}},
	{"docs/automation.md", []readmeCase{
		{"runtime:", (*readme).prepareProgram},
		{"apiVersion: pulumi.com/v1", (*readme).stackObject},
		{"environment:", (*readme).escEnvironment},
		{"values:", (*readme).escValues},
		{"pulumi preview --stack prod --diff --non-interactive", (*readme).inCI},
	}},
	{"docs/reference.md", []readmeCase{
		{"apiVersion: rbac.authorization.k8s.io/v1", (*readme).giveRights},
	}},
	{"docs/releases.md", []readmeCase{
		{"export CGO_ENABLED=0 GOGC=25 GOMAXPROCS=1", (*readme).compileSmall},
		{"make rename MODULE=github.com/me/k8s-tunnel", (*readme).commands},
		{"make release VERSION=v0.1.0", (*readme).commands},
	}},
	{troubleshootingFile, []readmeCase{
		{`kubectl -n "$(pulumi stack output namespace)" logs --selector app.kubernetes.io/name=cloudflared --prefix --tail 100`, (*readme).readLog},
		{"kubectl get pods --all-namespaces --selector app.kubernetes.io/name=cloudflared,app.kubernetes.io/managed-by=pulumi", (*readme).findConnectors},
	}},
}

// TestReadme follows the README and the other documents, block by block, as their reader would.
func TestReadme(t *testing.T) {
	share(t)
	requireManuals(t)
	r := newReadme(t)
	for _, m := range manuals {
		r.text = documentText(t, m.file)
		blocks := codeBlocks(r.text)
		for i, c := range m.cases {
			done := t.Run(fmt.Sprintf("%s %02d %s", m.file, i+1, c.title), func(t *testing.T) {
				c.run(r, t, r.local.Replace(blocks[i]))
			})
			if !done {
				return // what follows builds on it
			}
		}
	}
	t.Run("destroy leaves nothing", func(t *testing.T) {
		namespace := r.stack.output(t, "namespace")
		r.sh(t, "pulumi destroy")
		require.Empty(t, live(t))
		require.Empty(t, currentState(t).Records)
		require.NotContains(t, kubectl(t, "get", "namespaces", "-o", "name"), namespace)
		require.NotContains(t, kubectl(t, "get", "podmonitors,configmaps", "-A", "-l", "app.kubernetes.io/managed-by=pulumi", "-o", "name"), "/")
	})
}

// requireManuals demands that each code block of each document has its case.
func requireManuals(t *testing.T) {
	t.Helper()
	listed := []string{}
	for _, m := range manuals {
		listed = append(listed, m.file)
		text := documentText(t, m.file)
		blocks, titles, want := codeBlocks(text), []string{}, []string{}
		require.Len(t, fence.FindAllString(text, -1), 2*len(blocks), "%s: every block has a language", m.file)
		for _, block := range blocks {
			titles = append(titles, titleOf(block))
		}
		for _, c := range m.cases {
			want = append(want, c.title)
		}
		require.Equal(t, want, titles, "%s: each code block has its case in manuals", m.file)
	}
	files, err := filepath.Glob(filepath.Join(testRoot(), "docs", "*.md"))
	require.NoError(t, err)
	for _, file := range files {
		if file = "docs/" + filepath.Base(file); fence.MatchString(documentText(t, file)) {
			require.Contains(t, listed, file, "a document with code blocks is one of manuals")
		}
	}
}

func documentText(t *testing.T, file string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(testRoot(), file))
	require.NoError(t, err)
	return string(raw)
}

// troubleshooting returns the command that the table of problems gives for a problem.
func troubleshooting(t *testing.T, problem string) string {
	t.Helper()
	row := regexp.MustCompile(`(?m)^\| .*` + regexp.QuoteMeta(problem) + `[^|]*\| .*\. \x60(pulumi [^\x60]+)\x60`).FindStringSubmatch(documentText(t, troubleshootingFile))
	require.Len(t, row, 2, "no row with a command about %q", problem)
	return strings.ReplaceAll(row[1], `\|`, "|")
}

var (
	fence     = regexp.MustCompile("(?m)^ *```")
	codeBlock = regexp.MustCompile("(?ms)^( *)```[^\n]+\n(.*?)^ *```$")
)

// codeBlocks returns the text of all code blocks, without their indentation.
func codeBlocks(text string) []string {
	var blocks []string
	for _, match := range codeBlock.FindAllStringSubmatch(text, -1) {
		indent := regexp.MustCompile("(?m)^" + match[1])
		blocks = append(blocks, indent.ReplaceAllString(match[2], ""))
	}
	return blocks
}

// titleOf returns a block's first line that says something, without its comment.
func titleOf(block string) string {
	line, _, _ := strings.Cut(strings.TrimPrefix(block, "config:\n"), "\n")
	line, _, _ = strings.Cut(line, "  #")
	return strings.TrimSpace(line)
}

// readme is a reader of the documents who uses the local world in place of a cluster, a domain and an account of their
// own.
type readme struct {
	text  string // of the document that is being followed
	stack *stack
	made  bool // whether the stack exists
	// local replaces the documents' names and addresses with those of the local world.
	local  *strings.Replacer
	home   string // where curl finds its settings
	least  string // the block with the settings that a stack needs
	output string // the block that shows what make up prints
}

const readmeStack = "readme"

// newReadme provides what the documents take for granted: the Services that its rules name, and the
// Prometheus operator's definition and namespace.
func newReadme(t *testing.T) *readme {
	t.Helper()
	sandbox, err := filepath.Abs(filepath.Join(testRoot(), "sandbox"))
	require.NoError(t, err)
	address, port := apiServerEndpoint(t)
	require.Equal(t, 6443, port)
	r := &readme{home: t.TempDir()}
	r.local = strings.NewReplacer(
		"example.com", state.HomeZoneName,
		"example.net", state.LabZoneName,
		"192.168.1.10/32", address+"/32",
		"stack init prod", "stack init "+readmeStack,
		"kubernetes:context home", "kubernetes:context "+strings.TrimSpace(kubectl(t, "config", "current-context")),
		"go -C sandbox run .", fmt.Sprintf("go -C '%s' run . --world %s", sandbox, testWorld.Name),
	)
	for _, namespace := range []string{"music", "photos", "monitoring"} {
		namespaceFor(t, namespace)
	}
	standInFor(t, "music", "navidrome", 4533, 4533)
	standInFor(t, "photos", "uploads", 8080, 8080)
	standInFor(t, "kube-system", "traefik", 80, 8000)
	apply(t, podMonitorDefinition)

	copied, err := project.Copy(context.Background(), testWorld)
	require.NoError(t, err)
	r.stack = &stack{&project.Stack{Project: copied, Name: readmeStack}}
	t.Cleanup(func() {
		if !r.made {
			return
		}
		if err := r.stack.Destroy(context.Background(), "--remove"); err != nil {
			t.Errorf("destroying %s: %v", readmeStack, err)
		}
	})
	return r
}

// sh runs commands as they are written, in the project's directory, and returns what they print. curl
// connects to the world's front instead of web servers on the internet.
func (r *readme) sh(t *testing.T, text string, environ ...string) string {
	t.Helper()
	if _, err := exec.LookPath("curl"); err != nil {
		t.Log("curl isn't installed, so its commands are left out")
		text = regexp.MustCompile(`(?m)^curl .*$`).ReplaceAllString(text, "")
	}
	front := fmt.Sprintf("connect-to = \":443:%s\"\ncacert = %q\n", testWorld.FrontHTTPSAddr(), filepath.Join(testWorld.Dir(), "ca.pem"))
	require.NoError(t, os.WriteFile(filepath.Join(r.home, ".curlrc"), []byte(front), 0o600))
	shell := r.stack.shell(text)
	shell.Stdin = strings.NewReader(state.SeedToken)
	if len(environ) > 0 {
		shell.Env = append([]string{agree}, environ...)
	}
	shell.Env = append(shell.Env, "CURL_HOME="+r.home)
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s\n%s", text, out)
	return string(out)
}
