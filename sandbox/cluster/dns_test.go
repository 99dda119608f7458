package cluster

import (
	"bytes"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"k8s-tunnel/sandbox/cluster/image"
)

func TestCorefile_GoldenFile(t *testing.T) {
	t.Parallel()
	edge := testConfig(t).EdgeAddrs()
	got, err := corefile(edge, "")
	require.NoError(t, err)
	golden := "testdata/Corefile"
	if os.Getenv("UPDATE_GOLDEN") != "" {
		require.NoError(t, os.WriteFile(golden, []byte(got), 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), got)

	steered, err := corefile(edge, "http2")
	require.NoError(t, err)
	require.Equal(t, strings.ReplaceAll(got, `\034quic\034`, `\034http2\034`), steered)
	require.NotEqual(t, got, steered)
}

// objects decodes a stream of manifests and returns them by kind.
func objects(t *testing.T, stream []byte) map[string]map[string]any {
	t.Helper()
	all := map[string]map[string]any{}
	for d := yaml.NewDecoder(bytes.NewReader(stream)); ; {
		var o map[string]any
		if err := d.Decode(&o); errors.Is(err, io.EOF) {
			return all
		} else {
			require.NoError(t, err)
		}
		all[o["kind"].(string)] = o
	}
}

// field walks down keys of objects and indexes of lists.
func field(t *testing.T, node any, path ...any) any {
	t.Helper()
	for _, step := range path {
		switch key := step.(type) {
		case string:
			node = node.(map[string]any)[key]
		case int:
			node = node.([]any)[key]
		}
	}
	return node
}

func TestDNSManifests_AreFilledIn(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	stream, err := dnsManifests(c)
	require.NoError(t, err)
	got := objects(t, stream)
	require.Len(t, got, 6)

	config, err := corefile(c.EdgeAddrs(), "")
	require.NoError(t, err)
	require.Equal(t, config, field(t, got["ConfigMap"], "data", "Corefile"))
	require.Equal(t, "10.71.0.10", field(t, got["Service"], "spec", "clusterIP"))
	require.Equal(t, image.CoreDNS, field(t, got["Deployment"], "spec", "template", "spec", "containers", 0, "image"))
	selector := field(t, got["Service"], "spec", "selector")
	require.Equal(t, selector, field(t, got["Deployment"], "spec", "template", "metadata", "labels"))

	again, err := dnsManifests(c)
	require.NoError(t, err)
	require.Equal(t, stream, again, "the same node must not be changed by applying again")

	c.EdgeProtocol = "http2"
	other, err := dnsManifests(c)
	require.NoError(t, err)
	annotations := []any{"spec", "template", "metadata", "annotations"}
	require.NotEqual(t, field(t, got["Deployment"], annotations...), field(t, objects(t, other)["Deployment"], annotations...),
		"a changed Corefile must restart the pod")
}
