package cloudflared

import (
	"fmt"
	"time"

	"go.yaml.in/yaml/v3"
)

// Where cloudflared finds its files in the container, and where it answers
// probes and scrapes.
const (
	ConfigDir       = "/etc/cloudflared/config"
	ConfigFile      = "config.yaml"
	CredentialsDir  = "/etc/cloudflared/credentials"
	CredentialsFile = "credentials.json"

	// MetricsPort serves /ready and /metrics. cloudflared's own default differs
	// between versions and may be a random port, so it is always set.
	MetricsPort = 2000
)

// DefaultKeepAliveTimeout is the default of [OriginRequest.KeepAliveTimeout].
// cloudflared's own 90 seconds are longer than nginx, ingress-nginx or Traefik
// wait for a request on a connection that never carried one (60 seconds), or
// ingress-nginx for the next one (75 seconds). A POST that is sent while the
// origin hangs up can't be retried, and its visitor gets a 502.
const DefaultKeepAliveTimeout = "30s"

// edgeRetries bounds the wait before a connection to the edge is retried: ten
// seconds, doubled for each retry. With cloudflared's own five retries it can
// exceed five minutes, which would follow each outage of a few minutes. With one, a
// single refusal at the start, as of a new tunnel that isn't known everywhere yet, would
// make all connections use HTTP/2.
const edgeRetries = 2

// DefaultGracePeriod is cloudflared's own default of how long it finishes requests,
// and MaxGracePeriod the longest that it accepts.
const (
	DefaultGracePeriod = "30s"
	MaxGracePeriod     = 3 * time.Minute
)

// Config is cloudflared's configuration file, in the order in which it is written. Empty
// values are cloudflared's own defaults. What [Config.YAML] sets is the same in every file. See
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/do-more-with-tunnels/local-management/configuration-file/
type Config struct {
	// TunnelID is the tunnel's UUID.
	TunnelID string `yaml:"tunnel"`
	// CredentialsFile, Metrics and NoAutoupdate are set by YAML.
	CredentialsFile string `yaml:"credentials-file"`
	Metrics         string `yaml:"metrics"`
	NoAutoupdate    bool   `yaml:"no-autoupdate"`
	// Protocol is auto, quic or http2.
	Protocol string `yaml:"protocol,omitempty"`
	// EdgeIPVersion is 4, 6 or auto: the kind of address at which cloudflared looks
	// for Cloudflare's edge. Until 2026.3.0, 4 is cloudflared's default.
	EdgeIPVersion string `yaml:"edge-ip-version,omitempty"`
	// Region is us for data centres in the United States only.
	Region string `yaml:"region,omitempty"`
	// PostQuantum demands a key exchange that is secure against quantum computers.
	PostQuantum bool `yaml:"post-quantum,omitempty"`
	// DisablePathMTUDiscovery sends small QUIC packets.
	DisablePathMTUDiscovery bool `yaml:"quic-disable-pmtu-discovery,omitempty"`
	// NoPrechecks is set by YAML.
	NoPrechecks bool `yaml:"no-prechecks"`
	// GracePeriod is how long cloudflared finishes requests after SIGTERM, in seconds, such
	// as 30s. Required.
	GracePeriod string `yaml:"grace-period"`
	// Retries is set by YAML.
	Retries int `yaml:"retries"`
	// LogLevel and TransportLogLevel are the least severe levels that are logged.
	LogLevel          string `yaml:"loglevel,omitempty"`
	TransportLogLevel string `yaml:"transport-loglevel,omitempty"`
	// OriginRequest and Ingress say where requests go: those of a [Routing], with its Rules.
	OriginRequest *OriginRequest `yaml:"originRequest,omitempty"`
	Ingress       []IngressRule  `yaml:"ingress"`
}

// YAML returns the text of config.yaml.
func (c Config) YAML() (string, error) {
	c.CredentialsFile = CredentialsDir + "/" + CredentialsFile
	c.Metrics = fmt.Sprintf("0.0.0.0:%d", MetricsPort)
	c.NoAutoupdate = true // the stack decides on the version, by the image
	c.NoPrechecks = true  // from 2026.5.0 on they try hosts that the network policy doesn't allow
	c.Retries = edgeRetries
	if c.Protocol == "auto" {
		c.Protocol = "" // the default, as in the files of existing stacks
	}
	out, err := yaml.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("rendering %s: %w", ConfigFile, err)
	}
	return string(out), nil
}
