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

// Metrics of any program are shown of connectors only, and a number of connections that
// counts attempts is shown as none.
func TestDashboard_Queries(t *testing.T) {
	t.Parallel()
	for _, p := range panels {
		if strings.Contains(p.expression, "process_") || strings.Contains(p.expression, "build_info") {
			require.Contains(t, p.expression, ofConnectors, p.title)
		}
		require.NotRegexp(t, `ha_connections\{\} >|^cloudflared_tunnel_ha_connections`, p.expression, p.title)
	}
}

// Rates of a PodMonitor's metrics are taken over its interval, not over Grafana's own.
func TestCloudflareTunnel_DashboardInterval(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Monitoring = &MonitoringArgs{Dashboard: &DashboardArgs{}}
	text := func() string {
		return declare(t, args).Find(t, "edge-dashboard").Inputs["data"].ObjectValue()["edge.json"].StringValue()
	}
	require.Equal(t, len(panels), strings.Count(text(), `"interval": ""`))
	args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	args.Monitoring.PodMonitor = &PodMonitorArgs{Interval: "1m"}
	require.Equal(t, len(panels), strings.Count(text(), `"interval": "1m"`))
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
		require.NotEmpty(t, names, p.title)
		for _, name := range names {
			require.Contains(t, known, name[1], p.title)
		}
		require.Equal(t, len(names), strings.Count(p.query(), `{namespace=~"$namespace"}`), p.title)
	}
}
