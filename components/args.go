package components

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/cloudflared"
	"k8s-tunnel/components/internal/validate"
	"k8s-tunnel/components/names"
	"k8s-tunnel/components/settings"
)

// CloudflareTunnelArgs are the arguments of a CloudflareTunnel. All of them are validated, and
// used, before anything is declared, so the inputs among them, ZoneID and AccountID, have
// to be known by then.
//
// The comments of the fields are also the reference of the program's settings,
// see package internal/reference. The tags name the settings and the component's inputs.
type CloudflareTunnelArgs struct {
	// Domain is a name that leads to the cluster together with its wildcard:
	// example.com and *.example.com. It is a Cloudflare zone, or lies below one, as
	// dev.example.com does. Required, unless
	// [CloudflareTunnelArgs.Hostnames] are set.
	Domain string `pulumi:"domain"`
	// Hostnames are names that lead to the cluster, in full; a leading *. stands for
	// all names below. With [CloudflareTunnelArgs.Domain], they are further names: in
	// other zones, names that already have a DNS record, and names below one of those,
	// because a DNS wildcard ends at a name that exists. Without [CloudflareTunnelArgs.Domain], the stack serves these names
	// only. Each gets a record, in the zone that it lies in.
	Hostnames []string `pulumi:"hostnames"`
	// API says how to reach Cloudflare's API, as the provider does. Required. It
	// isn't recorded, because it contains the token.
	API *APIArgs
	// ZoneID is the ID of a zone, used for every name that lies in it, a pulumi.String.
	// Other names, and all names when unset, get the longest fitting zone that the token
	// sees.
	ZoneID pulumi.StringInput `pulumi:"zoneId"`
	// AccountID is the identifier of the account that owns the tunnel and the zones,
	// a pulumi.String. The account of the first name's zone when unset.
	AccountID pulumi.StringInput `pulumi:"accountId"`
	// AllowTakeover allows the stack to take names that lead to another stack's
	// tunnel, which are an error otherwise. CNAME records made by hand are taken
	// over in any case, with a warning. Defaults to false.
	AllowTakeover bool `pulumi:"allowTakeover"`

	// TunnelName begins the tunnel's name in Cloudflare's dashboard. The label of
	// the rotation and a random suffix follow, because names are unique in an
	// account. Lower-case letters, digits and inner hyphens, at most [MaxTunnelName]
	// characters. Defaults to the component's name. Another name replaces almost
	// everything: when you rename the component, set this to its former name.
	TunnelName string `pulumi:"tunnelName"`
	// Rotation is a label for the tunnel's secret, such as 2026-11. Any new value
	// replaces the secret, the tunnel and the connectors, new before old.
	// Letters, digits and inner dots and hyphens, at most 32 characters.
	Rotation string `pulumi:"rotation"`
	// ExistingTunnel is the ID of a tunnel made by hand. The connectors serve it
	// instead of a tunnel that belongs to the stack; it is never changed or
	// deleted. Each connector of a tunnel gets requests for all of its names, so
	// stacks and components that share one need the same rules. Can't be combined
	// with [CloudflareTunnelArgs.Rotation].
	ExistingTunnel string `pulumi:"existingTunnel"`

	// Origin is the service for all requests that no rule of
	// [CloudflareTunnelArgs.Ingress] matches, as scheme://host[:port] without a
	// path. A Service has to exist before the first preview, unless
	// [NetworkPolicyArgs.Origins] lists its pods. A program that creates the
	// Service itself does so, and gives it a fixed name. Defaults to [DefaultOrigin].
	Origin string `pulumi:"origin"`
	// Ingress are rules that are tried before [CloudflareTunnelArgs.Origin], in
	// this order. If the last one matches everything, it replaces the origin.
	Ingress []IngressRule `pulumi:"ingress"`
	// OriginRequest says how cloudflared talks to the services. The rules of
	// [CloudflareTunnelArgs.Ingress] can override each field.
	OriginRequest *OriginRequest `pulumi:"originRequest"`

	// Namespace is an existing namespace for the connectors. When unset, the stack
	// creates a namespace, and deletes it on destroy.
	Namespace string `pulumi:"namespace"`
	// Image is the image of cloudflared, 2024.10.1 or later, with a tag or a
	// digest. Older versions drop requests when a pod stops, or break POST requests
	// without a body. Defaults to [DefaultImage].
	Image string `pulumi:"image"`
	// Replicas is the number of connectors, 1 to [MaxReplicas]. Defaults to
	// [DefaultReplicas].
	Replicas int `pulumi:"replicas"`
	// Connector says how the connectors' cloudflared runs.
	Connector *ConnectorArgs `pulumi:"connector"`
	// Pod says where the connectors run and which resources they get.
	Pod *PodArgs `pulumi:"pod"`
	// Files are ConfigMaps and Secrets that the connectors mount, such as that with
	// the file of originRequest.caPool.
	Files []FileArgs `pulumi:"files"`
	// ExistingPaths are files, and directories with all below, that the connectors'
	// containers have without [CloudflareTunnelArgs.Files]: those of an image of your
	// own, and volumes that your program adds to the pods. Any other file that a rule
	// names is an error.
	ExistingPaths []string `pulumi:"existingPaths"`
	// Autoscaling lets the cluster add connectors to [CloudflareTunnelArgs.Replicas].
	// Off when unset, as Cloudflare advises: a connector that stops ends its
	// long-lived connections. It needs a metrics server in the cluster.
	Autoscaling *AutoscalingArgs `pulumi:"autoscaling"`
	// NetworkPolicy says what the connectors may reach, and who may scrape their
	// metrics.
	NetworkPolicy *NetworkPolicyArgs `pulumi:"networkPolicy"`
	// Monitoring adds objects for Prometheus and Grafana.
	Monitoring *MonitoringArgs `pulumi:"monitoring"`

	found *found       // result of the last Check
	hosts []names.Host // the names with their zones, set by identified
}

// The arguments about cloudflared itself, which package cloudflared describes.
type (
	// IngressRule passes requests to a service.
	IngressRule = cloudflared.IngressRule
	// OriginRequest says how cloudflared talks to a service.
	OriginRequest = cloudflared.OriginRequest
	// IPRule allows or denies destinations of a SOCKS proxy.
	IPRule = cloudflared.IPRule
	// Access is the check of Cloudflare Access's token.
	Access = cloudflared.Access
)

// rotationPattern is what both a tunnel's name and a Kubernetes label value accept.
var rotationPattern = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,30}[A-Za-z0-9])?$`)

var tunnelNamePattern = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]*[a-z0-9])?$`)

// anyName is a valid name of a component, where the name doesn't matter.
const anyName = "component"

// Validate reports every problem with the arguments at once, each starting with
// the argument that it is about. Optional arguments may be unset, and so may API:
// Validate asks nothing. An unset TunnelName is only checked when the component is made,
// because it is the component's name then.
func (a *CloudflareTunnelArgs) Validate() error { return a.withDefaults(anyName).validate() }

// validate is Validate for arguments with defaults.
func (a *CloudflareTunnelArgs) validate() error {
	return errors.Join(
		a.names().Validate(),
		validateIdentifier("zoneId", a.ZoneID),
		validateIdentifier("accountId", a.AccountID),
		validateTunnelName("tunnelName", a.TunnelName),
		validateRotation("rotation", a.Rotation),
		validateExistingTunnel("existingTunnel", a),
		a.routing().Validate(),
		validateNamespace("namespace", a.Namespace),
		validateImage("image", a.Image),
		validateReplicas("replicas", a.Replicas),
		validateConnector("connector", a),
		validatePod("pod", a),
		validateFiles("files", a),
		validateAutoscaling("autoscaling", a),
		validateNetworkPolicy("networkPolicy", a),
		validateMonitoring("monitoring", a),
	)
}

// names are the names that lead to the cluster.
func (a *CloudflareTunnelArgs) names() names.Set {
	return names.Set{Domain: a.Domain, Hostnames: a.Hostnames}.ASCII()
}

// routing says where cloudflared passes requests to.
func (a *CloudflareTunnelArgs) routing() cloudflared.Routing {
	return cloudflared.Routing{Origin: a.Origin, Ingress: a.Ingress, OriginRequest: a.OriginRequest}
}

// warnings are about what is accepted, but may disappoint.
func (a *CloudflareTunnelArgs) warnings() []string {
	var ingress []string
	for _, rule := range a.Ingress {
		ingress = append(ingress, rule.Hostname)
	}
	all := slices.Concat(names.Warnings(a.hosts, a.found.Others, ingress, a.found.Kinds), a.NetworkPolicy.closedPorts(a.routing().Destinations()),
		a.routing().Warnings(), a.roomWarnings(), a.imageWarnings())
	said := map[string]bool{}
	return slices.DeleteFunc(all, func(warning string) bool { return repeats(said, warning) })
}

// repeats reports whether a message was said of another argument already, and notes it. Many
// rules may share a cause, and the first one that has it is enough to find it.
func repeats(said map[string]bool, message string) bool {
	_, cause, _ := strings.Cut(message, ": ")
	repeated := said[cause]
	said[cause] = true
	return repeated
}

// roomWarnings are about so many connectors that a rolling update may have more than
// a tunnel can have.
func (a *CloudflareTunnelArgs) roomWarnings() []string {
	path, most := a.mostReplicas()
	if most <= roomyReplicas {
		return nil
	}
	return []string{fmt.Sprintf("%s: %d leaves rolling updates too little room: Cloudflare allows %d connectors for a tunnel, and those that stop stay connected for %d seconds and more, in which new ones may be refused; use up to %d",
		path, most, maxConnectors, drainSeconds, roomyReplicas)}
}

func validateAPI(path string, api *APIArgs) error {
	if api == nil || api.APIToken == "" {
		return fmt.Errorf("%s: has no API token; it is the one of the Cloudflare provider", path)
	}
	return errors.Join(
		api.Validate(path+".apiHostname", path+".apiBasePath"),
		validateNotNegative(path+".rps", api.RPS),
		validateNotNegative(path+".retries", api.Retries),
	)
}

func validateNotNegative(path string, number int) error {
	if number < 0 {
		return fmt.Errorf("%s: %d is negative; leave it out for the default", path, number)
	}
	return nil
}

func validateTunnelName(path, name string) error {
	if len(name) > MaxTunnelName || !tunnelNamePattern.MatchString(name) {
		return fmt.Errorf("%s: %q is not made of lower-case letters, digits and inner hyphens, at most %d characters", path, name, MaxTunnelName)
	}
	return nil
}

func validateRotation(path, label string) error {
	if label != "" && !rotationPattern.MatchString(label) {
		return fmt.Errorf("%s: %q is not made of letters, digits and inner dots and hyphens, at most 32 characters; use a label such as 2026-11", path, label)
	}
	return nil
}

// validateNamespace checks the name of a namespace that may be unset.
func validateNamespace(path, name string) error {
	if name == "" {
		return nil
	}
	return validate.Namespace(path, name)
}

func validateReplicas(path string, replicas int) error {
	switch {
	case replicas < 0:
		return fmt.Errorf("%s: %d is negative; use 1 to %d", path, replicas, MaxReplicas)
	case replicas > MaxReplicas:
		return fmt.Errorf("%s: %d is too many; %s, so use 1 to %d", path, replicas, connectorLimit, MaxReplicas)
	}
	return nil
}

// recordedIfSet are the arguments that came after the first stacks had recorded their
// inputs. Recording their empty values would change every existing stack, so every new
// argument belongs here.
var recordedIfSet = []string{"connector", "files", "existingPaths"}

// recorded returns what the engine records as the component's inputs: every argument
// with a tag, under its name, but for the permission to take names, which changes
// nothing by itself. Blocks are recorded without their defaults, apart from those
// that stacks have recorded with them. The zones beside the domain's are recorded,
// although they are looked up.
func (a *CloudflareTunnelArgs) recorded(given *CloudflareTunnelArgs) pulumi.Map {
	args := *a
	args.OriginRequest, args.Pod, args.Monitoring = given.OriginRequest, given.Pod, given.Monitoring
	args.Connector = given.Connector
	inputs := pulumi.Map{}
	value := reflect.ValueOf(args)
	for i := range value.NumField() {
		name, argument := value.Type().Field(i).Tag.Get(settings.Tag), value.Field(i)
		if name == "" || slices.Contains(recordedIfSet, name) && isEmpty(argument) {
			continue
		}
		inputs[name] = toInput(argument.Interface())
	}
	delete(inputs, "allowTakeover")
	inputs["zones"] = pulumi.StringMap(a.zonesBesideDomain())
	return inputs
}

func isEmpty(argument reflect.Value) bool {
	return argument.IsZero() || argument.Kind() == reflect.Slice && argument.Len() == 0
}

func toInput(value any) pulumi.Input {
	switch value := value.(type) {
	case pulumi.Input:
		return value
	case []string:
		return pulumi.ToStringArray(value)
	}
	return pulumi.Any(value)
}
