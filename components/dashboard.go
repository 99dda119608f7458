package components

import (
	"encoding/json"
	"fmt"
	"strings"
)

// panel is one chart of the dashboard.
type panel struct {
	title, unit, expression, legend string
	wide                            bool
}

// panels answer, from top to bottom: is the tunnel up, is it used, does it work? {}
// stands for the connectors' labels.
var panels = []panel{
	{title: "Connectors", unit: "none", expression: `count(cloudflared_tunnel_ha_connections{} > 0)`},
	{title: "Connections to Cloudflare", unit: "none", expression: `cloudflared_tunnel_ha_connections{}`, legend: "{{pod}}"},
	{title: "Requests", unit: "reqps", expression: `sum by (pod) (rate(cloudflared_tunnel_total_requests{}[$__rate_interval]))`, legend: "{{pod}}", wide: true},
	{title: "Responses by status", unit: "reqps", expression: `sum by (status_code) (rate(cloudflared_tunnel_response_by_code{}[$__rate_interval]))`, legend: "{{status_code}}"},
	{title: "Requests that reached no origin", unit: "reqps", expression: `sum by (pod) (rate(cloudflared_tunnel_request_errors{}[$__rate_interval]))`, legend: "{{pod}}"},
	{title: "Requests in flight", unit: "none", expression: `cloudflared_tunnel_concurrent_requests_per_tunnel{}`, legend: "{{pod}}"},
	{title: "Round trip to Cloudflare", unit: "ms", expression: `max by (pod) (quic_client_smoothed_rtt{})`, legend: "{{pod}}"},
	{title: "Locations of Cloudflare", unit: "none", expression: `count by (edge_location) (cloudflared_tunnel_server_locations{} > 0)`, legend: "{{edge_location}}"},
	{title: "Versions", unit: "none", expression: `count by (version) (build_info{})`, legend: "{{version}}"},
	{title: "Processor", unit: "none", expression: `rate(process_cpu_seconds_total{}[$__rate_interval])`, legend: "{{pod}}"},
	{title: "Memory", unit: "bytes", expression: `process_resident_memory_bytes{}`, legend: "{{pod}}"},
}

// query is the expression for the namespaces chosen in the dashboard.
func (p panel) query() string {
	return strings.Replace(p.expression, "{}", `{namespace=~"$namespace"}`, 1)
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
// variables, so that one dashboard can show every tunnel.
func renderDashboard(tunnelName string) (string, error) {
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
			"id": i + 1, "type": "timeseries", "title": p.title, "datasource": source,
			"gridPos":     object{"x": x, "y": y, "w": width, "h": 8},
			"fieldConfig": object{"defaults": object{"unit": p.unit, "min": 0}, "overrides": []object{}},
			"targets":     []object{{"refId": "A", "datasource": source, "expr": p.query(), "legendFormat": p.legend}},
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
