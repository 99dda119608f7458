//go:build e2e

package e2e

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/load"
)

// elsewhere are variables that would lead the providers and the engine elsewhere, or have them do
// something else, if the program left it to them.
var elsewhere = map[string]string{
	"KUBECONFIG":                               "/nowhere/kubeconfig",
	"PULUMI_K8S_ENABLE_SERVER_SIDE_APPLY":      "false",
	"PULUMI_K8S_ENABLE_CONFIGMAP_MUTABLE":      "true",
	"PULUMI_K8S_ENABLE_SECRET_MUTABLE":         "true",
	"PULUMI_K8S_DELETE_UNREACHABLE":            "true",
	"PULUMI_K8S_SKIP_UPDATE_UNREACHABLE":       "true",
	"PULUMI_K8S_SUPPRESS_DEPRECATION_WARNINGS": "true",
	"PULUMI_K8S_SUPPRESS_HELM_HOOK_WARNINGS":   "true",
	"PULUMI_K8S_ENABLE_PATCH_FORCE":            "false",
	"PULUMI_K8S_AWAIT_ALL":                     "true",
	"PULUMI_K8S_CLIENT_QPS":                    "20",
	"PULUMI_KUBERNETES_MANAGED_BY_LABEL":       "somebody-else",
	"CLOUDFLARE_API_TOKEN":                     strings.Repeat("x", 40),
	"CLOUDFLARE_API_KEY":                       strings.Repeat("f", 37),
	"CLOUDFLARE_EMAIL":                         "somebody-else@example.com",
	"CLOUDFLARE_API_HOSTNAME":                  "127.0.0.1:1",
	"CLOUDFLARE_RPS":                           "1",
	"CLOUDFLARE_RETRIES":                       "77",
	"CLOUDFLARE_MIN_BACKOFF":                   "78",
	"CLOUDFLARE_MAX_BACKOFF":                   "79",
	"CLOUDFLARE_API_CLIENT_LOGGING":            "true",
	"PULUMI_PARALLEL":                          "1",
	"PULUMI_EXPERIMENTAL":                      "true",
	"PULUMI_DISABLE_PROVIDER_PREVIEW":          "true",
	"PULUMI_DISABLE_RESOURCE_REFERENCES":       "true",
	"PULUMI_DISABLE_OUTPUT_VALUES":             "true",
	"PULUMI_ENABLE_LEGACY_REFRESH_DIFF":        "true",
}

// pulumiIn runs one command on the stack from a shell with further variables.
func (s *stack) pulumiIn(shell map[string]string, args ...string) (string, error) {
	cmd := s.command(append(args, "--stack", s.Name, "--non-interactive")...)
	for name, value := range shell {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// TestSurroundings leads one stack through its life from a shell and with settings of the engine that
// would lead elsewhere, and requires that a clean shell finds nothing to do.
func TestSurroundings(t *testing.T) {
	share(t)
	s := newStack(t, "surroundings", map[string]string{"replicas": "1"})
	in := func(t *testing.T, args ...string) string {
		t.Helper()
		out, err := s.pulumiIn(elsewhere, args...)
		require.NoError(t, err, out)
		return out
	}
	s.set(t, "pulumi:disable-default-providers[0]", "*")
	s.set(t, "pulumi:disable-default-providers[1]", "pulumi")

	t.Run("what can't be overridden is an error of the preview", func(t *testing.T) {
		for name, value := range map[string]string{"CLOUDFLARE_API_USER_SERVICE_KEY": "v1.0-1", "CLOUDFLARE_EMAIL": ""} {
			shell := maps.Clone(elsewhere)
			shell[name] = value
			out, err := s.pulumiIn(shell, "preview")
			require.Error(t, err)
			require.Regexp(t, `CLOUDFLARE_API_(USER_SERVICE_)?KEY: is set in the environment.*unset it`, out)
		}
		require.Empty(t, live(t))
	})
	t.Run("names that repeat are an error of the preview", func(t *testing.T) {
		s.set(t, "pulumi:autonaming.mode", "verbatim")
		out, err := s.pulumiIn(elsewhere, "preview")
		require.Error(t, err)
		require.Contains(t, out, "pulumi:autonaming: makes Pulumi delete resources of cloudflare, kubernetes, pulumi, random before it creates their replacements")
		for _, name := range []string{"cloudflare", "kubernetes", "pulumi", "random"} {
			s.set(t, "pulumi:autonaming.providers."+name+".mode", "default")
		}
	})
	t.Run("nothing of the shell gets into the state", func(t *testing.T) {
		in(t, "preview")
		in(t, "up", "--yes", "--skip-preview")
		requireApps(t)
		export := s.mustPulumi(t, "stack", "export")
		for name, value := range elsewhere {
			if len(value) > len("false") {
				require.NotContains(t, export, value, name)
			}
		}
		require.Equal(t, map[string]any{
			"apiHostname": testWorld.APIAddr(), "rps": "50", "retries": "1", "minBackoff": "1", "maxBackoff": "30", "apiClientLogging": "false",
		}, providerInputs(t, export, "cloudflare"))
		require.Equal(t, map[string]any{
			"kubeconfig": testWorld.Kubeconfig(), "enableServerSideApply": true, "enableConfigMapMutable": false, "enableSecretMutable": false,
			"skipUpdateUnreachable": false,
		}, providerInputs(t, export, "kubernetes"))
		s.mustPulumi(t, "preview", "--expect-no-changes", "--diff")
	})
	t.Run("a stack that exists is refreshed before the program can say what is wrong", func(t *testing.T) {
		for variable, message := range map[string]string{"CLOUDFLARE_API_KEY": `"email" is not set correctly`, "CLOUDFLARE_API_USER_SERVICE_KEY": "headers (9106)"} {
			out, err := s.pulumiIn(map[string]string{variable: strings.Repeat("f", 37)}, "up", "--yes", "--skip-preview")
			require.Error(t, err)
			require.Contains(t, out, message)
		}
	})
	t.Run("a change is made new before old, and no request is lost", func(t *testing.T) {
		s.set(t, "originRequest.connectTimeout", "7s")
		preview := in(t, "preview", "--diff", "--show-replacement-steps")
		require.Regexp(t, `(?s)ConfigMap: \(create-replacement\).*ConfigMap: \(delete-replaced\)`, preview)
		requests := load.Start(testWorld.FrontAddr(), testWorld.AppHosts(), "change")
		in(t, "up", "--yes", "--skip-preview")
		time.Sleep(50 * time.Second) // the old pod's grace
		report := requests.Stop()
		var text strings.Builder
		require.NoError(t, report.Write(&text))
		require.Zero(t, report.Failed(), text.String())
	})
	t.Run("a clean shell finds nothing to do", func(t *testing.T) {
		s.mustPulumi(t, "preview", "--expect-no-changes", "--diff")
		s.mustPulumi(t, "refresh", "--yes", "--skip-preview", "--expect-no-changes", "--run-program")
	})
	t.Run("a destroy that runs the program leaves nothing", func(t *testing.T) {
		in(t, "destroy", "--yes", "--skip-preview", "--run-program", "--continue-on-error")
		require.Empty(t, live(t))
		require.Empty(t, currentState(t).Records)
	})
}

// providerInputs are a provider's inputs in an exported state, without its credentials and what the
// engine keeps there.
func providerInputs(t *testing.T, export, provider string) map[string]any {
	t.Helper()
	var state struct {
		Deployment struct {
			Resources []struct {
				URN    string
				Inputs map[string]any
			}
		}
	}
	require.NoError(t, json.Unmarshal([]byte(export), &state))
	for _, r := range state.Deployment.Resources {
		if strings.HasSuffix(r.URN, "::pulumi:providers:"+provider+"::"+provider) {
			for _, key := range []string{"__internal", "version", "apiToken"} {
				delete(r.Inputs, key)
			}
			return r.Inputs
		}
	}
	t.Fatalf("no provider %s in the state", provider)
	return nil
}
