package components

import "cmp"

const (
	// DefaultImage is the cloudflared that this project is tested with.
	DefaultImage = "cloudflare/cloudflared:2026.3.0"
	// DefaultOrigin is the Service that a standard ingress-nginx installation
	// creates.
	DefaultOrigin = "http://ingress-nginx-controller.ingress-nginx"
	// DefaultReplicas keeps the names served while a node or a pod is away.
	DefaultReplicas = 2
	// MaxReplicas is maxConnectors less the one that a rolling update adds.
	MaxReplicas = maxConnectors - maxSurge

	// maxConnectors follows from Cloudflare's limit of 100 connections a
	// tunnel and the four that each cloudflared holds.
	maxConnectors = 25
	// maxSurge is the number of connectors a rolling update adds at a time.
	maxSurge = 1
)

// Times in seconds. They belong together: a pod that is told to stop goes on
// serving for drainSeconds, then refuses new requests and finishes those in
// flight within graceSeconds, and is killed after both and some slack.
const (
	// drainSeconds is how long an outgoing connector goes on serving, so that
	// every data centre has seen a changed record before it leaves.
	drainSeconds = 15
	// graceSeconds is cloudflared's own grace period, its default.
	graceSeconds = 30
	// terminationSeconds is the pod's termination grace period.
	terminationSeconds = drainSeconds + graceSeconds + 15
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

// withDefaults returns a copy in which everything optional is set.
func (a CloudflareTunnelArgs) withDefaults(name string) *CloudflareTunnelArgs {
	a.TunnelName = cmp.Or(a.TunnelName, name)
	a.Origin = cmp.Or(a.Origin, DefaultOrigin)
	a.Image = cmp.Or(a.Image, DefaultImage)
	a.Replicas = cmp.Or(a.Replicas, DefaultReplicas)
	a.NetworkPolicy = a.NetworkPolicy.withDefaults()
	if a.Autoscaling != nil {
		scaling := *a.Autoscaling
		scaling.CPU = cmp.Or(scaling.CPU, DefaultAutoscalingCPU)
		a.Autoscaling = &scaling
	}
	return &a
}
