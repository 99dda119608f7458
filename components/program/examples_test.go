package program

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

// exampleServices are Services that the examples' rules name, with their ports.
var exampleServices = map[string]int{
	"immich/immich-server": 2283, "music/navidrome": 4533, "staging/api": 8080, "wiki/wiki": 3443,
}

// Every stack file among the examples has only settings that exist, and plans without errors.
func TestExamples_StackFiles(t *testing.T) {
	files, err := filepath.Glob("../../examples/*/Pulumi.*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		if _, err := os.Stat(filepath.Join(filepath.Dir(file), "Pulumi.yaml")); err == nil {
			continue // a program of its own
		}
		t.Run(strings.TrimPrefix(file, "../../examples/"), func(t *testing.T) {
			given := stackFile(t, file)
			stack := newStack(t, "example.com")
			stack.Services = map[string]map[string]any{}
			for service, port := range exampleServices {
				stack.Services[service] = map[string]any{
					"type": "ClusterIP", "clusterIP": "10.0.0.81", "selector": map[string]any{"app": service},
					"ports": []any{map[string]any{"port": port, "protocol": "TCP", "targetPort": port}},
				}
			}
			configuration, err := json.Marshal(given)
			require.NoError(t, err)
			t.Setenv(pulumi.EnvConfig, string(configuration)) // by which misspelt settings are noticed
			all := map[string]string{"k8s-tunnel:domain": ""}
			maps.Copy(all, given)
			require.NoError(t, stack.up(all))
			require.NotEmpty(t, stack.Outputs(t, "k8s-tunnel-test")["hostnames"].ArrayValue())
		})
	}
}

// stackFile reads the settings of a stack's file, as Pulumi passes them to programs. What is to be
// changed is marked in it, and every name of somebody's own is.
func stackFile(t *testing.T, file string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(string(raw)) {
		line = strings.TrimSpace(line)
		if regexp.MustCompile(`example\.com|//|\d+\.\d+\.\d+\.\d+`).MatchString(line) && !strings.HasPrefix(line, "#") {
			require.Contains(t, line, "# change this", file)
		}
	}
	var content struct{ Config map[string]any }
	require.NoError(t, yaml.Unmarshal(raw, &content))
	settings := map[string]string{}
	for key, value := range content.Config {
		text, isText := value.(string)
		if !isText {
			encoded, err := json.Marshal(value)
			require.NoError(t, err)
			text = string(encoded)
		}
		settings[key] = text
	}
	return settings
}

// What kubectl makes or deletes, and what is named in a manifest, belongs to the stack's cluster and namespace.
func TestExamples_Kubectl(t *testing.T) {
	t.Parallel()
	readmes, err := filepath.Glob("../../examples/*/README.md")
	require.NoError(t, err)
	manifests, err := filepath.Glob("../../examples/*/[^P]*.yaml")
	require.NoError(t, err)
	require.NotEmpty(t, readmes)
	require.NotEmpty(t, manifests)
	for _, file := range readmes {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		if strings.Contains(string(raw), "   kubectl ") {
			require.Contains(t, string(raw), "kubectl config use-context", file)
		}
	}
	for _, file := range manifests {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for line := range strings.Lines(string(raw)) {
			if strings.Contains(line, ": edge") && !strings.HasPrefix(line, "#") {
				require.Contains(t, line, "# change this", file)
			}
		}
	}
}
