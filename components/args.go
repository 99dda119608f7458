package components

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// CloudflareTunnelArgs are the arguments of a CloudflareTunnel. Plain fields
// are validated and decide what exists; inputs are only handed on.
type CloudflareTunnelArgs struct {
	// Domain is the name of the Cloudflare zone, such as example.com. Both
	// it and its wildcard, *.example.com, lead to the cluster. Required.
	Domain string `pulumi:"domain"`
	// ZoneID is the zone's identifier. Required.
	ZoneID pulumi.StringInput `pulumi:"zoneId"`
	// AccountID is the identifier of the account that owns the tunnel.
	// Required.
	AccountID pulumi.StringInput `pulumi:"accountId"`

	// TunnelName is the first part of the tunnel's name; the rotation's label
	// and a random suffix follow, as names are unique in an account. Lower-case
	// letters, digits and inner hyphens, at most 40 characters. Defaults to the
	// component's name.
	TunnelName string `pulumi:"tunnelName"`
	// Rotation is a label for the present generation of the tunnel's secret,
	// such as 2026-11. A new value, whatever it is, replaces the secret, the
	// tunnel, and all that belongs to them. Letters, digits and inner dots and
	// hyphens, at most 32 characters. Empty by default.
	Rotation string `pulumi:"rotation"`
	// ExistingTunnel is the ID of a tunnel that was made by hand, for those who
	// must keep it: the component then runs connectors of that tunnel and points
	// the names at it, but neither changes nor deletes it. Without it, the
	// component makes a tunnel of its own; taking it away is a rotation. Conflicts
	// with Rotation. Empty by default.
	ExistingTunnel string `pulumi:"existingTunnel"`
	// LostTunnel is the ID of the component's own tunnel if that was deleted by
	// somebody else, which a program has to find out: the provider doesn't notice.
	// The component then lets go of it and changes nothing else; declared without
	// LostTunnel after that, it makes a new tunnel. Empty by default.
	LostTunnel string `pulumi:"lostTunnel"`

	// Origin is the service that every request is handed to which no rule of
	// Ingress matches, as scheme://host[:port] without a path. Defaults to
	// DefaultOrigin.
	Origin string `pulumi:"origin"`
	// Ingress are rules that come before Origin, in this order. A last rule
	// that matches everything takes Origin's place.
	Ingress []IngressRule `pulumi:"ingress"`
	// OriginRequest is the default of every rule's OriginRequest, and Origin's.
	OriginRequest *OriginRequest `pulumi:"originRequest"`

	// Hostnames are further names that get a record of their own. In Domain a
	// name needs one only where the wildcard doesn't reach: when it has a CNAME
	// to elsewhere already, which is then taken over. Every name in one of
	// Zones needs one. Full names; one may begin with *. for all below it.
	Hostnames []string `pulumi:"hostnames"`
	// Zones are the further zones that Hostnames lie in, by name, with their
	// identifiers. They have to be in the tunnel's account.
	Zones map[string]pulumi.StringInput `pulumi:"zones"`

	// Namespace is the name of an existing namespace for the connectors. When
	// empty, the component creates a namespace of its own, which it deletes
	// again on destroy.
	Namespace string `pulumi:"namespace"`
	// Image is cloudflared's image, with a tag or a digest. Defaults to
	// DefaultImage. The image's version has to be 2024.10.0 or later: older
	// ones drop requests in flight when a pod stops.
	Image string `pulumi:"image"`
	// Replicas is the number of connectors, 1 to MaxReplicas. Defaults to
	// DefaultReplicas.
	Replicas int `pulumi:"replicas"`
	// Pod says where connectors run and what they may use.
	Pod *PodArgs `pulumi:"pod"`
	// Autoscaling lets the cluster add connectors to Replicas. Off by default.
	Autoscaling *AutoscalingArgs `pulumi:"autoscaling"`
	// NetworkPolicy changes what the connectors may reach, which is by default
	// the cluster's DNS, Cloudflare's edge and the pods behind the origins.
	NetworkPolicy *NetworkPolicyArgs `pulumi:"networkPolicy"`
	// Monitoring is what Prometheus and Grafana need. Off by default.
	Monitoring *MonitoringArgs `pulumi:"monitoring"`
}

var (
	dnsLabel      = `[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?`
	domainPattern = regexp.MustCompile(`^(` + dnsLabel + `\.)+` + dnsLabel + `$`)
	labelPattern  = regexp.MustCompile(`^` + dnsLabel + `$`)
	// rotationPattern is what a Kubernetes label value and a tunnel's name
	// both take.
	rotationPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,30}[A-Za-z0-9])?$`)
	// imagePattern is an image reference that ends in a tag, a digest or both.
	imagePattern = regexp.MustCompile(`^[a-z0-9][a-zA-Z0-9._:/-]*[a-zA-Z0-9](:[A-Za-z0-9_][A-Za-z0-9._-]{0,127}|(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?@sha256:[a-f0-9]{64})$`)
)

// Validate reports every problem of the arguments at once, joined, each
// starting with the property it is about. It takes the arguments as a user
// wrote them: what is left empty has a default and is not reported, except for
// what is required.
func (a *CloudflareTunnelArgs) Validate() error {
	return errors.Join(
		ValidateDomain("domain", a.Domain),
		required("zoneId", a.ZoneID),
		required("accountId", a.AccountID),
		a.requiredZones(),
		a.ValidateSettings(),
	)
}

// ValidateSettings is Validate without the domain and its identifiers, for a
// program that has to look these up: so that it can report bad settings before
// it asks Cloudflare anything.
func (a *CloudflareTunnelArgs) ValidateSettings() error {
	return errors.Join(
		matches("tunnelName", a.TunnelName, labelPattern, 40, "lower-case letters, digits and inner hyphens"),
		matches("rotation", a.Rotation, rotationPattern, 32, "letters, digits and inner dots and hyphens, such as 2026-11"),
		validateExistingTunnel("existingTunnel", a),
		validateLostTunnel("lostTunnel", a),
		validateOrigin("origin", a.Origin),
		validateIngress(a),
		validateHostnames(a),
		matches("namespace", a.Namespace, labelPattern, 63, "the name of an existing namespace: lower-case letters, digits and inner hyphens"),
		validateImage("image", a.Image),
		validateReplicas("replicas", a.Replicas),
		validatePod("pod", a),
		validateAutoscaling("autoscaling", a),
		validateNetworkPolicy("networkPolicy", a),
		validateMonitoring("monitoring", a),
	)
}

// ValidateDomain reports what is wrong with the name of a zone.
func ValidateDomain(path, domain string) error {
	lower := strings.ToLower(strings.TrimSuffix(domain, "."))
	switch {
	case domain == "":
		return fmt.Errorf("%s: not set; it is the name of your Cloudflare zone, such as example.com", path)
	case strings.Contains(domain, "://") || strings.Contains(domain, "/"):
		return fmt.Errorf("%s: %q is a URL; give the zone's bare name, such as example.com", path, domain)
	case strings.HasPrefix(domain, "*."):
		return fmt.Errorf("%s: %q is a wildcard; give the zone's name, %q: its wildcard is included", path, domain, domain[2:])
	case lower != domain && domainPattern.MatchString(lower):
		return fmt.Errorf("%s: %q has to be in lower case without a final dot: %q", path, domain, lower)
	case len(domain) > 253 || !domainPattern.MatchString(domain):
		return fmt.Errorf("%s: %q is not a domain name, such as example.com (write an internationalised one in its xn-- form)", path, domain)
	}
	return nil
}

func validateImage(path, image string) error {
	if image == "" || imagePattern.MatchString(image) {
		return nil
	}
	return fmt.Errorf("%s: %q is not an image reference with a tag or a digest, such as %s", path, image, DefaultImage)
}

func validateReplicas(path string, replicas int) error {
	switch {
	case replicas < 0:
		return fmt.Errorf("%s: %d is negative; use 1 to %d", path, replicas, MaxReplicas)
	case replicas > MaxReplicas:
		return fmt.Errorf("%s: %d is too many; a tunnel takes at most %d connectors, one of which is kept free for rolling updates, so use 1 to %d",
			path, replicas, maxConnectors, MaxReplicas)
	}
	return nil
}

func matches(path, value string, pattern *regexp.Regexp, most int, want string) error {
	if value == "" || len(value) <= most && pattern.MatchString(value) {
		return nil
	}
	return fmt.Errorf("%s: %q is not %s, at most %d characters", path, value, want, most)
}

func required(path string, value pulumi.StringInput) error {
	if value == nil {
		return fmt.Errorf("%s: not set", path)
	}
	return nil
}

// inputs is what the engine records as the component's own inputs.
func (a *CloudflareTunnelArgs) inputs() pulumi.Map {
	return pulumi.Map{
		"domain":         pulumi.String(a.Domain),
		"zoneId":         a.ZoneID,
		"accountId":      a.AccountID,
		"tunnelName":     pulumi.String(a.TunnelName),
		"rotation":       pulumi.String(a.Rotation),
		"existingTunnel": pulumi.String(a.ExistingTunnel),
		"lostTunnel":     pulumi.String(a.LostTunnel),
		"origin":         pulumi.String(a.Origin),
		"ingress":        pulumi.Any(a.Ingress),
		"originRequest":  pulumi.Any(a.OriginRequest),
		"hostnames":      pulumi.ToStringArray(a.Hostnames),
		"zones":          pulumi.StringMap(a.Zones),
		"namespace":      pulumi.String(a.Namespace),
		"image":          pulumi.String(a.Image),
		"replicas":       pulumi.Int(a.Replicas),
		"pod":            pulumi.Any(a.Pod),
		"autoscaling":    pulumi.Any(a.Autoscaling),
		"networkPolicy":  pulumi.Any(a.NetworkPolicy),
		"monitoring":     pulumi.Any(a.Monitoring),
	}
}
