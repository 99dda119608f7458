package components

import (
	"encoding/json"
	"fmt"

	"go.yaml.in/yaml/v3"
)

// Where the connector finds its files, and where it answers probes and scrapes.
const (
	configDir       = "/etc/cloudflared/config"
	configFile      = "config.yaml"
	credentialsDir  = "/etc/cloudflared/credentials"
	credentialsFile = "credentials.json"

	// metricsPort serves /ready and /metrics. cloudflared's own default
	// differs between versions and may be a random port, so it is always set.
	metricsPort = 2000

	// edgeRetries bounds the time after which a connection to the edge is tried
	// again: ten seconds, doubled for each of these retries. With cloudflared's
	// own five it can be more than five minutes, so an outage of a few minutes
	// would end in a restart by the liveness probe.
	edgeRetries = 1
	// keepAliveTimeout is how long cloudflared keeps an idle connection to an origin.
	// Its own 90 seconds are longer than nginx, ingress-nginx or Traefik wait for a
	// request on a connection that never carried one (60 seconds), or ingress-nginx
	// for the next one (75 seconds). A POST that is sent while the origin hangs up
	// can't be tried again, and its visitor gets a 502.
	keepAliveTimeout = "30s"
)

// cloudflaredConfig is the part of cloudflared's configuration file that the
// component writes. See
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/do-more-with-tunnels/local-management/configuration-file/
type cloudflaredConfig struct {
	Tunnel          string        `yaml:"tunnel"`
	CredentialsFile string        `yaml:"credentials-file"`
	Metrics         string        `yaml:"metrics"`
	NoAutoupdate    bool          `yaml:"no-autoupdate"`
	GracePeriod     string        `yaml:"grace-period"`
	Retries         int           `yaml:"retries"`
	OriginRequest   OriginRequest `yaml:"originRequest,omitempty"`
	Ingress         []IngressRule `yaml:"ingress"`
}

// renderConfig returns config.yaml.
func renderConfig(tunnelID string, args *CloudflareTunnelArgs) (string, error) {
	config := cloudflaredConfig{
		Tunnel:          tunnelID,
		CredentialsFile: credentialsDir + "/" + credentialsFile,
		Metrics:         fmt.Sprintf("0.0.0.0:%d", metricsPort),
		NoAutoupdate:    true, // the image's version is the stack's to decide
		GracePeriod:     fmt.Sprintf("%ds", graceSeconds),
		Retries:         edgeRetries,
		Ingress:         effectiveIngress(args),
	}
	if args.OriginRequest != nil {
		config.OriginRequest = *args.OriginRequest
	}
	if config.OriginRequest.KeepAliveTimeout == nil {
		timeout := keepAliveTimeout
		config.OriginRequest.KeepAliveTimeout = &timeout
	}
	out, err := yaml.Marshal(config)
	if err != nil {
		return "", fmt.Errorf("rendering %s: %w", configFile, err)
	}
	return string(out), nil
}

// tunnelCredentials is the file that `cloudflared tunnel create` writes.
type tunnelCredentials struct {
	AccountTag   string
	TunnelSecret string // base64
	TunnelID     string
}

// renderCredentials returns credentials.json.
func renderCredentials(accountID, tunnelID, secret string) (string, error) {
	out, err := json.Marshal(tunnelCredentials{AccountTag: accountID, TunnelSecret: secret, TunnelID: tunnelID})
	if err != nil {
		return "", fmt.Errorf("rendering %s: %w", credentialsFile, err)
	}
	return string(out), nil
}
