package cluster

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/pelletier/go-toml/v2"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"
)

func TestWriteConfig_EverythingParsesAndNothingLiesElsewhere(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	stale := c.path(configDir, "cni", "00-old.conflist")
	require.NoError(t, os.MkdirAll(filepath.Dir(stale), 0o755))
	require.NoError(t, os.WriteFile(stale, nil, 0o644))
	require.NoError(t, writeConfig(c))
	require.NoFileExists(t, stale)

	// In the node, only these directories are writable or hold programs.
	allowed := []string{c.Dir + "/", c.BinDir + "/", c.BinDir, "/run/", "/var/lib/kubelet/", "/" + c.Name(), "/16", "/24", "/0"}
	path := regexp.MustCompile(`(?:^|["'\s=/])(/[\w./-]+)`)
	var files []string
	require.NoError(t, filepath.WalkDir(c.path(configDir), func(p string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			files = append(files, p)
		}
		return err
	}))
	require.Len(t, files, 6+len(kubeUsers(c))-1)
	for _, file := range files {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		var value any
		switch filepath.Ext(file) {
		case ".toml":
			require.NoError(t, toml.Unmarshal(raw, &value), file)
		default:
			require.NoError(t, yaml.Unmarshal(raw, &value), file)
		}
		if strings.HasSuffix(file, ".kubeconfig") {
			continue // base64 looks like paths
		}
		for _, found := range path.FindAllStringSubmatch(strings.ReplaceAll(string(raw), "://", ":"), -1) {
			ok := false
			for _, prefix := range allowed {
				ok = ok || strings.HasPrefix(found[1], prefix)
			}
			require.True(t, ok, "%s names %s", filepath.Base(file), found[1])
		}
	}
}

func TestControlConfig_FitsTheNode(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	got := newControlConfig(c)
	require.Equal(t, "10.70.0.0/16", got.ControllerManager["cluster-cidr"])
	require.Equal(t, "10.71.0.0/16", got.APIServer["service-cluster-ip-range"])
	require.Equal(t, got.APIServer["service-cluster-ip-range"], got.ControllerManager["service-cluster-ip-range"])
	require.Equal(t, "10.255.3.2", got.APIServer["advertise-address"])
	require.Equal(t, "Node,RBAC", got.APIServer["authorization-mode"])
	require.NotContains(t, got.APIServer, "disable-admission-plugins", "Pod Security is on by default and stays so")
	require.Equal(t, c.Dir+"/config/scheduler.kubeconfig", got.Scheduler["kubeconfig"])
	require.NotContains(t, got.Scheduler, "cluster-cidr", "flags of one component must not reach another")
}

func TestKubeletConfig_FitsTheNode(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(newKubeletConfig(testConfig(t)))
	require.NoError(t, err)
	var got map[string]any
	require.NoError(t, json.Unmarshal(raw, &got))
	require.Equal(t, []any{"10.71.0.10"}, got["clusterDNS"])
	require.Equal(t, "/k8st3", got["cgroupRoot"])
	require.Equal(t, false, got["failCgroupV1"], "must be written although it is false: the default is true")
	require.Equal(t, false, got["makeIPTablesUtilChains"])
	require.NotContains(t, got, "podLogsDir", "the default is where the node has them")
	require.Equal(t, map[string]any{"enabled": false}, got["authentication"].(map[string]any)["anonymous"])
}

func TestCNIConfig_GoldenFile(t *testing.T) {
	t.Parallel()
	raw, err := json.Marshal(newCNIConfig(testConfig(t)))
	require.NoError(t, err)
	require.JSONEq(t, `{"cniVersion": "1.0.0", "name": "k8st3", "plugins": [
		{"type": "ptp", "ipam": {"type": "host-local", "dataDir": "/run/cni",
			"ranges": [[{"subnet": "10.70.0.0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
		{"type": "netpol"}]}`, string(raw))
}

func TestNewSpec_TellsNodesApart(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.BinDir = t.TempDir()
	for _, name := range nodePrograms {
		require.NoError(t, os.WriteFile(c.bin(name), []byte(name), 0o755))
	}
	first, err := newSpec(c)
	require.NoError(t, err)
	again, err := newSpec(c)
	require.NoError(t, err)
	require.Equal(t, first, again)

	t.Run("survives being written", func(t *testing.T) {
		file := c.path("spec.json")
		require.NoError(t, writeJSON(file, first, 0o600))
		var read spec
		require.NoError(t, readJSON(file, &read))
		require.Equal(t, first, read)
	})
	t.Run("another edge", func(t *testing.T) {
		other := c
		other.EdgeProtocol = "http2"
		got, err := newSpec(other)
		require.NoError(t, err)
		require.NotEqual(t, first.Config, got.Config, "the Corefile holds its protocol")
	})
	t.Run("a rebuilt program", func(t *testing.T) {
		require.NoError(t, os.WriteFile(c.bin("kube"), []byte("a longer one"), 0o755))
		got, err := newSpec(c)
		require.NoError(t, err)
		require.NotEqual(t, first, got)
	})
	t.Run("a missing program", func(t *testing.T) {
		require.NoError(t, os.Remove(c.bin("runc")))
		_, err := newSpec(c)
		require.ErrorIs(t, err, os.ErrNotExist)
	})
	t.Run("a program out of the node's sight", func(t *testing.T) {
		require.NoError(t, os.Symlink("/bin/sh", c.bin("runc")))
		_, err := newSpec(c)
		require.ErrorContains(t, err, "out of the only directory")
	})
}
