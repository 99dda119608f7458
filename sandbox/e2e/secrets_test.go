//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// TestSecrets searches for the tunnel's secret, the API token and a kubeconfig that is stored as a
// secret wherever Pulumi or the cluster show or keep something, in each of the usual encodings.
func TestSecrets(t *testing.T) {
	s := newStack(t, "secrets", map[string]string{"replicas": "1"})
	kubeconfig, err := os.ReadFile(testWorld.Kubeconfig())
	require.NoError(t, err)
	set := s.command("config", "set", "--secret", "kubernetes:kubeconfig", "--stack", s.Name)
	set.Stdin = bytes.NewReader(kubeconfig)
	printed, err := set.CombinedOutput()
	require.NoError(t, err, "%s", printed)

	outputs := map[string]string{"up": s.mustPulumi(t, "up", "--yes", "--diff")}
	namespace := s.output(t, "namespace")
	secrets := map[string]string{
		"the API token":     state.SeedToken,
		"the tunnel secret": tunnelSecret(t, namespace),
		"the client's key":  clientKey(t, string(kubeconfig)),
	}
	s.set(t, "rotation", "2026-12")
	outputs["preview of a rotation"] = s.mustPulumi(t, "preview", "--diff")
	outputs["rotation"] = s.mustPulumi(t, "up", "--yes", "--skip-preview", "--diff")
	secrets["the next tunnel secret"] = tunnelSecret(t, namespace)
	outputs["preview of a destroy"] = s.mustPulumi(t, "destroy", "--preview-only", "--diff")
	outputs["IDs"] = s.mustPulumi(t, "stack", "--show-ids", "--show-urns")
	outputs["outputs"] = s.mustPulumi(t, "stack", "output", "--json")
	outputs["export"] = s.mustPulumi(t, "stack", "export")
	outputs["history"] = s.mustPulumi(t, "stack", "history", "--json")
	outputs["events"] = kubectl(t, "get", "events", "-A", "-o", "yaml")
	outputs["ConfigMaps"] = kubectl(t, "-n", namespace, "get", "configmaps", "-o", "yaml")
	outputs["pods, Deployments"] = kubectl(t, "-n", namespace, "get", "pods,deployments,replicasets", "-o", "yaml")
	outputs["connectors' logs"] = kubectl(t, "-n", namespace, "logs", "-l", "app.kubernetes.io/name=cloudflared", "--tail=-1")
	s.set(t, "zoneId", strings.Repeat("0", 32))
	failed, err := s.pulumi("preview")
	require.Error(t, err)
	outputs["an error"] = failed
	s.unset(t, "zoneId")

	for place, text := range outputs {
		requireNoSecrets(t, place, []byte(text), secrets)
	}
	backend, _, _ := strings.Cut(strings.TrimPrefix(variable(t, "PULUMI_BACKEND_URL"), "file://"), "?")
	files := 0
	require.NoError(t, filepath.WalkDir(backend, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		files++
		requireNoSecrets(t, "the state backend's "+filepath.Base(path), raw, secrets)
		return err
	}))
	require.Positive(t, files)
	requireNoSecrets(t, "the arguments of processes", processArguments(t), secrets)
}

// requireNoSecrets searches for secrets as they are, in base64, in hex and URL-encoded.
func requireNoSecrets(t *testing.T, place string, text []byte, secrets map[string]string) {
	t.Helper()
	for name, secret := range secrets {
		for encoding, form := range encodings(secret) {
			if bytes.Contains(text, []byte(form)) {
				t.Errorf("%s shows %s (%s)", place, name, encoding)
			}
		}
	}
}

// encodings are the forms in which a secret might be found. Base64 depends on the position in what is
// encoded, so the parts that are the same at each position are searched for.
func encodings(secret string) map[string]string {
	all := map[string]string{
		"plain": secret, "hex": hex.EncodeToString([]byte(secret)), "HEX": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"URL": url.QueryEscape(secret), "JSON": strings.Trim(string(must(json.Marshal(secret))), `"`),
	}
	for offset := range 3 {
		shifted := base64.StdEncoding.EncodeToString([]byte(strings.Repeat("x", offset) + secret))
		all["base64 at "+string(rune('0'+offset))] = strings.TrimRight(shifted, "=")[4 : len(strings.TrimRight(shifted, "="))-2]
	}
	if decoded, err := base64.StdEncoding.DecodeString(secret); err == nil && len(decoded) > 16 {
		all["decoded"] = string(decoded)
	}
	return all
}

func must(raw []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return raw
}

// tunnelSecret reads the secret that the connectors of a namespace have.
func tunnelSecret(t *testing.T, namespace string) string {
	t.Helper()
	var list struct {
		Items []struct{ Data map[string][]byte }
	}
	kubectlJSON(t, &list, "-n", namespace, "get", "secrets")
	for _, item := range slices.Backward(list.Items) {
		if raw, ok := item.Data["credentials.json"]; ok {
			var credentials struct{ TunnelSecret string }
			require.NoError(t, json.Unmarshal(raw, &credentials))
			require.Greater(t, len(credentials.TunnelSecret), 40)
			return credentials.TunnelSecret
		}
	}
	t.Fatal("no credentials.json in the namespace")
	return ""
}

// clientKey is the part of a kubeconfig that must stay secret.
func clientKey(t *testing.T, kubeconfig string) string {
	t.Helper()
	key := regexp.MustCompile(`client-key-data"?: "?([A-Za-z0-9+/=]+)`).FindStringSubmatch(kubeconfig)
	require.Len(t, key, 2, "the kubeconfig has a key")
	return key[1]
}

// variable is one of the world's environment variables.
func variable(t *testing.T, name string) string {
	t.Helper()
	for _, v := range testWorld.Env() {
		if v.Name == name {
			return v.Value
		}
	}
	t.Fatalf("the world has no variable %s", name)
	return ""
}

// processArguments are those of all processes, which every user of the machine can read.
func processArguments(t *testing.T) []byte {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	require.NoError(t, err)
	var all []byte
	for _, file := range files {
		if raw, err := os.ReadFile(file); err == nil { // else it has ended
			all = append(all, raw...)
		}
	}
	return all
}
