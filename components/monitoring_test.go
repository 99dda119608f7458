package components

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/golden"
)

func TestCloudflareTunnelArgs_ValidateMonitoring(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"a monitor without access", func(a *CloudflareTunnelArgs) { a.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{}} }, "monitoring.podMonitor: no namespace may scrape"},
		{"a monitor's interval", func(a *CloudflareTunnelArgs) {
			a.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
			a.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{Interval: "often"}}
		}, `monitoring.podMonitor.interval: "often"`},
		{"a dashboard's namespace", func(a *CloudflareTunnelArgs) {
			a.Monitoring = &MonitoringArgs{Dashboard: &DashboardArgs{Namespace: "a b"}}
		}, `monitoring.dashboard.namespace: "a b"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_ = requireVerdict(t, test.change, test.wantErr)
		})
	}
}

func TestPodMonitorArgs_ValidateInterval(t *testing.T) {
	t.Parallel()
	for interval, valid := range map[string]bool{
		"": true, "30s": true, "500ms": true, "1m30s": true, "1d": true, "2w": true, "1y2w3d4h5m6s7ms": true, "0": true,
		"30": false, "s": false, "1.5s": false, "-30s": false, "30 s": false, "30s1m": false, "1M": false,
	} {
		args := validArgs()
		args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
		args.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{Interval: interval}}
		if err := args.Validate(); valid {
			require.NoError(t, err, interval)
		} else {
			require.ErrorContains(t, err, "monitoring.podMonitor.interval: ", interval)
		}
	}
}

func TestCloudflareTunnel_Monitoring(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
	args.Monitoring = &MonitoringArgs{
		PodMonitor: &PodMonitorArgs{Labels: map[string]string{"release": "prometheus"}},
		Dashboard:  &DashboardArgs{Namespace: "monitoring"},
	}
	r := declare(t, args)
	require.True(t, r.Find(t, "edge-"+operatorCheck).Read)
	golden.Compare(t, "testdata/edge-pod-monitor.json", r.Find(t, "edge-pod-monitor").JSON(t))
	dashboard := r.Find(t, "edge-dashboard").Inputs
	require.Equal(t, "monitoring", dashboard["metadata"].ObjectValue()["namespace"].StringValue())
	require.Equal(t, "1", dashboard["metadata"].ObjectValue()["labels"].ObjectValue()["grafana_dashboard"].StringValue())
	args.Monitoring.PodMonitor.AssumeInstalled = true
	require.NotContains(t, strings.Join(declare(t, args).Inventory(), "\n"), operatorCheck)
	golden.Compare(t, "testdata/dashboard.json", dashboard["data"].ObjectValue()["edge.json"].StringValue())
}
