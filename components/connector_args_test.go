package components

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/cloudflared"
)

func TestConnectorArgs_Validate(t *testing.T) {
	t.Parallel()
	runs := func(c ConnectorArgs) func(*CloudflareTunnelArgs) {
		return func(a *CloudflareTunnelArgs) { a.Connector = &c }
	}
	postQuantum := func(image string) func(*CloudflareTunnelArgs) {
		return func(a *CloudflareTunnelArgs) {
			a.Connector, a.Image = &ConnectorArgs{PostQuantum: true, Protocol: "http2"}, image
		}
	}
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"nothing set", runs(ConnectorArgs{}), ""},
		{"everything set", runs(ConnectorArgs{
			Protocol: "quic", EdgeIPVersion: "6", Region: "us", PostQuantum: true, DisablePathMTUDiscovery: true,
			GracePeriod: "3m", LogLevel: "debug", TransportLogLevel: "error", LogFormat: "json",
		}), ""},
		{"unknown protocol", runs(ConnectorArgs{Protocol: "h2mux"}), `connector.protocol: "h2mux" is not allowed; use auto, quic, http2, or remove it`},
		{"unknown kind of address", runs(ConnectorArgs{EdgeIPVersion: "IPv4"}), `connector.edgeIPVersion: "IPv4" is not allowed; use auto, 4, 6, or remove it`},
		{"unknown region", runs(ConnectorArgs{Region: "eu"}), `connector.region: "eu" is not allowed; use us, or remove it`},
		{"unknown level", runs(ConnectorArgs{LogLevel: "trace", TransportLogLevel: "loud"}), `connector.transportLogLevel: "loud" is not allowed; use debug, info, warn, error, fatal, or remove it`},
		{"unknown format", runs(ConnectorArgs{LogFormat: "yaml"}), `connector.logFormat: "yaml" is not allowed; use text, json, or remove it`},
		{"post-quantum without QUIC", postQuantum("cloudflare/cloudflared:2026.3.0"), "connector.postQuantum: needs QUIC in cloudflared 2026.3.0, but connector.protocol is http2; remove one of them, or use an image of 2026.5.0 or later"},
		{"post-quantum without QUIC in a release that can", postQuantum("cloudflare/cloudflared:2026.5.0"), ""},
		{"post-quantum without QUIC in an image that may be able to", postQuantum("cloudflare/cloudflared:latest"), ""},
		{"no grace period", runs(ConnectorArgs{GracePeriod: "30"}), `connector.gracePeriod: "30" is not a duration`},
		{"short grace period", runs(ConnectorArgs{GracePeriod: "500ms"}), "connector.gracePeriod: 500ms is not a whole number of seconds up to 3m0s"},
		{"long grace period", runs(ConnectorArgs{GracePeriod: "4m"}), "connector.gracePeriod: 4m is not"},
		{"addresses that can't be reached", func(a *CloudflareTunnelArgs) {
			a.Connector, a.NetworkPolicy = &ConnectorArgs{EdgeIPVersion: "6"}, &NetworkPolicyArgs{Edge: []string{"198.41.192.0/24"}}
		}, "connector.edgeIPVersion: 6 doesn't fit networkPolicy.edge, which has ranges of IPv4 only"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_ = requireVerdict(t, test.change, test.wantErr)
		})
	}
}

// Everything that depends on the connector's settings follows from them.
func TestCloudflareTunnel_ConnectorSettings(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Connector = &ConnectorArgs{
		Protocol: "http2", EdgeIPVersion: "4", Region: "us", DisablePathMTUDiscovery: true,
		GracePeriod: "1m30s", LogLevel: "warn", TransportLogLevel: "debug", LogFormat: "json",
	}
	args.Autoscaling = &AutoscalingArgs{MaxReplicas: 3}
	r := declare(t, args)
	config := r.Find(t, "edge-config").Inputs["data"].ObjectValue()[cloudflared.ConfigFile].StringValue()
	for _, line := range []string{
		"protocol: http2", `edge-ip-version: "4"`, "region: us", "quic-disable-pmtu-discovery: true", "grace-period: 90s",
		"loglevel: warn", "transport-loglevel: debug",
	} {
		require.Contains(t, config, "\n"+line+"\n")
	}
	pod := r.Find(t, "edge-cloudflared").Inputs["spec"].ObjectValue()["template"].ObjectValue()["spec"].ObjectValue()
	require.InDelta(t, 15+90+15, pod["terminationGracePeriodSeconds"].NumberValue(), 0, "it drains, finishes requests, and ends")
	require.Contains(t, r.Find(t, "edge-cloudflared").JSON(t), `"TUNNEL_LOG_OUTPUT"`)
	policy := r.Find(t, "edge-network-policy").JSON(t)
	for _, cidr := range usEdge {
		require.Contains(t, policy, cidr)
	}
	require.NotContains(t, policy, defaultEdge[0])
	require.Contains(t, strings.ReplaceAll(r.Find(t, "edge-autoscaler").JSON(t), " ", ""), `"periodSeconds":240`, "only one connector is ever stopping")
	require.Equal(t, "http2", r.Find(t, "edge").Inputs["connector"].ObjectValue()["protocol"].StringValue())
	require.NotContains(t, declare(t, validArgs()).Find(t, "edge").Inputs, "connector")

	args.Connector = &ConnectorArgs{PostQuantum: true}
	require.Contains(t, declare(t, args).Find(t, "edge-config").JSON(t), `post-quantum: true`)
}
