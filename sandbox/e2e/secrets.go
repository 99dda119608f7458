//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

// requireNoSecrets searches for secrets as they are, in base64, in hex and URL-encoded.
func requireNoSecrets(t *testing.T, place string, text []byte, secrets map[string]string) {
	t.Helper()
	for name, secret := range secrets {
		for encoding, form := range encodings(secret) {
			before, after, found := bytes.Cut(text, []byte(form))
			if !found {
				continue
			}
			t.Errorf("%s shows %s (%s): …%s<secret>%s…", place, name, encoding, before[max(0, len(before)-around):], after[:min(len(after), around)])
			break
		}
	}
}

// around is how many characters around a secret are shown.
const around = 200

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

// tunnelSecret reads the secret that the selected connectors have.
func tunnelSecret(t *testing.T, selector string) string {
	t.Helper()
	var list struct {
		Items []struct{ Data map[string][]byte }
	}
	kubectlJSON(t, &list, "get", "secrets", "-A", "-l", selector)
	for _, item := range slices.Backward(list.Items) {
		if raw, ok := item.Data["credentials.json"]; ok {
			var credentials struct{ TunnelSecret string }
			require.NoError(t, json.Unmarshal(raw, &credentials))
			require.Greater(t, len(credentials.TunnelSecret), 40)
			return credentials.TunnelSecret
		}
	}
	t.Fatal("no credentials.json among the Secrets")
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

// observed runs a command and collects the variables of all its processes, and the arguments of all
// processes meanwhile, which every user of the machine can read. The program's own PULUMI_CONFIG
// isn't among the variables: Pulumi hands settings to programs in it, in plain text.
func observed(t *testing.T, cmd *exec.Cmd) (output, variables, arguments []byte) {
	t.Helper()
	mark := "OBSERVED=" + uuid.NewString()
	cmd.Env = append(slices.DeleteFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "CLOUDFLARE_API_TOKEN=") }), mark)
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		output, err = cmd.CombinedOutput()
	}()
	seen, started := map[string]bool{}, map[string]bool{}
	for running := true; running; {
		files, err := filepath.Glob("/proc/[0-9]*/cmdline")
		require.NoError(t, err)
		for _, file := range files {
			if raw, err := os.ReadFile(file); err == nil { // else it has ended
				started[string(raw)] = true
			}
		}
		for _, pid := range marked(t, mark) {
			raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			if err != nil {
				continue // it has ended
			}
			for variable := range strings.SplitSeq(string(raw), "\x00") {
				if !strings.HasPrefix(variable, "PULUMI_CONFIG=") {
					seen[variable] = true
				}
			}
		}
		select {
		case <-done:
			running = false
		case <-time.After(50 * time.Millisecond):
		}
	}
	require.NoError(t, err, "%s", output)
	require.NotEmpty(t, seen)
	joined := func(all map[string]bool) []byte { return []byte(strings.Join(slices.Collect(maps.Keys(all)), "\x00")) }
	require.Contains(t, string(joined(started)), "pulumi-resource-kubernetes", "the plugins' arguments were seen")
	return output, joined(seen), joined(started)
}

// requireNoSecretsKept searches for secrets in the files of the world's state backend: states,
// backups and histories.
func requireNoSecretsKept(t *testing.T, secrets map[string]string) {
	t.Helper()
	backend, err := url.Parse(variable(t, "PULUMI_BACKEND_URL"))
	require.NoError(t, err)
	files := 0
	eachFile(t, backend.Path, func(path string, raw []byte) {
		files++
		requireNoSecrets(t, "the state backend's "+filepath.Base(path), raw, secrets)
	})
	require.Positive(t, files)
}

// requireKubeconfigsOnly searches for secrets in a directory for temporary files. Pulumi's plugin
// for Kubernetes leaves the kubeconfig there, which only the user can read. The client's key is in
// nothing else, and nothing has other secrets.
func requireKubeconfigsOnly(t *testing.T, directory string, secrets map[string]string, clientsKey string) {
	t.Helper()
	others := maps.Clone(secrets)
	delete(others, clientsKey)
	left := 0
	eachFile(t, directory, func(path string, raw []byte) {
		if !strings.HasPrefix(filepath.Base(path), "kubeconfig") {
			requireNoSecrets(t, "the temporary file "+path, raw, secrets)
			return
		}
		left++
		requireNoSecrets(t, "the temporary file "+path, raw, others)
		info, err := os.Stat(path)
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode(), path)
	})
	require.Positive(t, left, "README.md says that they are left")
}

// eachFile reads all regular files below a directory.
func eachFile(t *testing.T, directory string, look func(path string, raw []byte)) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(directory, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		raw, err := os.ReadFile(path)
		if err == nil {
			look(path, raw)
		}
		return err
	}))
}
