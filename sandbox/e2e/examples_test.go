//go:build e2e

package e2e

import (
	"context"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/cluster"
	"k8s-tunnel/sandbox/handmade"
	"k8s-tunnel/sandbox/project"
)

// examples are the directories of the examples, each with the test that follows its README.
var examples = map[string]func(e *example, t *testing.T){
	"automation":   (*example).automation,
	"component":    (*example).component,
	"environments": (*example).environments,
	"home-lab":     (*example).homeLab,
	"migration":    (*example).migration,
	"production":   (*example).production,
	"smallest":     (*example).smallest,
}

// exampleZone is the zone of the examples' names.
const exampleZone = "example.com"

// TestExamples follows the README of each example, as its reader would, with the names that are
// written there.
func TestExamples(t *testing.T) {
	share(t)
	var directories []string
	entries, err := os.ReadDir(filepath.Join(testRoot(), "examples"))
	require.NoError(t, err)
	for _, entry := range entries {
		directories = append(directories, entry.Name())
	}
	require.Equal(t, slices.Sorted(maps.Keys(examples)), directories, "each example has its test")

	zoneFor(t, exampleZone)
	standInFor(t, "kube-system", "traefik", 80, 8000)
	for _, name := range directories {
		t.Run(name, func(t *testing.T) {
			e := newExample(t, name)
			examples[name](e, t)
			for _, s := range e.stacks {
				s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
			}
			require.Empty(t, live(t))
			require.Empty(t, currentState(t).Records)
		})
	}
}

// zoneFor adds a zone. It gets another name when the test ends, because other tests expect that
// there is none of this name.
func zoneFor(t *testing.T, name string) {
	t.Helper()
	zone, err := testWorld.Control().AddZone(context.Background(), state.Zone{Name: name, AccountID: state.SeedAccountID})
	require.NoError(t, err)
	t.Cleanup(func() {
		zone.Name = "former-" + name
		_, err := testWorld.Control().SetZone(context.Background(), zone)
		require.NoError(t, err)
	})
}

// example is a reader who follows an example's README in a copy of the clone.
type example struct {
	directory string
	blocks    []string
	// project is where the reader types the commands.
	project *project.Project
	stacks  map[string]*stack
}

func newExample(t *testing.T, name string) *example {
	t.Helper()
	e := &example{directory: filepath.Join(testRoot(), "examples", name), stacks: map[string]*stack{}}
	raw, err := os.ReadFile(filepath.Join(e.directory, "README.md"))
	require.NoError(t, err)
	e.blocks = codeBlocks(string(raw))
	e.project, err = project.Copy(context.Background(), testWorld)
	require.NoError(t, err)
	return e
}

// stack puts the file of an example's stack where the README says, with changes to it, given as old
// and new, and returns the stack, which the README's commands are to create. It is destroyed and
// removed when the test ends.
func (e *example) stack(t *testing.T, name string, changes ...string) *stack {
	t.Helper()
	s := &stack{&project.Stack{Project: e.project, Name: name}}
	raw, err := os.ReadFile(filepath.Join(e.directory, "Pulumi."+name+".yaml"))
	require.NoError(t, err)
	for i := 0; i < len(changes); i += 2 {
		require.Contains(t, string(raw), changes[i])
	}
	content := strings.NewReplacer(changes...).Replace(string(raw))
	require.NoError(t, os.WriteFile(s.SettingsFile(), []byte(content), 0o600))
	t.Cleanup(func() {
		if _, err := s.pulumi("stack"); err != nil {
			require.NoError(t, os.RemoveAll(s.SettingsFile())) // it was never created
			return
		}
		if _, err := s.pulumi("state", "unprotect", "--all", "--yes"); err != nil {
			t.Errorf("lifting the protection of %s: %v", name, err)
		}
		if err := s.Destroy(context.Background(), "--remove"); err != nil {
			t.Errorf("destroying %s: %v", name, err)
		}
	})
	e.stacks[name] = s
	return s
}

// follow runs one of the README's code blocks as it is written, but for changes given as old and
// new, and returns what it prints.
func (e *example) follow(t *testing.T, block int, changes ...string) string {
	t.Helper()
	require.Greater(t, len(e.blocks), block, "the README has too few code blocks")
	// What Pulumi asks for comes from a file, because each command would read all of one input.
	token := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(token, []byte(state.SeedToken), 0o600))
	const ask = "pulumi config set --secret cloudflare:apiToken"
	text := strings.NewReplacer(append(changes, ask, ask+" <'"+token+"'")...).Replace(e.blocks[block])
	shell := (&stack{&project.Stack{Project: e.project}}).shell(text)
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s\n%s", text, out)
	return string(out)
}

func (e *example) smallest(t *testing.T) {
	e.stack(t, "home")
	e.follow(t, 0)
	requireAnswerFrom(t, exampleZone, "traefik")
	requireAnswerFrom(t, "any."+exampleZone, "traefik")
}

// homeLab has a NAS outside of the cluster, and tainted nodes.
func (e *example) homeLab(t *testing.T) {
	for _, app := range []struct {
		namespace, name string
		port            int
	}{{"immich", "immich-server", 2283}, {"music", "navidrome", 4533}} {
		namespaceFor(t, app.namespace)
		standInFor(t, app.namespace, app.name, app.port, app.port)
	}
	nas := serverOutside(t, "nas-1")
	kubectl(t, "taint", "nodes", "--all", controlPlane+"=:NoSchedule")
	t.Cleanup(func() { kubectl(t, "taint", "nodes", "--all", controlPlane+"-") })
	s := e.stack(t, "lab", "192.168.1.20:5001", nas)
	e.follow(t, 0)
	requirePods(t, s.output(t, "namespace"), 6)
	requireAnswerFrom(t, "nas."+exampleZone, "nas")
	requireAnswerFrom(t, "photos."+exampleZone, "immich-server")
	requireAnswerFrom(t, "music."+exampleZone, "navidrome")
	requireAnswerFrom(t, "blog."+exampleZone, "traefik")
	s.up(t, "--expect-no-changes")
}

// serverOutside starts a server with TLS on this machine, which is outside of the cluster, and
// returns its address.
func serverOutside(t *testing.T, name string) string {
	t.Helper()
	listener, err := net.Listen("tcp", cluster.Config{Slot: testWorld.Slot}.HostAddr().String()+":0")
	require.NoError(t, err)
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Pod", name)
	}))
	require.NoError(t, server.Listener.Close())
	server.Listener = listener
	server.StartTLS()
	t.Cleanup(server.Close)
	return listener.Addr().String()
}

// environments also destroys one of three, whose names fall back to another.
func (e *example) environments(t *testing.T) {
	namespaceFor(t, "staging")
	namespaceFor(t, "test")
	standInFor(t, "staging", "web", 80, 8080)
	standInFor(t, "staging", "api", 8080, 8080)
	standInFor(t, "test", "preview", 80, 8080)
	names := []string{"prod", "staging", "test"}
	for _, name := range names {
		e.stack(t, name)
	}
	e.follow(t, 0)
	again := e.follow(t, 0)
	require.NotContains(t, again, " created\n")
	for _, name := range names {
		require.Contains(t, again, "Updating ("+name+")", "a second time, it goes to each stack again")
	}
	answers := map[string]string{
		exampleZone: "traefik", "any." + exampleZone: "traefik",
		"staging." + exampleZone: "web", "api-staging." + exampleZone: "api",
		"one.test." + exampleZone: "preview",
	}
	for host, pod := range answers {
		requireAnswerFrom(t, host, pod)
	}
	e.stacks["staging"].mustPulumi(t, "destroy", "--yes", "--skip-preview")
	answers["staging."+exampleZone], answers["api-staging."+exampleZone] = "traefik", "traefik"
	for host, pod := range answers {
		requireAnswerFrom(t, host, pod)
	}
}

// production reserves less for connectors than the example, because the node is small.
func (e *example) production(t *testing.T) {
	namespaceFor(t, "monitoring")
	apply(t, podMonitorDefinition)
	t.Cleanup(func() { kubectl(t, "delete", "--ignore-not-found", "namespace", "edge") })
	manifest, err := filepath.Abs(filepath.Join(e.directory, "namespace.yaml"))
	require.NoError(t, err)
	s := e.stack(t, "prod", "requests: { cpu: 250m", "requests: { cpu: 10m")
	e.follow(t, 0, "examples/production/namespace.yaml", "'"+manifest+"'")
	requirePods(t, "edge", 3)
	requireAnswerFrom(t, exampleZone, "traefik")
	requireScrapes(t, "edge", "30s")
	require.NotEmpty(t, kubectl(t, "-n", "monitoring", "get", "configmaps", "-l", "grafana_dashboard=1", "-o", "name"))
	require.Contains(t, kubectl(t, "-n", "edge", "get", "horizontalpodautoscalers", "-o", "yaml"), "maxReplicas: 6")

	tunnel := s.output(t, "tunnelId")
	e.follow(t, 1) // rotates, within the namespace's quota
	require.NotEqual(t, tunnel, s.output(t, "tunnelId"))
	requireAnswerFrom(t, exampleZone, "traefik")
	out, err := s.pulumi("destroy", "--yes", "--skip-preview")
	require.Error(t, err)
	require.Contains(t, out, "protect")
	e.follow(t, 2)
	kubectl(t, "get", "namespace", "edge") // it stays
}

// migration begins with a tunnel made by hand, and ends without it.
func (e *example) migration(t *testing.T) {
	namespaceFor(t, "immich")
	namespaceFor(t, "wiki")
	standInFor(t, "immich", "immich-server", 2283, 2283)
	standInFor(t, "wiki", "wiki", 3443, 3443)
	old := makeByHand(t, testWorld)
	deleteRecords(t) // cloudflared's certificate is for the home zone, which isn't the example's
	target := live(t)[0].ID.String() + state.TunnelSuffix
	for _, name := range []string{"photos", "wiki"} {
		_, err := testWorld.Control().AddRecord(t.Context(), state.Record{
			Name: name + "." + exampleZone, Type: "CNAME", Content: target, Proxied: true, TTL: 1,
		})
		require.NoError(t, err)
	}
	// The stand-in for the wiki speaks no TLS.
	e.stack(t, "home", "https://wiki.wiki:3443", "http://wiki.wiki:3443", "originRequest: { noTLSVerify: true }", "originRequest: { noTLSVerify: false }")
	out := e.follow(t, 0)
	require.Regexp(t, `photos\.example\.com.*`+regexp.QuoteMeta(target), out, "the preview warns of the record")
	require.NotEqual(t, target, records(t)["photos."+exampleZone])
	requireAnswerFrom(t, "photos."+exampleZone, "immich-server")
	requireAnswerFrom(t, "wiki."+exampleZone, "wiki")
	for _, command := range strings.Split(strings.TrimSpace(e.blocks[1]), "\n") {
		require.Regexp(t, `^(kubectl delete namespace|cloudflared tunnel (cleanup|delete)) old$`, command)
	}
	old.remove(t)
	requireAnswerFrom(t, "photos."+exampleZone, "immich-server")
}

// component is a program of its own, with another project.
func (e *example) component(t *testing.T) {
	var err error
	e.project, err = e.project.Program("examples/component")
	require.NoError(t, err)
	s := e.stack(t, "home",
		"nginxinc/nginx-unprivileged:1.29", "localhost/webapp:1",
		"http://traefik.kube-system", handmade.Origin+"\n  cloudflare:apiHostname: "+testWorld.APIAddr())
	e.follow(t, 0)
	require.Equal(t, "https://www."+exampleZone, s.output(t, "url"))
	requireAnswerFrom(t, "www."+exampleZone, "www")
	s.up(t, "--expect-no-changes")
	s.mustPulumi(t, "destroy", "--yes", "--skip-preview")
	require.Equal(t, "No resources found in default namespace.\n", kubectl(t, "-n", "default", "get", "deployments,ingresses"))
}

// automation is a command that runs Pulumi itself.
func (e *example) automation(t *testing.T) {
	command := filepath.Join(t.TempDir(), "automation")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", command, "./examples/automation")
	build.Dir, build.Env = testRoot(), append(os.Environ(), project.BuildEnvironment...)
	out, err := build.CombinedOutput()
	require.NoError(t, err, "%s", out)
	// What it reads and exports is in the environment of every world.
	require.Len(t, e.blocks, 2)
	block := regexp.MustCompile(`(?m)^export .*\n`).ReplaceAllString(e.blocks[1], "")
	commands := strings.Split(strings.TrimSpace(block), "\n")
	require.Len(t, commands, 3)
	run := func(command string) string {
		t.Helper()
		shell := exec.CommandContext(t.Context(), "sh", "-euc", command)
		shell.Dir, shell.Env = t.TempDir(), testWorld.Environ()
		out, err := shell.CombinedOutput()
		require.NoError(t, err, "%s\n%s", command, out)
		return string(out)
	}
	for i := range commands {
		require.Contains(t, commands[i], "go run ./examples/automation ")
		commands[i] = strings.Replace(commands[i], "go run ./examples/automation", command, 1)
	}
	done := false
	t.Cleanup(func() {
		if !done {
			run(commands[2])
		}
	})

	require.Contains(t, run(commands[0]), "edge-cloudflared")
	require.Empty(t, live(t), "a preview creates nothing")
	require.Contains(t, run(commands[1]), "names that lead to the cluster: [www.example.com wiki.example.com]")
	requireAnswerFrom(t, "www."+exampleZone, "traefik")
	requireAnswerFrom(t, "wiki."+exampleZone, "traefik")
	require.Contains(t, run(commands[0]), "unchanged")
	run(commands[2])
	done = true
}
