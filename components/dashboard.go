package components

import (
	"encoding/json"
	"fmt"
	"strings"
)

// panel is one chart of the dashboard.
type panel struct {
	title, description, unit, expression, legend string
	wide                                         bool
}

// ofConnectors leaves out what else a namespace has of metrics that any program has.
const ofConnectors = ` and on (namespace, pod) cloudflared_tunnel_ha_connections{}`

// panels answer, from top to bottom: is the tunnel up, is it used, does it work? {}
// stands for the connectors' labels.
//
// cloudflared_tunnel_ha_connections doesn't say whether a connector is connected: it
// counts attempts as well (https://github.com/cloudflare/cloudflared/issues/1633). On a
// connection over QUIC, something arrives every second.
var panels = []panel{
	{
		title: "Connectors", description: "Connectors that Prometheus reaches, whether they are connected to Cloudflare or not.",
		unit: "none", expression: `count(cloudflared_tunnel_ha_connections{}) or vector(0)`,
	},
	{
		title: "Connections over QUIC", description: "Connections on which data arrives from Cloudflare; a connector has four. Over HTTP/2 there is no such metric, and this is 0.",
		unit: "none", expression: `sum by (pod) (rate(quic_client_receive_bytes{}[$__rate_interval]) > bool 0) or sum by (pod) (0 * cloudflared_tunnel_ha_connections{})`, legend: "{{pod}}",
	},
	{title: "Requests", unit: "reqps", expression: `sum by (pod) (rate(cloudflared_tunnel_total_requests{}[$__rate_interval]))`, legend: "{{pod}}", wide: true},
	{title: "Responses by status", unit: "reqps", expression: `sum by (status_code) (rate(cloudflared_tunnel_response_by_code{}[$__rate_interval]))`, legend: "{{status_code}}"},
	{title: "Requests that reached no origin", unit: "reqps", expression: `sum by (pod) (rate(cloudflared_tunnel_request_errors{}[$__rate_interval]))`, legend: "{{pod}}"},
	{title: "Requests in flight", unit: "none", expression: `cloudflared_tunnel_concurrent_requests_per_tunnel{}`, legend: "{{pod}}"},
	{title: "Round trip to Cloudflare", unit: "ms", expression: `max by (pod) (quic_client_smoothed_rtt{})`, legend: "{{pod}}"},
	{
		title: "Locations of Cloudflare", description: "Where each connection leads, or led before it was lost.",
		unit: "none", expression: `count by (edge_location) (cloudflared_tunnel_server_locations{} > 0)`, legend: "{{edge_location}}",
	},
	{title: "Versions", unit: "none", expression: `count by (version) (build_info{}` + ofConnectors + `)`, legend: "{{version}}"},
	{title: "Processor", unit: "none", expression: `rate(process_cpu_seconds_total{}[$__rate_interval])` + ofConnectors, legend: "{{pod}}"},
	{title: "Memory", unit: "bytes", expression: `process_resident_memory_bytes{}` + ofConnectors, legend: "{{pod}}"},
}

// query is the expression for the namespaces chosen in the dashboard.
func (p panel) query() string {
	return strings.ReplaceAll(p.expression, "{}", `{namespace=~"$namespace"}`)
}

// maxUID is the longest identifier that Grafana accepts, in characters.
const maxUID = 40

// dashboardUID is the dashboard's identifier in Grafana. A long one is cut, with a
// checksum that tells it apart.
func dashboardUID(tunnelName string) string {
	uid := "k8s-tunnel-" + tunnelName
	if len(uid) <= maxUID {
		return uid
	}
	end := "-" + checksum([]byte(tunnelName))
	return uid[:maxUID-len(end)] + end
}

// renderDashboard returns the dashboard's JSON. Data source and namespace are
// variables, so that one dashboard can show every tunnel. scrapeInterval makes Grafana
// take rates over four scrapes at least; if it is empty, the data source's own is used.
func renderDashboard(tunnelName, scrapeInterval string) (string, error) {
	type object = map[string]any
	source := object{"type": "prometheus", "uid": "${datasource}"}
	var all []object
	x, y := 0, 0
	for i, p := range panels {
		width := 12
		if p.wide {
			width = 24
		}
		if x+width > 24 {
			x, y = 0, y+8
		}
		all = append(all, object{
			"id": i + 1, "type": "timeseries", "title": p.title, "description": p.description, "datasource": source,
			"gridPos":     object{"x": x, "y": y, "w": width, "h": 8},
			"fieldConfig": object{"defaults": object{"unit": p.unit, "min": 0}, "overrides": []object{}},
			"targets":     []object{{"refId": "A", "datasource": source, "expr": p.query(), "legendFormat": p.legend, "interval": scrapeInterval}},
		})
		x += width
	}
	text, err := json.MarshalIndent(object{
		"title": "Cloudflare Tunnel: " + tunnelName, "uid": dashboardUID(tunnelName), "tags": []string{"cloudflared"},
		"schemaVersion": 39, "refresh": "30s", "time": object{"from": "now-6h", "to": "now"},
		"templating": object{"list": []object{
			{"name": "datasource", "type": "datasource", "query": "prometheus"},
			{
				"name": "namespace", "type": "query", "datasource": source, "refresh": 2, "includeAll": true, "multi": true,
				"query": "label_values(cloudflared_tunnel_ha_connections, namespace)", "current": object{"text": "All", "value": "$__all"},
			},
		}},
		"panels": all,
	}, "", "  ")
	if err != nil {
		return "", fmt.Errorf("rendering dashboard: %w", err)
	}
	return string(text) + "\n", nil
}
