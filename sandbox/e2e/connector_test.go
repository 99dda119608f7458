//go:build e2e

package e2e

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/control"
)

// TestConnectorSettings tries the settings of the connector with the stock cloudflared.
func TestConnectorSettings(t *testing.T) {
	share(t)
	s := newStack(t, "connector", map[string]string{"replicas": "1"})
	selector := "app.kubernetes.io/instance=k8s-tunnel-" + s.Name
	require.NoError(t, testWorld.Control().SetLag(t.Context(), control.Lag{Refusals: 1}))
	defer func() { require.NoError(t, testWorld.Control().SetLag(t.Context(), control.Lag{})) }()
	for _, test := range []struct {
		name, settings, protocol string
		log                      []string
		termination              string
	}{
		{
			"QUIC, although a new tunnel is refused at first", `{ protocol: auto }`,
			"quic",
			[]string{"Retrying connection in up to"},
			"60",
		},
		{
			"HTTP/2", `{ protocol: http2, edgeIPVersion: "4", gracePeriod: 1m, logLevel: debug, transportLogLevel: debug, logFormat: json }`,
			"http2",
			[]string{`"level":"debug"`, `protocol:http2`, `edge-ip-version:4`, `grace-period:1m0s`, `transport-loglevel:debug`},
			"90",
		},
		{
			"QUIC in the United States", `{ protocol: quic, region: us, postQuantum: true, disablePathMTUDiscovery: true }`,
			"quic",
			[]string{`region:us`, `post-quantum:true`, `quic-disable-pmtu-discovery:true`, `INF`},
			"60",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			restore := s.settings(t, "config:\n  k8s-tunnel:connector: "+test.settings)
			defer restore()
			s.up(t)
			requireConnectors(t, s.output(t, "tunnelId"), 1)
			for _, tunnel := range live(t) {
				for _, connection := range tunnel.Connections {
					require.Equal(t, test.protocol, connection.Protocol)
				}
			}
			requireApps(t)
			log := kubectl(t, "-n", s.output(t, "namespace"), "logs", "-l", selector, "--tail=-1")
			for _, want := range test.log {
				require.Contains(t, log, want)
			}
			require.Equal(t, test.termination, strings.TrimSpace(kubectl(t, "-n", s.output(t, "namespace"), "get", "pods", "-l", selector,
				"--field-selector=status.phase=Running", "-o", "jsonpath={.items[0].spec.terminationGracePeriodSeconds}")))
		})
	}
}
