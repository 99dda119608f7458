package components

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/cloudflared"
)

// Defaults are set where nothing was, and the caller's arguments stay as they were.
func TestWithDefaults(t *testing.T) {
	t.Parallel()
	given := &CloudflareTunnelArgs{
		Pod:           &PodArgs{Resources: &ResourcesArgs{Limits: map[string]string{"cpu": ""}}},
		NetworkPolicy: &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}},
		Autoscaling:   &AutoscalingArgs{MaxReplicas: 3},
		Monitoring:    &MonitoringArgs{PodMonitor: &PodMonitorArgs{}},
	}
	got := given.withDefaults("edge")
	require.Equal(t, &CloudflareTunnelArgs{
		TunnelName: "edge", Origin: DefaultOrigin, Image: DefaultImage, Replicas: DefaultReplicas,
		OriginRequest: &OriginRequest{KeepAliveTimeout: new(cloudflared.DefaultKeepAliveTimeout)},
		Pod: &PodArgs{NodeSelector: map[string]string{"kubernetes.io/os": "linux"}, Resources: &ResourcesArgs{
			Requests: defaultRequests, Limits: map[string]string{"memory": "256Mi", "ephemeral-storage": "256Mi"},
		}},
		Connector:     &ConnectorArgs{Protocol: "auto", EdgeIPVersion: "auto", GracePeriod: "30s"},
		NetworkPolicy: &NetworkPolicyArgs{Edge: defaultEdge, DNS: defaultDNS, MetricsFrom: []string{"monitoring"}},
		Autoscaling:   &AutoscalingArgs{MaxReplicas: 3, CPU: DefaultAutoscalingCPU},
		Monitoring:    &MonitoringArgs{PodMonitor: &PodMonitorArgs{Interval: DefaultScrapeInterval}},
	}, got)
	require.Equal(t, &CloudflareTunnelArgs{
		Pod:           &PodArgs{Resources: &ResourcesArgs{Limits: map[string]string{"cpu": ""}}},
		NetworkPolicy: &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}},
		Autoscaling:   &AutoscalingArgs{MaxReplicas: 3},
		Monitoring:    &MonitoringArgs{PodMonitor: &PodMonitorArgs{}},
	}, given)
}
