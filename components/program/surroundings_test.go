package program

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/plantest"
	"k8s-tunnel/components/internal/surroundings"
)

func TestMain(m *testing.M) { apitest.Main(m, startProxy, leaveKubeconfig) }

// leaveKubeconfig keeps whoever runs the tests out of them.
func leaveKubeconfig() {
	if err := os.Setenv("KUBECONFIG", os.DevNull); err != nil {
		panic(err)
	}
}

// proxied are the hosts that the proxy was asked for.
var proxied sync.Map

// startProxy starts a proxy that reaches nothing, and says so to all tests of the
// process: Go reads the variable once. It doesn't apply to this machine's addresses.
func startProxy() {
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied.Store(r.Host, true)
		http.Error(w, "no way out", http.StatusBadGateway)
	}))
	if err := os.Setenv("HTTPS_PROXY", proxy.URL); err != nil {
		panic(err)
	}
}

// Cloudflare's API is reached by the proxy that the shell names, as the provider
// reaches it.
func TestSurroundings_Proxy(t *testing.T) {
	t.Parallel()
	err := newStack(t).up(map[string]string{"cloudflare:apiHostname": "api.invalid", "cloudflare:retries": "1"})
	require.ErrorContains(t, err, "looking up the zones that the token sees")
	_, asked := proxied.Load("api.invalid:443")
	require.True(t, asked)
}

// A surrounding is something that reaches the program from outside of its settings.
type surrounding struct {
	// variable and value are of the shell.
	variable, value string
	// others are further variables, and settings further settings.
	others, settings map[string]string
	// why the decision holds, where the program doesn't show it.
	why string
	// decide asserts what is decided about it.
	decide decision
}

// decision asserts what a surrounding does to a stack.
type decision func(t *testing.T, stack *testStack, settings map[string]string)

// neutral: what is declared is what is declared in a clean shell.
func neutral(t *testing.T, stack *testStack, settings map[string]string) {
	t.Helper()
	require.NoError(t, stack.up(settings))
	require.Equal(t, cleanPlan(t), plan(t, stack))
	require.Empty(t, stack.Warnings())
}

// overridden is neutral, because the provider gets an input that comes before the
// variable.
func overridden(provider, input string, value any) decision {
	return func(t *testing.T, stack *testStack, settings map[string]string) {
		t.Helper()
		neutral(t, stack, settings)
		require.Equal(t, value, stack.inputs(t, provider)[resource.PropertyKey(input)].V)
	}
}

// overruled is neutral, because each object in the cluster has a label or an
// annotation that comes before the variable.
func overruled(field, key, value string) decision {
	return func(t *testing.T, stack *testStack, settings map[string]string) {
		t.Helper()
		neutral(t, stack, settings)
		objects := 0
		for _, r := range stack.Registrations() {
			if strings.HasPrefix(r.Type, "kubernetes:") && !r.Read {
				metadata := r.Inputs["metadata"].ObjectValue()
				require.Equal(t, value, metadata[resource.PropertyKey(field)].ObjectValue()[resource.PropertyKey(key)].StringValue(), r.Name)
				objects++
			}
		}
		require.Positive(t, objects)
	}
}

// unrecorded: it has an effect, but the provider's inputs don't tell.
func unrecorded(provider string, inputs ...string) decision {
	return func(t *testing.T, stack *testStack, settings map[string]string) {
		t.Helper()
		require.NoError(t, stack.up(settings))
		for _, input := range inputs {
			require.NotContains(t, stack.inputs(t, provider), resource.PropertyKey(input))
		}
		require.NotEmpty(t, stack.api.Calls())
	}
}

// refused is an error, before anything is asked or declared.
func refused(message string) decision {
	return func(t *testing.T, stack *testStack, settings map[string]string) {
		t.Helper()
		require.ErrorContains(t, stack.up(settings), message)
		require.Empty(t, stack.Registrations())
		require.Empty(t, stack.api.Calls())
	}
}

// warned is a warning, and nothing else changes.
func warned(message string) decision {
	return func(t *testing.T, stack *testStack, settings map[string]string) {
		t.Helper()
		require.NoError(t, stack.up(settings))
		require.Equal(t, cleanPlan(t), plan(t, stack))
		require.Len(t, stack.Warnings(), 1)
		require.Contains(t, stack.Warnings()[0], message)
	}
}

// kept are the settings that don't change a stack.
func kept(key, value string) map[string]string { return map[string]string{key: value} }

// apiElsewhere are settings that leave the API's host to the shell.
var apiElsewhere = map[string]string{"cloudflare:apiHostname": ""}

// allSurroundings are those that the SDKs and the program read, or could.
func allSurroundings() []surrounding {
	return slices.Concat(cloudflareVariables(), kubernetesVariables(), engineVariables(), engineSettings())
}

// Reasons that hold for several variables of others.
const (
	byPlugin = "the plugin's pace, waiting, output and ways, which the program doesn't choose"
	byEngine = "how the engine works, which isn't what it is told to do"
	asFlag   = "a flag of the command line by another name, which says what it does"
	forChart = "for charts, of which the program has none"
)

// ofOthers are variables that plugins and the engine read, and why they are left alone.
// The reasons document decisions: no test here starts a plugin or an engine. What is
// tested is that neither the SDKs nor the program read them.
var ofOthers = map[string]string{
	"CLOUDFLARE_ACCOUNT_ID": "each resource has its account or zone",
	"SSL_CERT_DIR":          byPlugin, "SSL_CERT_FILE": "applies to the program's requests as well",
	"HTTP_PROXY": "the API is reached over HTTPS", "HTTPS_PROXY": "applies to the program's requests as well", "NO_PROXY": "applies to the program's requests as well",
	"TF_APPEND_USER_AGENT": byPlugin, "TF_LOG_PROVIDER": byPlugin, "TF_ACC": byPlugin,
	"PULUMI_DIFF_STRATEGY": byPlugin, "PULUMI_ERROR_TYPE_CHECKER": byPlugin, "PULUMI_ERROR_CONFIG_TYPE_CHECKER": byPlugin,

	"PULUMI_K8S_CLIENT_BURST": byPlugin, "PULUMI_K8S_CLIENT_QPS": byPlugin, "PULUMI_K8S_CLIENT_TIMEOUT": byPlugin, "PULUMI_K8S_AWAIT_ALL": byPlugin,
	"PULUMI_K8S_HELM_DRIVER": forChart, "PULUMI_K8S_HELM_PLUGINS_PATH": forChart, "PULUMI_K8S_HELM_REGISTRY_CONFIG_PATH": forChart,
	"PULUMI_K8S_HELM_REPOSITORY_CONFIG_PATH": forChart, "PULUMI_K8S_HELM_REPOSITORY_CACHE": forChart, "PULUMI_K8S_KUSTOMIZE_HELM": forChart,
	"KUBERNETES_SERVICE_HOST": "the last resort without a kubeconfig, within a pod", "KUBERNETES_SERVICE_PORT": "the last resort without a kubeconfig, within a pod",
	"KUBERNETES_MASTER":            "the last resort without a kubeconfig",
	"POD_NAMESPACE":                "each object has its namespace",
	"KUBE_FEATURE_WatchListClient": byPlugin,

	"PULUMI_PARALLEL": byEngine, "PULUMI_PARALLEL_DIFF": byEngine, "PULUMI_EXPERIMENTAL": byEngine, "PULUMI_CONTINUE_ON_ERROR": byEngine,
	"PULUMI_RUN_PROGRAM": byEngine, "PULUMI_DISABLE_PROVIDER_PREVIEW": byEngine, "PULUMI_DISABLE_VALIDATION": byEngine,
	"PULUMI_DISABLE_RESOURCE_REFERENCES": byEngine, "PULUMI_DISABLE_OUTPUT_VALUES": byEngine, "PULUMI_ENABLE_LEGACY_DIFF": byEngine,
	"PULUMI_ENABLE_LEGACY_REFRESH_DIFF": byEngine, "PULUMI_DISABLE_REFRESH_BEFORE_UPDATE": byEngine, "PULUMI_LEGACY_PROVIDER_PREVIEW": byEngine,
	"PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": byEngine, "PULUMI_DEBUG_PROVIDERS": byEngine, "PULUMI_IGNORE_AMBIENT_PLUGINS": byEngine,
	"PULUMI_OPTION_SHOW_SECRETS": asFlag, "PULUMI_OPTION_REFRESH": asFlag, "PULUMI_OPTION_TARGET": asFlag, "PULUMI_OPTION_TARGET_DEPENDENTS": asFlag,
}

// ofTests are those that the tests need themselves: Go reads them once.
var ofTests = []string{"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY"}

// engineVariables are those that the program warns of.
func engineVariables() []surrounding {
	return []surrounding{
		{variable: "PULUMI_DEBUG_GRPC", value: "grpc.json", decide: warned("PULUMI_DEBUG_GRPC: is set in the environment, so that Pulumi writes all secrets to a file")},
		{variable: "PULUMI_LOG_OTLP_ENDPOINT", value: "127.0.0.1:4317", decide: neutral}, // Pulumi sets it for each program
		{variable: "PULUMI_SKIP_CHECKPOINTS", value: "true", decide: warned("PULUMI_SKIP_CHECKPOINTS: is set in the environment, so that the state isn't saved before the end")},
		{variable: "PULUMI_SKIP_CHECKPOINTS", value: "false", decide: neutral},
	}
}

func cloudflareVariables() []surrounding {
	key, email := strings.Repeat("0", 37), "me@example.com"
	return []surrounding{
		{variable: "CLOUDFLARE_API_TOKEN", value: strings.Repeat("x", 40), decide: overridden("cloudflare", "apiToken", resource.MakeSecret(resource.NewProperty(strings.Repeat("t", 40))).V)},
		{variable: "CLOUDFLARE_API_TOKEN", value: strings.Repeat("x", 40), settings: kept("cloudflare:apiToken", ""), decide: refused("cloudflare:apiToken: not set")},
		{variable: "CLOUDFLARE_API_USER_SERVICE_KEY", value: "v1.0-1", decide: refused("CLOUDFLARE_API_USER_SERVICE_KEY: is set in the environment, and the Cloudflare provider would use it instead of the API token; unset it")},
		{variable: "CLOUDFLARE_API_USER_SERVICE_KEY", value: "", why: "the plugin takes it for unset", decide: neutral},
		{variable: "CLOUDFLARE_API_KEY", value: key, decide: refused("CLOUDFLARE_API_KEY: is set in the environment without CLOUDFLARE_EMAIL")},
		{variable: "CLOUDFLARE_API_KEY", value: key, others: kept("CLOUDFLARE_EMAIL", email), why: "the plugin prefers the token", decide: neutral},
		{variable: "CLOUDFLARE_EMAIL", value: email, why: "the plugin looks at it beside a key only", decide: neutral},
		{variable: "CLOUDFLARE_API_HOSTNAME", value: "127.0.0.1:1", decide: neutral},
		{variable: "CLOUDFLARE_API_HOSTNAME", value: "api", settings: apiElsewhere, decide: unrecorded("cloudflare", "apiHostname", "apiBasePath")},
		{variable: "CLOUDFLARE_API_HOSTNAME", value: "", settings: apiElsewhere, decide: refused("CLOUDFLARE_API_HOSTNAME: is set in the environment, but empty")},
		{variable: "CLOUDFLARE_API_HOSTNAME", value: "https://127.0.0.1:1", settings: apiElsewhere, decide: refused(`CLOUDFLARE_API_HOSTNAME: "https://127.0.0.1:1" is not a host with an optional port`)},
		{variable: "CLOUDFLARE_API_BASE_PATH", value: "/client/v4", decide: unrecorded("cloudflare", "apiBasePath")},
		{variable: "CLOUDFLARE_API_BASE_PATH", value: "", decide: refused("CLOUDFLARE_API_BASE_PATH: is set in the environment, but empty")},
		{variable: "CLOUDFLARE_RPS", value: "2", decide: overridden("cloudflare", "rps", 1000.0)},
		{variable: "CLOUDFLARE_RPS", value: "2", settings: kept("cloudflare:rps", ""), decide: input("cloudflare", "rps", 25.0)},
		{variable: "CLOUDFLARE_RETRIES", value: "0", decide: overridden("cloudflare", "retries", 1.0)},
		{variable: "CLOUDFLARE_MIN_BACKOFF", value: "20", decide: overridden("cloudflare", "minBackoff", 1.0)},
		{variable: "CLOUDFLARE_MAX_BACKOFF", value: "90", decide: overridden("cloudflare", "maxBackoff", 30.0)},
		{variable: "CLOUDFLARE_API_CLIENT_LOGGING", value: "true", decide: overridden("cloudflare", "apiClientLogging", false)},
		{variable: "CLOUDFLARE_USER_AGENT_OPERATOR_SUFFIX", value: "me", why: byPlugin, decide: neutral},
		{variable: "TF_LOG", value: "WARN", decide: neutral},
		{variable: "TF_LOG", value: "debug", decide: warned(`TF_LOG: is "debug" in the environment, with which the output of pulumi --debug shows the tunnel's secret`)},
		{variable: "TF_LOG", value: "trace", decide: warned("TF_LOG: ")},
		{variable: "TF_LOG", value: "1", decide: warned("TF_LOG: ")},
		{variable: "TF_LOG", value: "off", decide: warned("TF_LOG: ")},
	}
}

// input is a decision about a value where it isn't that of the clean shell.
func input(provider, name string, value any) decision {
	return func(t *testing.T, stack *testStack, settings map[string]string) {
		t.Helper()
		require.NoError(t, stack.up(settings))
		require.Equal(t, value, stack.inputs(t, provider)[resource.PropertyKey(name)].V)
	}
}

func kubernetesVariables() []surrounding {
	return []surrounding{
		{variable: "KUBECONFIG", value: "/home/me/.kube/other", why: "the plugin reads it in each run", decide: overridden("kubernetes", "kubeconfig", "")},
		{variable: "KUBECONFIG", value: "/home/me/.kube/other", settings: kept("kubernetes:kubeconfig", "{clusters: []}"), decide: input("kubernetes", "kubeconfig", "{clusters: []}")},
		{variable: "PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY", value: "false", decide: overridden("kubernetes", "enableServerSideApply", true)},
		{variable: "PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE", value: "true", decide: overridden("kubernetes", "enableConfigMapMutable", false)},
		{variable: "PULUMI_K8S_ENABLE_SECRET_MUTABLE", value: "true", decide: overridden("kubernetes", "enableSecretMutable", false)},
		{variable: "PULUMI_K8S_DELETE_UNREACHABLE", value: "true", why: byPlugin, decide: neutral},
		{variable: "PULUMI_K8S_SKIP_UPDATE_UNREACHABLE", value: "true", decide: overridden("kubernetes", "skipUpdateUnreachable", false)},
		{variable: "PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS", value: "true", why: byPlugin, decide: neutral},
		{variable: "PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS", value: "true", why: byPlugin, decide: neutral},
		{variable: "PULUMI_K8S_ENABLE_PATCH_FORCE", value: "false", decide: overruled("annotations", "pulumi.com/patchForce", "true")},
		{variable: "PULUMI_KUBERNETES_MANAGED_BY_LABEL", value: "me", decide: overruled("labels", "app.kubernetes.io/managed-by", "pulumi")},
	}
}

// engineSettings are of the stack, but not of the program.
func engineSettings() []surrounding {
	const autonaming, lost = "pulumi:autonaming", "pulumi:autonaming: makes Pulumi delete resources of "
	const exempt = `"providers": {"cloudflare": {"mode": "default"}, "kubernetes": {"mode": "default"}, "pulumi": {"mode": "default"}, "random": {"pattern": "${name}-${hex(8)}"}}`
	return []surrounding{
		{settings: kept(autonaming, `{"mode": "default"}`), decide: neutral},
		{settings: kept(autonaming, `{"mode": "verbatim"}`), decide: refused(lost + "cloudflare, kubernetes, pulumi, random before it creates their replacements")},
		{settings: kept(autonaming, `{"mode": "disabled"}`), decide: refused(lost + "cloudflare, kubernetes, pulumi, random before")},
		{settings: kept(autonaming, `{"pattern": "${stack}-${name}"}`), decide: refused(lost + "cloudflare, kubernetes, pulumi, random before")},
		{settings: kept(autonaming, `{"pattern": "${name}-${hex(4)}"}`), decide: neutral},
		{settings: kept(autonaming, `{"pattern": "${name}-${uuid}", "enforce": true}`), decide: neutral},
		{settings: kept(autonaming, `{"mode": "verbatim", `+exempt+`}`), decide: neutral},
		{settings: kept(autonaming, `{"providers": {"random": {"mode": "verbatim"}, "aws": {"mode": "verbatim"}}}`), decide: refused(lost + "random before")},
		{settings: kept(autonaming, `{"providers": {"kubernetes": {"resources": {"kubernetes:apps/v1:Deployment": {"mode": "disabled"}}}}}`), decide: refused(lost + "kubernetes:apps/v1:Deployment before")},
		{settings: kept(autonaming, `{"providers": {"kubernetes": {"resources": {"kubernetes:apps/v1:StatefulSet": {"mode": "verbatim"}}}}}`), decide: neutral},
		{settings: kept(autonaming, `{"providers": {"cloudflare": {"resources": {"cloudflare:index/record:Record": {"mode": "verbatim"}}}}}`), why: "records are deleted first in any case", decide: neutral},
		{settings: kept("pulumi:disable-default-providers", `["*", "pulumi"]`), decide: withoutDefaultProviders},
		{settings: kept("pulumi:tags", `{"team": "web"}`), decide: neutral},
		{settings: kept("pulumi:template", "go"), decide: neutral},
		{settings: kept("aws:region", "eu-central-1"), why: "of no provider here", decide: neutral},
		{settings: kept("home:originRequest", `{"access": {"required": true}}`), why: "of another project", decide: neutral},
		{settings: kept("k8s:context", "home"), decide: refused("k8s:context: has no effect in this program; remove it; did you mean kubernetes:context?")},
		{settings: kept("kubernets:context", "home"), decide: refused("kubernets:context: has no effect in this program; remove it; did you mean kubernetes:context?")},
		{settings: kept("random:seed", "1"), decide: refused("random:seed: has no effect in this program; remove it")},
		{settings: kept("cloudflare:email", "me@example.com"), decide: refused("cloudflare:email: has no effect in this program; remove it")},
		{settings: kept("cloudflare:apiUserServiceKey", "v1.0-1"), decide: refused("cloudflare:apiUserServiceKey: has no effect in this program; remove it")},
		{settings: kept("kubernetes:namespace", "web"), decide: refused("kubernetes:namespace: has no effect in this program; remove it")},
		{settings: kept("kubernetes:enableServerSideApply", "false"), decide: refused("kubernetes:enableServerSideApply: has no effect in this program; remove it")},
	}
}

// withoutDefaultProviders is neutral, because each resource names its provider. The
// program's one call is to the engine's own provider, which can't be disabled, and
// the stand-in for the engine refuses any other.
func withoutDefaultProviders(t *testing.T, stack *testStack, settings map[string]string) {
	t.Helper()
	neutral(t, stack, settings)
	for _, r := range stack.Registrations() {
		component := r.Type == "k8s-tunnel:index:CloudflareTunnel"
		provider := strings.HasPrefix(r.Type, "pulumi:providers:")
		require.Equal(t, !component && !provider, r.Provider != "", r.Name)
	}
}

// plan is all that a stack declares, apart from where its stand-in for Cloudflare is.
func plan(t *testing.T, stack *testStack) map[string]plantest.Registration {
	t.Helper()
	all := map[string]plantest.Registration{}
	for _, r := range stack.Registrations() {
		r.Inputs = r.Inputs.Copy()
		delete(r.Inputs, "apiHostname")
		slices.Sort(r.Dependencies)
		all[r.Type+"::"+r.Name] = r
	}
	return all
}

// cleanPlan is what the minimal settings declare in a clean shell.
func cleanPlan(t *testing.T) map[string]plantest.Registration {
	t.Helper()
	cleanShell(t)
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(nil))
	return plan(t, stack)
}

// cleanShell unsets all variables until the test ends.
func cleanShell(t *testing.T) {
	t.Helper()
	for _, s := range allSurroundings() {
		if s.variable != "" {
			unset(t, s.variable)
		}
	}
	for variable := range ofOthers {
		if !slices.Contains(ofTests, variable) {
			unset(t, variable)
		}
	}
	t.Setenv(pulumi.EnvConfig, "")
}

// unset unsets a variable until the test ends.
func unset(t *testing.T, variable string) {
	t.Helper()
	t.Setenv(variable, "") // puts it back afterwards
	require.NoError(t, os.Unsetenv(variable))
}

// Whatever the shell and the engine bring in has an effect that was decided: nothing
// of it gets into the state, and what would lead elsewhere is refused.
func TestSurroundings(t *testing.T) {
	for _, s := range allSurroundings() {
		name := s.variable + "=" + s.value
		if s.variable == "" {
			name = ""
		}
		for _, key := range slices.Sorted(maps.Keys(s.settings)) {
			name += " " + key + ": " + s.settings[key]
		}
		t.Run(strings.TrimSpace(name), func(t *testing.T) {
			cleanShell(t)
			stack := newStack(t, "example.com")
			if s.value == "api" {
				s.value = stack.api.Hostname()
			}
			if s.variable != "" {
				t.Setenv(s.variable, s.value)
			}
			for variable, value := range s.others {
				t.Setenv(variable, value)
			}
			configuration, err := json.Marshal(s.settings)
			require.NoError(t, err)
			t.Setenv(pulumi.EnvConfig, string(configuration))
			s.decide(t, stack, s.settings)
		})
	}
}

// The list of what autonaming must not touch is that of what is declared.
func TestSurroundings_Replaced(t *testing.T) {
	cleanShell(t)
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(map[string]string{
		"k8s-tunnel:autoscaling":   `{"maxReplicas": 5}`,
		"k8s-tunnel:monitoring":    `{"podMonitor": {}, "dashboard": {}}`,
		"k8s-tunnel:networkPolicy": `{"metricsFrom": ["monitoring"]}`,
	}))
	require.ElementsMatch(t, surroundings.Replaced, stack.Replaceable())
}

// What plugins and the engine read doesn't matter to the SDKs and the program.
func TestSurroundings_OfOthers(t *testing.T) {
	clean := cleanPlan(t)
	for variable := range ofOthers {
		if !slices.Contains(ofTests, variable) {
			t.Setenv(variable, "1")
		}
	}
	stack := newStack(t, "example.com")
	require.NoError(t, stack.up(nil))
	require.Equal(t, clean, plan(t, stack))
	require.Empty(t, stack.Warnings())
}

// Each variable that an SDK reads has a row above.
func TestSurroundings_OfSDKs(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, s := range allSurroundings() {
		known[s.variable] = true
	}
	read := regexp.MustCompile(`GetEnvOrDefault\([^"\n]*"([A-Z0-9_]+)"`)
	for _, pattern := range []string{
		"github.com/pulumi/pulumi-cloudflare/sdk/v5/go/cloudflare", "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes",
		"github.com/pulumi/pulumi-random/sdk/v4/go/random",
	} {
		directory, err := exec.Command("go", "list", "-f", "{{.Dir}}", pattern).Output()
		require.NoError(t, err)
		source, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(directory)), "provider.go"))
		require.NoError(t, err)
		found := read.FindAllStringSubmatch(string(source), -1)
		if !strings.Contains(pattern, "random") {
			require.NotEmpty(t, found, pattern)
		}
		for _, match := range found {
			require.Contains(t, known, match[1], "%s reads %s", pattern, match[1])
		}
	}
}
