package components

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/cloudflared"
)

// ConnectorArgs say how cloudflared itself runs. Its other options are decided by the
// component, or belong to [CloudflareTunnelArgs.OriginRequest].
type ConnectorArgs struct {
	// Protocol is what connectors talk to Cloudflare: quic, which needs UDP, http2,
	// which needs TCP, or auto. auto begins with what Cloudflare asks for, and tries
	// HTTP/2 where QUIC doesn't get through. The port is 7844 in any case. Defaults
	// to auto.
	Protocol string `pulumi:"protocol"`
	// EdgeIPVersion is the kind of address at which connectors look for Cloudflare:
	// 4, 6, or auto, which means whichever the node has. If networkPolicy.edge has
	// ranges of one kind only, that kind is the default. Defaults to auto.
	EdgeIPVersion string `numeric:"true" pulumi:"edgeIPVersion"`
	// Region restricts the data centres that connectors connect to: us, or all when
	// unset.
	Region string `pulumi:"region"`
	// PostQuantum refuses connections to Cloudflare whose key exchange isn't secure
	// against quantum computers, which is only preferred otherwise. Before cloudflared
	// 2026.5.0, it needs QUIC. Defaults to false.
	PostQuantum bool `pulumi:"postQuantum"`
	// DisablePathMTUDiscovery sends small QUIC packets, for networks that lose large
	// ones. Defaults to false.
	DisablePathMTUDiscovery bool `pulumi:"disablePathMTUDiscovery"`
	// GracePeriod is how long a stopping connector finishes its requests, in whole
	// seconds, such as 1m30s, at most 3m. Requests that take longer are cut. Before
	// that, it goes on serving for 15 seconds. Defaults to 30s.
	GracePeriod string `pulumi:"gracePeriod"`
	// LogLevel is the least severe level that is logged: debug, info, warn, error or
	// fatal. debug logs the headers of each request, cookies included. Defaults to
	// info.
	LogLevel string `pulumi:"logLevel"`
	// TransportLogLevel is the level for what connectors and Cloudflare say to each
	// other. Defaults to info.
	TransportLogLevel string `pulumi:"transportLogLevel"`
	// LogFormat is the format of the log: text, or json, which needs cloudflared 2025.6.1
	// or later. Defaults to text.
	LogFormat string `pulumi:"logFormat"`
}

// The values of a ConnectorArgs's fields.
var (
	protocols  = []string{"auto", "quic", "http2"}
	ipVersions = []string{"auto", "4", "6"}
	regions    = []string{"", "us"}
	logLevels  = []string{"", "debug", "info", "warn", "error", "fatal"}
	logFormats = []string{"", "text", "json"}
)

func validateConnector(path string, args *CloudflareTunnelArgs) error {
	c := args.Connector
	var problems []error
	for _, field := range []struct {
		name, value string
		allowed     []string
	}{
		{"protocol", c.Protocol, protocols},
		{"edgeIPVersion", c.EdgeIPVersion, ipVersions},
		{"region", c.Region, regions},
		{"logLevel", c.LogLevel, logLevels},
		{"transportLogLevel", c.TransportLogLevel, logLevels},
		{"logFormat", c.LogFormat, logFormats},
	} {
		if !slices.Contains(field.allowed, field.value) {
			values := slices.DeleteFunc(slices.Clone(field.allowed), func(v string) bool { return v == "" })
			problems = append(problems, fmt.Errorf("%s.%s: %q is not allowed; use %s, or remove it", path, field.name, field.value, strings.Join(values, ", ")))
		}
	}
	if release := args.release(); c.PostQuantum && c.Protocol == "http2" && release != "" && isOlder(release, oldestWithPostQuantumHTTP2) {
		problems = append(problems, fmt.Errorf("%s.postQuantum: needs QUIC in cloudflared %s, but %s.protocol is http2; remove one of them, or use an image of %s or later",
			path, release, path, oldestWithPostQuantumHTTP2))
	}
	if reachable := edgeIPVersion(args.NetworkPolicy.Edge); slices.Contains(ipVersions, c.EdgeIPVersion) && reachable != "auto" && c.EdgeIPVersion != reachable {
		problems = append(problems, fmt.Errorf("%s.edgeIPVersion: %s doesn't fit networkPolicy.edge, which has ranges of IPv%s only; correct one of them", path, c.EdgeIPVersion, reachable))
	}
	return errors.Join(append(problems, validateGracePeriod(path+".gracePeriod", c.GracePeriod))...)
}

// edgeIPVersion is the kind of address at which connectors look for the edge: both,
// unless the policy lets them reach one only. They would try the other one for
// minutes.
func edgeIPVersion(edge []string) string {
	is6 := func(cidr string) bool { return strings.Contains(cidr, ":") }
	switch {
	case !slices.ContainsFunc(edge, is6):
		return "4"
	case !slices.ContainsFunc(edge, func(cidr string) bool { return !is6(cidr) }):
		return "6"
	}
	return "auto"
}

func validateGracePeriod(path, period string) error {
	switch parsed, err := time.ParseDuration(period); {
	case err != nil:
		return fmt.Errorf("%s: %q is not a duration, such as 30s or 1m30s", path, period)
	case parsed < time.Second || parsed > cloudflared.MaxGracePeriod || parsed%time.Second != 0:
		return fmt.Errorf("%s: %s is not a whole number of seconds up to %s, cloudflared's limit", path, period, cloudflared.MaxGracePeriod)
	}
	return nil
}

// graceSeconds is the grace period of valid arguments.
func (c *ConnectorArgs) graceSeconds() int {
	period, _ := time.ParseDuration(c.GracePeriod)
	return int(period.Seconds())
}

// terminationSeconds is the pod's termination grace period: the pod goes on serving
// for drainSeconds, finishes its requests in the grace period, and has some slack.
func (c *ConnectorArgs) terminationSeconds() int {
	return drainSeconds + c.graceSeconds() + slackSeconds
}

// environment is what cloudflared doesn't read from its configuration file.
func (c *ConnectorArgs) environment() corev1.EnvVarArray {
	if c.LogFormat != "json" {
		return nil
	}
	return corev1.EnvVarArray{&corev1.EnvVarArgs{Name: pulumi.String("TUNNEL_LOG_OUTPUT"), Value: pulumi.String("json")}}
}
