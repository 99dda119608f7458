//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/handmade"
	"k8s-tunnel/sandbox/project"
	"k8s-tunnel/sandbox/wait"
)

// makeTarget is a line that calls make.
var makeTarget = regexp.MustCompile(`(?m)^make `)

// commands runs a block whose effects aren't checked. What make would do is only listed, because
// these tests are part of it.
func (r *readme) commands(t *testing.T, block string) {
	root, err := filepath.Abs(testRoot())
	require.NoError(t, err)
	r.sh(t, makeTarget.ReplaceAllString(block, fmt.Sprintf("make --dry-run --directory '%s' ", root)))
}

// keepSettings keeps the block for later, when there is a stack.
func (r *readme) keepSettings(_ *testing.T, block string) { r.least = block }

// lookAround runs the block in an environment that knows only what the block itself says about the
// world. The reader's own stack is there to look at in place of what `make up` deploys.
func (r *readme) lookAround(t *testing.T, block string) {
	program := "export SANDBOX_PROGRAM='" + r.stack.Project.Compiled() + "'\npulumi preview"
	out := r.sh(t, strings.Replace(block, "pulumi preview", program, 1), os.Environ()...)
	require.Regexp(t, `\d+ unchanged`, out)
	require.Contains(t, out, "ingress-nginx-controller-")
	require.Contains(t, out, "k8s-tunnel-"+readmeStack)
	require.Contains(t, out, "<dd>photos."+state.HomeZoneName+"</dd>")
}

// keepOutput keeps the block for later, when there is something of which the status can be printed.
func (r *readme) keepOutput(_ *testing.T, block string) { r.output = block }

// logIn logs in below a home directory of the reader's own, which knows nothing of the world's
// backend.
func (r *readme) logIn(t *testing.T, block string) {
	environ := []string{"HOME=" + r.home, "PULUMI_HOME=" + filepath.Join(r.home, ".pulumi")}
	for _, entry := range r.stack.command().Env {
		name, _, _ := strings.Cut(entry, "=")
		if !slices.Contains([]string{"HOME", "PULUMI_HOME", "PULUMI_BACKEND_URL"}, name) {
			environ = append(environ, entry)
		}
	}
	r.sh(t, block, environ...)
	require.Contains(t, r.sh(t, "pulumi whoami --verbose", environ...), "file://"+filepath.Join(r.home, "pulumi-state"))
}

// makeStack creates the reader's stack with the world's ingress controller, and adds settings that make the rest of the README faster.
func (r *readme) makeStack(t *testing.T, block string) {
	require.Contains(t, block, "set origin http://traefik.kube-system\n")
	r.sh(t, strings.Replace(block, "http://traefik.kube-system", handmade.Origin, 1))
	r.made = true
	raw, err := os.ReadFile(r.stack.SettingsFile())
	require.NoError(t, err)
	require.Contains(t, string(raw), "k8s-tunnel:domain: "+state.HomeZoneName)
	require.Contains(t, string(raw), "k8s-tunnel:origin: "+handmade.Origin)
	require.Contains(t, string(raw), "secure: ")
	require.NotContains(t, string(raw), state.SeedToken)
	r.stack.set(t, "replicas", "1")
	r.stack.set(t, "cloudflare:rps", "50")

	// The settings that the README begins with, with the token of this stack.
	token := regexp.MustCompile(`secure: (\S+)`).FindStringSubmatch(string(raw))
	require.Len(t, token, 2)
	require.Contains(t, r.least, `"v1:…"`)
	restore := r.stack.settings(t, strings.Replace(r.least, "v1:…", token[1], 1))
	defer restore()
	require.Contains(t, r.stack.mustPulumi(t, "preview", "--diff"), "8000", "the port of the pods behind traefik.kube-system")
}

// firstUp begins with a name that leads elsewhere, which the text warns about.
func (r *readme) firstUp(t *testing.T, block string) {
	r.addRecord(t, state.HomeZoneName, "")
	r.sh(t, block)
	requireApps(t)
	for _, record := range currentState(t).Records {
		require.Equal(t, r.stack.output(t, "tunnelCname"), record.Content, record.Name)
	}
}

func (r *readme) look(t *testing.T, block string) {
	out := r.sh(t, block)
	require.Contains(t, out, state.HomeZoneName)
	require.Contains(t, out, "*."+state.HomeZoneName)
	if strings.Contains(out, "HTTP/") {
		require.Regexp(t, `HTTP/\S+ 200`, out)
	}
}

// makeProject makes a project in a backend of its own, with the template's path as it is written;
// TestPulumiNew previews such projects.
func (r *readme) makeProject(t *testing.T, block string) {
	dist := makeTemplate(t)
	u := newNewUser(t, "dev") // as Pulumi suggests
	commands := strings.NewReplacer("make template", ":", "~/tunnel", u.project).Replace(block)
	r.sh(t, "cd '"+filepath.Dir(dist)+"'\n"+commands, append(u.command().Env, agree)...)
	u.requireCopied(t, filepath.Join(dist, "template"))
}

// unpackBinary checks and unpacks the archive for this machine, which doesn't come from GitHub;
// TestPreparedBinary deploys what is in it.
func (r *readme) unpackBinary(t *testing.T, block string) {
	p, err := project.Prepare(context.Background(), testWorld)
	require.NoError(t, err)
	download, commands, found := strings.Cut(block, "\n")
	require.True(t, found)
	pattern := regexp.MustCompile(`--pattern '(\S+)' --pattern SHA256SUMS$`).FindStringSubmatch(download)
	require.Len(t, pattern, 2)
	archive := regexp.MustCompile(`tar -xzf (\S+)`).FindStringSubmatch(commands)
	require.Len(t, archive, 2)
	matches, err := filepath.Match(pattern[1], archive[1])
	require.NoError(t, err)
	require.True(t, matches, "%s is downloaded as %s", archive[1], pattern[1])
	commands = strings.ReplaceAll(commands, "k8s-tunnel_v0.1.0_linux_arm64", filepath.Base(p.Dir))
	out := r.sh(t, "cd '"+filepath.Dir(p.Dir)+"'\n"+commands+"pulumi stack init unpacked\npulumi preview || true\npulumi stack rm --yes --stack unpacked\n")
	require.Contains(t, out, filepath.Base(p.Dir)+".tar.gz: OK")
	require.Contains(t, out, "cloudflare:apiToken: not set", "the binary runs")
	require.NotContains(t, out, "compil")
}

// compileSmall lets the go command say what it would do, because with other flags it would compile all
// SDKs again.
func (r *readme) compileSmall(t *testing.T, block string) {
	out := r.sh(t, strings.Replace(block, "pulumi up", "go build -n -o k8s-tunnel .", 1))
	require.NotContains(t, out, "-dwarf=true")
}

func (r *readme) addRule(t *testing.T, block string) {
	r.sh(t, block)
	r.settle(t)
	requireAnswerFrom(t, "music."+state.HomeZoneName, "navidrome")
	requireApps(t)
}

func (r *readme) addRules(t *testing.T, block string) {
	r.stack.settings(t, block)
	r.stack.up(t)
	r.settle(t)
	requireAnswerFrom(t, "music."+state.HomeZoneName, "navidrome")
	requireAnswerFrom(t, "photos."+state.HomeZoneName+"/upload/1.jpg", "uploads")
	requireAnswerFrom(t, "photos."+state.HomeZoneName+"/new/upload", "photos")
	requireAnswerFrom(t, "wiki.apps."+state.HomeZoneName, "traefik")
	requireAnswerFrom(t, "at.any.depth.apps."+state.HomeZoneName, "traefik")
	requireAnswerFrom(t, state.HomeZoneName, "hello")
	config := kubectl(t, "-n", r.stack.output(t, "namespace"), "get", "configmaps", "-o", "yaml")
	require.Regexp(t, `originRequest:\s+connectTimeout: 10s`, config)
}

// addNames takes over a name that has a record of its own, and adds a zone with nothing but an Ingress
// object for each of its sites.
func (r *readme) addNames(t *testing.T, block string) {
	host := "photos." + state.HomeZoneName
	r.addRecord(t, host, "")
	status, _ := get(t, host, "/")
	require.NotEqual(t, http.StatusOK, status, "the name doesn't follow the wildcard")
	ingressFor(t, "zone", state.LabZoneName, "hello")
	ingressFor(t, "below-zone", "any."+state.LabZoneName, "photos")
	r.sh(t, block)
	requireAnswerFrom(t, host, "photos")
	requireAnswerFrom(t, state.LabZoneName, "hello")
	requireAnswerFrom(t, "any."+state.LabZoneName, "photos")
	names := r.stack.mustPulumi(t, "stack", "--show-urns")
	require.Regexp(t, `::edge-record-`+state.LabZoneName+`\s`, names)
	require.Regexp(t, `::edge-wildcard-`+state.LabZoneName+`\s`, names)
}

// singleNames previews the settings only; TestEnvironments deploys such names.
func (r *readme) singleNames(t *testing.T, block string) {
	restore := r.stack.settings(t, block)
	defer restore()
	r.stack.unset(t, "domain")
	out := r.stack.mustPulumi(t, "preview", "--diff")
	require.Contains(t, out, "edge-record-app."+state.HomeZoneName)
	require.Contains(t, out, "edge-wildcard-dev."+state.HomeZoneName)
	require.Contains(t, out, "*.dev."+state.HomeZoneName+" is more than one level below its zone")
}

func (r *readme) rotate(t *testing.T, block string) {
	before := r.stack.output(t, "tunnelId")
	r.sh(t, block)
	require.NotEqual(t, before, r.stack.output(t, "tunnelId"))
	r.settle(t)
	requireApps(t)
}

// replaceAddress begins with a name that has an address, and ends with its record in the stack.
func (r *readme) replaceAddress(t *testing.T, block string) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("curl isn't installed")
	}
	const host = "blog." + state.HomeZoneName
	record, err := testWorld.Control().AddRecord(t.Context(), state.Record{Name: host, Type: "A", Content: "192.0.2.7", Proxied: true, TTL: 1})
	require.NoError(t, err)
	ingressFor(t, "blog", host, "hello")
	out := r.sh(t, strings.NewReplacer(
		"https://api.cloudflare.com", "https://"+testWorld.APIAddr(), "ZONE_ID", record.ZoneID, "RECORD_ID", record.ID,
	).Replace(block))
	require.Contains(t, out, record.ID)
	requireAnswerFrom(t, host, "hello")

	find := func() state.Record {
		i := slices.IndexFunc(currentState(t).Records, func(r state.Record) bool { return r.Name == host })
		require.GreaterOrEqual(t, i, 0)
		return currentState(t).Records[i]
	}
	replaced := find()
	require.Equal(t, "CNAME", replaced.Type)
	r.stack.set(t, "hostnames[3]", host)
	require.Contains(t, r.stack.mustPulumi(t, "preview"), "this takes over "+host)
	r.stack.up(t)
	require.Equal(t, replaced.ID, find().ID)
	require.NotEmpty(t, find().Comment)
	requireAnswerFrom(t, host, "hello")
	r.stack.mustPulumi(t, "config", "rm", "--path", "hostnames[3]")
}

// moveName begins with a name that belongs to another stack, according to its record's comment.
func (r *readme) moveName(t *testing.T, block string) {
	const host = "moved." + state.HomeZoneName
	require.Regexp(t, `^Managed by Pulumi: k8s-tunnel/`+readmeStack+` \[[0-9a-f]{8}\]$`, currentState(t).Records[0].Comment)
	r.addRecord(t, host, "Managed by Pulumi: k8s-tunnel/other [ffffffff]")
	r.stack.set(t, "hostnames[3]", host)
	out, err := r.stack.pulumi("preview")
	require.Error(t, err)
	require.Contains(t, out, host+` belongs to stack "k8s-tunnel/other"`)
	r.sh(t, block)
	require.Equal(t, r.stack.output(t, "tunnelCname"), records(t)[host])
	r.stack.up(t, "--expect-no-changes")
}

// placePods previews the settings only; TestHomeLab really places pods.
func (r *readme) placePods(t *testing.T, block string) {
	restore := r.stack.settings(t, block)
	defer restore()
	out := r.stack.mustPulumi(t, "preview", "--diff")
	for _, want := range []string{
		`replicas\s*: 1 => 6`, `"node-role.kubernetes.io/control-plane"`, `priorityClassName\s*: "system-cluster-critical"`,
		`memory\s*: "256Mi" => "128Mi"`, `"ScheduleAnyway" => "DoNotSchedule"`,
	} {
		require.Regexp(t, want, out)
	}
}

// patchPods puts the function into the program, and the option where the text has it.
func (r *readme) patchPods(t *testing.T, block string) {
	file := filepath.Join(r.stack.Project.Dir, "components", "program", "program.go")
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	option := regexp.MustCompile("and pass `(.+)` to `NewCloudflareTunnel`").FindStringSubmatch(r.text)
	require.Len(t, option, 2)
	const call = "components.NewCloudflareTunnel(ctx, componentName, args,"
	require.Contains(t, string(raw), call)
	program := strings.Replace(string(raw), call, call+"\n"+option[1]+",", 1) + "\n" + block
	if !strings.Contains(program, "\t\"context\"\n") {
		program = strings.Replace(program, "import (\n", "import (\n\t\"context\"\n", 1)
	}
	// The unpatched program comes back together with its binary, so that it isn't compiled again.
	require.NoError(t, r.stack.Project.Compile(t.Context())) // the user's own Pulumi keeps none
	require.NoError(t, os.Rename(r.stack.Project.Compiled(), r.stack.Project.Compiled()+".kept"))
	defer func() {
		_, err := project.Copy(context.Background(), testWorld)
		require.NoError(t, err)
		require.NoError(t, os.Rename(r.stack.Project.Compiled()+".kept", r.stack.Project.Compiled()))
	}()
	require.NoError(t, os.WriteFile(file, []byte(program), 0o600))
	out := r.stack.mustPulumi(t, "preview", "--diff")
	require.Contains(t, out, "hostAliases")
	require.Contains(t, out, `"nas.lan"`)
	require.Contains(t, out, `"192.0.2.9"`)
}

// mountFiles finds the API server's address with the command that the text gives.
func (r *readme) mountFiles(t *testing.T, block string) {
	command := regexp.MustCompile("`(kubectl[^`]+endpointslices[^`]+)`").FindStringSubmatch(r.text)
	require.Len(t, command, 2)
	address, port := apiServerEndpoint(t)
	table := r.sh(t, strings.Join(strings.Fields(command[1]), " "))
	require.Contains(t, table, address)
	require.Contains(t, table, fmt.Sprint(port))

	r.stack.settings(t, block)
	r.stack.set(t, "networkPolicy.metricsFrom[0]", "monitoring") // which the reader keeps
	r.stack.up(t)
	r.settle(t)
	requireAPIServer(t, "api."+state.HomeZoneName)
	requireApps(t)
}

func (r *readme) watch(t *testing.T, block string) {
	r.sh(t, block)
	namespace := r.stack.output(t, "namespace")
	requireScrapes(t, namespace, "30s")
	policies := kubectl(t, "-n", namespace, "get", "networkpolicies", "-o", "yaml")
	require.Contains(t, policies, "kubernetes.io/metadata.name: monitoring")
	require.NotEmpty(t, kubectl(t, "-n", "monitoring", "get", "configmaps", "-l", "grafana_dashboard=1", "-o", "name"))
	requireApps(t)
}

// protect ends as the text says, because the stack is still to be changed and destroyed.
func (r *readme) protect(t *testing.T, block string) {
	r.sh(t, block)
	out, err := r.stack.pulumi("destroy", "--yes", "--skip-preview")
	require.Error(t, err)
	require.Contains(t, out, "protect")
	r.stack.up(t, "--expect-no-changes") // nothing was deleted, the dashboard included
	requireApps(t)
	r.stack.set(t, "protect", "false")
	r.stack.up(t)
}

// nameOrigins previews the policy. A Service whose pods are named doesn't have to exist.
func (r *readme) nameOrigins(t *testing.T, block string) {
	require.Contains(t, block, "host: traefik.kube-system ")
	restore := r.stack.settings(t, strings.Replace(block, "host: traefik.kube-system", "host: later.kube-system", 1))
	defer restore()
	r.stack.settings(t, `
config:
  k8s-tunnel:monitoring: {}
  k8s-tunnel:ingress:
    - { hostname: nas.`+state.HomeZoneName+`, service: "http://nas.home.lan:5000" }
    - { hostname: "*.apps.`+state.HomeZoneName+`", service: http://later.kube-system }
`)
	out := r.stack.mustPulumi(t, "preview", "--diff")
	for _, want := range []string{`"192.168.1.20/32"`, `"169.254.20.10/32"`, `5000`, `8000`, `"traefik"`} {
		require.Contains(t, out, want)
	}
}

func (r *readme) readLog(t *testing.T, block string) {
	require.Regexp(t, `(?m)^\[pod/\S+/cloudflared\] .*Registered tunnel connection`, r.sh(t, block))
}

func (r *readme) findConnectors(t *testing.T, block string) {
	require.Regexp(t, `(?m)^`+r.stack.output(t, "namespace")+`\s.*\s1/1\s+Running`, r.sh(t, block))
}

// giveRights asks the cluster what the service account may do then.
func (r *readme) giveRights(t *testing.T, block string) {
	namespaceFor(t, "edge")
	apply(t, block)
	can := func(args ...string) string {
		args = append([]string{"auth", "can-i"}, append(args, "--as", "system:serviceaccount:pulumi:tunnel")...)
		out, _ := testWorld.Command(t.Context(), "kubectl", args...).Output() // no is an error
		return strings.TrimSpace(string(out))
	}
	for _, verb := range []string{"get", "list", "watch", "create", "patch", "delete"} {
		for _, kind := range []string{
			"configmaps", "secrets", "deployments.apps", "networkpolicies.networking.k8s.io", "poddisruptionbudgets.policy",
			"horizontalpodautoscalers.autoscaling",
		} {
			require.Equal(t, "yes", can(verb, kind, "-n", "edge"), "%s %s", verb, kind)
		}
	}
	for _, verb := range []string{"list", "watch"} {
		for _, kind := range []string{"replicasets.apps", "pods", "persistentvolumeclaims"} {
			require.Equal(t, "yes", can(verb, kind, "-n", "edge"), "%s %s", verb, kind)
		}
	}
	require.Equal(t, "yes", can("get", "namespaces/edge", "-n", "edge"))
	require.Equal(t, "yes", can("get", "services/traefik", "-n", "kube-system"))
	require.Equal(t, "no", can("get", "secrets", "-n", "kube-system"))
}

func (r *readme) development(t *testing.T, block string) {
	status, tunnel := strings.Index(block, "go -C"), r.stack.output(t, "tunnelId")
	require.Positive(t, status)
	out := r.sh(t, block[status:])
	require.Contains(t, out, testWorld.FrontAddr())
	require.Contains(t, out, tunnel)
	require.Contains(t, out, state.HomeZoneName)
	picture, err := os.ReadFile(filepath.Join(testRoot(), "sandbox", "pictures", "terminal.ansi"))
	require.NoError(t, err)
	for _, label := range []string{"Cloudflare API", "Front", "Cluster", "Tunnel", "Record"} {
		require.Regexp(t, "(?m)^"+label+" ", r.output)
		require.Regexp(t, "(?m)^"+label+" ", out, "what the README shows is still printed")
		if label != "Cluster" { // its line has a path of the machine
			require.Regexp(t, "(?m)^"+label+" ", string(picture))
		}
	}
	r.commands(t, block[:status])
}

// settle waits until the previous connectors are gone, and speeds that up: they would go on serving
// for a while, with their old rules.
func (r *readme) settle(t *testing.T) {
	t.Helper()
	namespace := r.stack.output(t, "namespace")
	wait.Until(t, time.Minute, "one connector is left", func() bool {
		var pods struct {
			Items []struct {
				Metadata struct{ Name, DeletionTimestamp string }
			}
		}
		kubectlJSON(t, &pods, "-n", namespace, "get", "pods")
		for _, pod := range pods.Items {
			if pod.Metadata.DeletionTimestamp != "" {
				kubectl(t, "-n", namespace, "delete", "pod", pod.Metadata.Name, "--grace-period=1", "--wait=false", "--ignore-not-found")
			}
		}
		return len(pods.Items) == 1
	})
}

// addRecord adds a forgotten record, which leads nowhere.
func (r *readme) addRecord(t *testing.T, name, comment string) {
	t.Helper()
	_, err := testWorld.Control().AddRecord(context.Background(), state.Record{
		Name: name, Type: "CNAME", Content: "long.gone.invalid", Proxied: true, TTL: 1, Comment: comment,
	})
	require.NoError(t, err)
}
