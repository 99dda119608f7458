//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
	"k8s-tunnel/sandbox/project"
)

// makeTarget is a line that calls make.
var makeTarget = regexp.MustCompile(`(?m)^make `)

// commands runs a block of which nothing more is to be shown. What make would do
// is only listed, as these tests are part of it.
func (r *readme) commands(block string) {
	root, err := filepath.Abs(testRoot())
	require.NoError(r, err)
	r.sh(makeTarget.ReplaceAllString(block, fmt.Sprintf("make --dry-run --directory '%s' ", root)))
}

// lookAround waits until there is something to look at: in place of `make up`
// there is the reader's own stack.
func (r *readme) lookAround(block string) { r.around = block }

// nowLookAround runs that block in an environment that knows nothing of the world
// but what the block itself says.
func (r *readme) nowLookAround() {
	program := "export SANDBOX_PROGRAM='" + r.program() + "'\npulumi preview"
	out := r.sh(strings.Replace(r.around, "pulumi preview", program, 1), os.Environ()...)
	require.Regexp(r, `\d+ unchanged`, out)
	require.Contains(r, out, "ingress-nginx-controller-")
	require.Contains(r, out, "k8s-tunnel-"+readmeStack)
	require.Contains(r, out, "<dd>photos."+state.HomeZoneName+"</dd>")
}

// program is the compiled program.
func (r *readme) program() string {
	return filepath.Join(r.stack.Project.Dir, ".program", "k8s-tunnel")
}

// makeStack makes the reader's stack. What it doesn't say makes the rest of the
// README go faster.
func (r *readme) makeStack(block string) {
	r.sh(block)
	r.made = true
	raw, err := os.ReadFile(r.stack.settingsFile())
	require.NoError(r, err)
	require.Contains(r, string(raw), "k8s-tunnel:domain: "+state.HomeZoneName)
	require.Contains(r, string(raw), "secure: ")
	require.NotContains(r, string(raw), state.SeedToken)
	r.stack.set(r.T, "replicas", "1")
	r.stack.set(r.T, "cloudflare:rps", "50")
}

// firstUp begins with a name that leads elsewhere, as the text warns of.
func (r *readme) firstUp(block string) {
	r.addRecord(state.HomeZoneName, "")
	r.sh(block)
	answersApps(r.T)
	for _, record := range currentState(r.T).Records {
		require.Equal(r, r.stack.output(r.T, "tunnelCname"), record.Content, record.Name)
	}
}

func (r *readme) look(block string) {
	out := r.sh(block)
	require.Contains(r, out, state.HomeZoneName)
	require.Contains(r, out, "*."+state.HomeZoneName)
	if strings.Contains(out, "HTTP/") {
		require.Regexp(r, `HTTP/\S+ 200`, out)
	}
	r.nowLookAround()
}

// addRule finds the API server's address with the command that the block gives.
func (r *readme) addRule(block string) {
	command := regexp.MustCompile(`# (kubectl .*)`).FindStringSubmatch(block)
	require.Len(r, command, 2)
	address, port := apiServerEndpoint(r.T)
	table := r.sh(command[1])
	require.Contains(r, table, address)
	require.Contains(r, table, fmt.Sprint(port))

	r.sh(block)
	r.settle()
	requireAPIServer(r.T, "api."+state.HomeZoneName)
	answersApps(r.T)
}

func (r *readme) addRules(block string) {
	r.stack.settings(r.T, block)
	r.stack.up(r.T)
	r.settle()
	requireAPIServer(r.T, "api."+state.HomeZoneName)
	requireAnswerFrom(r.T, "photos."+state.HomeZoneName+"/upload/1.jpg", "uploads")
	requireAnswerFrom(r.T, "photos."+state.HomeZoneName+"/new/upload", "photos")
	requireAnswerFrom(r.T, "wiki.apps."+state.HomeZoneName, "traefik")
	requireAnswerFrom(r.T, "at.any.depth.apps."+state.HomeZoneName, "traefik")
	requireAnswerFrom(r.T, state.HomeZoneName, "hello")
	config := kubectl(r.T, "-n", r.stack.output(r.T, "namespace"), "get", "configmaps", "-o", "yaml")
	require.Regexp(r, `originRequest:\s+connectTimeout: 10s`, config)
}

func (r *readme) takeNameOver(block string) {
	host := "photos." + state.HomeZoneName
	r.addRecord(host, "")
	status, _ := get(r.T, host, "/")
	require.NotEqual(r, http.StatusOK, status, "the name doesn't follow the wildcard")
	r.sh(block)
	r.stack.up(r.T)
	requireAnswerFrom(r.T, host, "photos")
}

// addZone adds sites as the text says: an Ingress object, and nothing here.
func (r *readme) addZone(block string) {
	ingressFor(r.T, "zone", state.LabZoneName, "hello")
	ingressFor(r.T, "below-zone", "any."+state.LabZoneName, "photos")
	r.sh(block)
	requireAnswerFrom(r.T, state.LabZoneName, "hello")
	requireAnswerFrom(r.T, "any."+state.LabZoneName, "photos")
	names := r.stack.mustPulumi(r.T, "stack", "--show-urns")
	require.Regexp(r, `::edge-record-`+state.LabZoneName+`\s`, names)
	require.Regexp(r, `::edge-wildcard-`+state.LabZoneName+`\s`, names)
}

// moveName begins with a name that another stack has, by its record's comment.
func (r *readme) moveName(block string) {
	const host = "moved." + state.HomeZoneName
	comment := strings.Replace(currentState(r.T).Records[0].Comment, "/"+readmeStack, "/other", 1)
	require.Contains(r, comment, "/other")
	r.addRecord(host, comment)
	r.stack.set(r.T, "hostnames[2]", host)
	out, err := r.stack.pulumi("preview")
	require.Error(r, err)
	require.Contains(r, out, host+" belongs to stack k8s-tunnel/other")
	r.sh(block)
	require.Equal(r, r.stack.output(r.T, "tunnelCname"), records(r.T)[host])
	r.stack.up(r.T, "--expect-no-changes")
}

// placePods looks at what would become of the pods; the home lab's are really
// placed.
func (r *readme) placePods(block string) {
	restore := r.stack.settings(r.T, block)
	defer restore()
	out := r.stack.mustPulumi(r.T, "preview", "--diff")
	for _, want := range []string{
		`replicas\s*: 1 => 6`, `"node-role.kubernetes.io/control-plane"`, `priorityClassName\s*: "system-cluster-critical"`,
		`memory\s*: "256Mi" => "128Mi"`, `"ScheduleAnyway" => "DoNotSchedule"`,
	} {
		require.Regexp(r, want, out)
	}
}

// patchPods puts the function into main.go, and the option where the text has it.
func (r *readme) patchPods(block string) {
	file := filepath.Join(r.stack.Project.Dir, "main.go")
	raw, err := os.ReadFile(file)
	require.NoError(r, err)
	option := regexp.MustCompile("and pass `(.+)` to `NewCloudflareTunnel`").FindStringSubmatch(r.text)
	require.Len(r, option, 2)
	const call = "components.NewCloudflareTunnel(ctx, instance, &settings.tunnel,"
	require.Contains(r, string(raw), call)
	program := strings.Replace(string(raw), call, call+"\n"+option[1]+",", 1) + "\n" + block
	if !strings.Contains(program, "\t\"context\"\n") {
		program = strings.Replace(program, "import (\n", "import (\n\t\"context\"\n", 1)
	}
	// The program as it was comes back, compiled as it is.
	require.NoError(r, os.Rename(r.program(), r.program()+".kept"))
	defer func() {
		_, err := project.Copy(testWorld)
		require.NoError(r, err)
		require.NoError(r, os.Rename(r.program()+".kept", r.program()))
	}()
	require.NoError(r, os.WriteFile(file, []byte(program), 0o600))
	out := r.stack.mustPulumi(r.T, "preview", "--diff")
	require.Contains(r, out, "hostAliases")
	require.Contains(r, out, `"nas.lan"`)
	require.Contains(r, out, `"192.0.2.9"`)
}

func (r *readme) watch(block string) {
	r.sh(block)
	namespace := r.stack.output(r.T, "namespace")
	requireScrapes(r.T, namespace, "30s")
	policies := kubectl(r.T, "-n", namespace, "get", "networkpolicies", "-o", "yaml")
	require.Contains(r, policies, "kubernetes.io/metadata.name: monitoring")
	require.NotEmpty(r, kubectl(r.T, "-n", "monitoring", "get", "configmaps", "-l", "grafana_dashboard=1", "-o", "name"))
	answersApps(r.T)
}

// nameOrigins looks at what the policy would be. The Service that is named needs
// not be there.
func (r *readme) nameOrigins(block string) {
	restore := r.stack.settings(r.T, block)
	defer restore()
	r.stack.settings(r.T, `
config:
  k8s-tunnel:monitoring: {}
  k8s-tunnel:ingress:
    - { hostname: nas.`+state.HomeZoneName+`, service: "http://nas.home.lan:5000" }
    - { hostname: "*.apps.`+state.HomeZoneName+`", service: http://traefik.kube-system }
`)
	kubectl(r.T, "-n", "kube-system", "delete", "service", "traefik")
	out := r.stack.mustPulumi(r.T, "preview", "--diff")
	for _, want := range []string{`"192.168.1.20/32"`, `"169.254.20.10/32"`, `5000`, `8000`, `"traefik"`} {
		require.Contains(r, out, want)
	}
}

func (r *readme) development(block string) {
	status, tunnel := strings.Index(block, "go -C"), r.stack.output(r.T, "tunnelId")
	require.Positive(r, status)
	out := r.sh(block[status:])
	require.Contains(r, out, testWorld.FrontAddr())
	require.Contains(r, out, tunnel)
	require.Contains(r, out, state.HomeZoneName)
	r.commands(block[:status])
}

// settle waits until the connectors of before are gone, and hurries them up: they
// would go on serving for a while, by their old rules.
func (r *readme) settle() {
	r.Helper()
	namespace := r.stack.output(r.T, "namespace")
	eventually(r.T, time.Minute, "one connector is left", func() bool {
		var pods struct {
			Items []struct {
				Metadata struct{ Name, DeletionTimestamp string }
			}
		}
		kubectlJSON(r.T, &pods, "-n", namespace, "get", "pods")
		for _, pod := range pods.Items {
			if pod.Metadata.DeletionTimestamp != "" {
				kubectl(r.T, "-n", namespace, "delete", "pod", pod.Metadata.Name, "--grace-period=1", "--wait=false", "--ignore-not-found")
			}
		}
		return len(pods.Items) == 1
	})
}

// addRecord makes a record as somebody may have left it, which leads nowhere.
func (r *readme) addRecord(name, comment string) {
	r.Helper()
	_, err := testWorld.Control().AddRecord(context.Background(), state.Record{
		Name: name, Type: "CNAME", Content: "long.gone.invalid", Proxied: true, TTL: 1, Comment: comment,
	})
	require.NoError(r, err)
}
