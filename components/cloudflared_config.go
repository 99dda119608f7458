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
)

// cloudflaredConfig is the part of cloudflared's configuration file that the
// component writes. See
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/do-more-with-tunnels/local-management/configuration-file/
type cloudflaredConfig struct {
	Tunnel          string         `yaml:"tunnel"`
	CredentialsFile string         `yaml:"credentials-file"`
	Metrics         string         `yaml:"metrics"`
	NoAutoupdate    bool           `yaml:"no-autoupdate"`
	GracePeriod     string         `yaml:"grace-period"`
	OriginRequest   *OriginRequest `yaml:"originRequest,omitempty"`
	Ingress         []IngressRule  `yaml:"ingress"`
}

// renderConfig returns config.yaml.
func renderConfig(tunnelID string, args *CloudflareTunnelArgs) (string, error) {
	out, err := yaml.Marshal(cloudflaredConfig{
		Tunnel:          tunnelID,
		CredentialsFile: credentialsDir + "/" + credentialsFile,
		Metrics:         fmt.Sprintf("0.0.0.0:%d", metricsPort),
		NoAutoupdate:    true, // the image's version is the stack's to decide
		GracePeriod:     fmt.Sprintf("%ds", graceSeconds),
		OriginRequest:   args.OriginRequest,
		Ingress:         effectiveIngress(args),
	})
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
