package components

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"

	"k8s-tunnel/components/cloudflared"
)

// OldestPulumi is the oldest version of Pulumi's command line that runs the component. For an older
// one without hooks for errors, the SDK would leave out the resources that have one, without an
// error, and the engine would delete them. Pulumi.yaml and README.md follow by make update.
const OldestPulumi = "3.260.0"

const (
	// DefaultImage is the version of cloudflared that this project is tested with.
	DefaultImage = "cloudflare/cloudflared:2026.3.0"
	// DefaultOrigin is the Service of a standard installation of ingress-nginx.
	DefaultOrigin = "http://ingress-nginx-controller.ingress-nginx"
	// DefaultReplicas keeps the names served while a node or a pod is away.
	DefaultReplicas = 2
	// MaxReplicas is maxConnectors less the one that a rolling update adds.
	MaxReplicas = maxConnectors - maxSurge
	// MaxTunnelName is the longest [CloudflareTunnelArgs.TunnelName], in characters. It
	// leaves room for the rotation's label and the suffix.
	MaxTunnelName = 40
	// DefaultAutoscalingCPU is half of what a connector may use by default. With another
	// limit, half of that is the default.
	DefaultAutoscalingCPU = "500m"
	// DefaultScrapeInterval is that of most installations of Prometheus.
	DefaultScrapeInterval = "30s"

	// maxConnectors follows from Cloudflare's limit of 100 connections to a
	// tunnel and the four that each cloudflared holds.
	maxConnectors = 25
	// maxSurge is the number of connectors that a rolling update adds at a time.
	maxSurge = 1
	// maxDraining is how many connectors go on serving after a rolling update has told
	// them to stop: it stops the next one after minReadySeconds at the earliest.
	maxDraining = (drainSeconds + minReadySeconds - 1) / minReadySeconds
	// roomyReplicas is the largest number with which a rolling update has no more than
	// maxConnectors, unless those that stop still have requests to finish.
	roomyReplicas = MaxReplicas - maxDraining
)

// connectorLimit explains MaxReplicas in messages.
var connectorLimit = fmt.Sprintf("Cloudflare allows %d connectors for a tunnel, and rolling updates need one of them", maxConnectors)

// Times in seconds. They belong together: a pod that is told to stop goes on
// serving for drainSeconds, then refuses new requests and finishes those in
// flight within the connector's grace period, and is killed after both and some slack.
const (
	// drainSeconds is how long an outgoing connector goes on serving, so that
	// every data centre has seen a changed record before it stops.
	drainSeconds = 15
	// slackSeconds is the time that a container may take to end.
	slackSeconds = 15
	// minReadySeconds covers the time that Cloudflare's network needs to use
	// a connector that has just registered.
	minReadySeconds = 10
)

// Seconds that `pulumi up` waits for the connectors before it fails: time to
// pull the image on a small node with a slow uplink, and then for each connector
// to start, register and be ready for minReadySeconds, one after the other.
const (
	pullSeconds         = 180
	perConnectorSeconds = 60
)

// Resources of a connector, see ResourcesArgs.
var (
	defaultRequests = map[string]string{"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "16Mi"}
	defaultLimits   = map[string]string{"cpu": "1", "memory": "256Mi", "ephemeral-storage": "256Mi"}
)

// defaultNodeSelector is what cloudflared's image runs on.
var defaultNodeSelector = map[string]string{"kubernetes.io/os": "linux"}

// defaultEdge are the ranges in which cloudflared finds Cloudflare's edge. See
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/configure-tunnels/tunnel-with-firewall/
var defaultEdge = []string{"198.41.192.0/24", "198.41.200.0/24", "2606:4700:a0::/48", "2606:4700:a8::/48"}

// usEdge are those of data centres in the United States, see
// [ConnectorArgs.Region].
var usEdge = []string{"198.41.218.0/24", "198.41.219.0/24", "2606:4700:a1::/48", "2606:4700:a9::/48"}

// defaultDNS is how kubeadm, k3s and the managed clusters label their DNS.
var defaultDNS = []PeerArgs{{Namespace: "kube-system", Pods: map[string]string{"k8s-app": "kube-dns"}}}

// withDefaults returns a copy with defaults, but for those that are cloudflared's own, such as the log's
// level. Autoscaling and Monitoring stay nil when they are off.
func (a CloudflareTunnelArgs) withDefaults(component string) *CloudflareTunnelArgs {
	a.TunnelName = cmp.Or(a.TunnelName, component)
	a.Origin = cmp.Or(a.Origin, DefaultOrigin)
	a.Image = cmp.Or(a.Image, DefaultImage)
	a.Replicas = cmp.Or(a.Replicas, DefaultReplicas)
	a.OriginRequest = copyOf(a.OriginRequest)
	if a.OriginRequest.KeepAliveTimeout == nil {
		a.OriginRequest.KeepAliveTimeout = new(cloudflared.DefaultKeepAliveTimeout)
	}
	a.Pod = copyOf(a.Pod)
	selector := maps.Clone(defaultNodeSelector)
	maps.Copy(selector, a.Pod.NodeSelector)
	a.Pod.NodeSelector = selector
	a.Pod.Resources = copyOf(a.Pod.Resources)
	a.Pod.Resources.Requests = mergeQuantities(defaultRequests, a.Pod.Resources.Requests)
	a.Pod.Resources.Limits = mergeQuantities(defaultLimits, a.Pod.Resources.Limits)
	a.NetworkPolicy = copyOf(a.NetworkPolicy)
	if len(a.NetworkPolicy.Edge) == 0 {
		a.NetworkPolicy.Edge = slices.Clone(defaultEdge)
		if a.Connector != nil && a.Connector.Region == "us" {
			a.NetworkPolicy.Edge = slices.Clone(usEdge)
		}
	}
	a.Connector = a.Connector.withDefaults(a.NetworkPolicy.Edge)
	if len(a.NetworkPolicy.DNS) == 0 {
		a.NetworkPolicy.DNS = slices.Clone(defaultDNS)
	}
	if a.Autoscaling != nil {
		a.Autoscaling = copyOf(a.Autoscaling)
		a.Autoscaling.CPU = cmp.Or(a.Autoscaling.CPU, halfOf(a.Pod.Resources.Limits["cpu"]), DefaultAutoscalingCPU)
	}
	if a.Monitoring != nil && a.Monitoring.PodMonitor != nil {
		a.Monitoring = copyOf(a.Monitoring)
		a.Monitoring.PodMonitor = copyOf(a.Monitoring.PodMonitor)
		a.Monitoring.PodMonitor.Interval = cmp.Or(a.Monitoring.PodMonitor.Interval, DefaultScrapeInterval)
	}
	return &a
}

// withDefaults returns a copy with defaults. edge are the ranges that the network
// policy allows.
func (c *ConnectorArgs) withDefaults(edge []string) *ConnectorArgs {
	c = copyOf(c)
	c.Protocol = cmp.Or(c.Protocol, "auto")
	c.EdgeIPVersion = cmp.Or(c.EdgeIPVersion, edgeIPVersion(edge))
	c.GracePeriod = cmp.Or(c.GracePeriod, cloudflared.DefaultGracePeriod)
	return c
}

// copyOf returns a shallow copy, and an empty value for nil: the arguments that
// were passed in stay the caller's.
func copyOf[T any](value *T) *T {
	if value == nil {
		return new(T)
	}
	return new(*value)
}

// deref returns what a pointer points to, or a default for nil.
func deref[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}

// halfOf returns half of a limit of cpu, and nothing without a limit that has a half.
func halfOf(limit string) string {
	cpu, err := resource.ParseQuantity(limit)
	if err != nil || cpu.MilliValue() < 2 {
		return ""
	}
	return resource.NewMilliQuantity(cpu.MilliValue()/2, resource.DecimalSI).String()
}

// mergeQuantities returns the defaults with overrides; an empty quantity removes
// a default.
func mergeQuantities(defaults, overrides map[string]string) map[string]string {
	merged := maps.Clone(defaults)
	maps.Copy(merged, overrides)
	maps.DeleteFunc(merged, func(_, quantity string) bool { return quantity == "" })
	return merged
}
