package components

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// metric is a name in an expression: followed by the braces of its labels.
var metric = regexp.MustCompile(`([a-z_]+)\{`)

// Grafana refuses identifiers of more than 40 characters.
func TestDashboardUID(t *testing.T) {
	t.Parallel()
	require.Equal(t, "k8s-tunnel-home", dashboardUID("home"))
	long := strings.Repeat("a", 39)
	require.Len(t, dashboardUID(long+"1"), 40)
	require.NotEqual(t, dashboardUID(long+"1"), dashboardUID(long+"2"))
}

// testdata/metrics.txt lists what cloudflared 2026.3.0 answers on /metrics after
// some requests, over QUIC and over HTTP/2. An end-to-end test holds it against a
// running connector.
func TestDashboard_MetricsExist(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/metrics.txt")
	require.NoError(t, err)
	known := strings.Fields(string(raw))
	require.NotEmpty(t, known)
	for _, p := range panels {
		names := metric.FindAllStringSubmatch(p.expression, -1)
		require.Len(t, names, 1, p.title)
		require.Contains(t, known, names[0][1], p.title)
		require.Contains(t, p.query(), `{namespace=~"$namespace"}`, p.title)
	}
}
