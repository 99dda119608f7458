package cloudflared

import (
	"cmp"
	"fmt"

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
// exceed five minutes, so that an outage of a few minutes would end in a
// restart by the liveness probe.
const edgeRetries = 1

// Config is cloudflared's configuration file, as far as the component decides
// on it.
type Config struct {
	// TunnelID is the tunnel's UUID.
	TunnelID string
	// EdgeIPVersion is 4, 6 or auto, the default: the kind of address at which
	// cloudflared looks for Cloudflare's edge.
	EdgeIPVersion string
	// GraceSeconds is how long cloudflared finishes requests after SIGTERM.
	GraceSeconds int
	// Routing says where requests go.
	Routing Routing
}

// configFile has the fields of the file. See
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/do-more-with-tunnels/local-management/configuration-file/
type configFile struct {
	Tunnel          string         `yaml:"tunnel"`
	CredentialsFile string         `yaml:"credentials-file"`
	Metrics         string         `yaml:"metrics"`
	NoAutoupdate    bool           `yaml:"no-autoupdate"`
	EdgeIPVersion   string         `yaml:"edge-ip-version"`
	NoPrechecks     bool           `yaml:"no-prechecks"`
	GracePeriod     string         `yaml:"grace-period"`
	Retries         int            `yaml:"retries"`
	OriginRequest   *OriginRequest `yaml:"originRequest,omitempty"`
	Ingress         []IngressRule  `yaml:"ingress"`
}

// YAML returns the text of config.yaml.
func (c Config) YAML() (string, error) {
	out, err := yaml.Marshal(configFile{
		Tunnel:          c.TunnelID,
		CredentialsFile: CredentialsDir + "/" + CredentialsFile,
		Metrics:         fmt.Sprintf("0.0.0.0:%d", MetricsPort),
		NoAutoupdate:    true,                            // the stack decides on the version, by the image
		EdgeIPVersion:   cmp.Or(c.EdgeIPVersion, "auto"), // until 2026.3.0, IPv4 alone is cloudflared's default
		NoPrechecks:     true,                            // from 2026.5.0 on they try hosts that the network policy doesn't allow
		GracePeriod:     fmt.Sprintf("%ds", c.GraceSeconds),
		Retries:         edgeRetries,
		OriginRequest:   c.Routing.OriginRequest,
		Ingress:         c.Routing.Rules(),
	})
	if err != nil {
		return "", fmt.Errorf("rendering %s: %w", ConfigFile, err)
	}
	return string(out), nil
}
