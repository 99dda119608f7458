package cloudflared

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Credentials are what lets cloudflared serve a tunnel: the file that
// `cloudflared tunnel create` writes.
type Credentials struct {
	// AccountTag is the identifier of the account that owns the tunnel.
	AccountTag string
	// TunnelSecret is the tunnel's secret, in base64.
	TunnelSecret string
	// TunnelID is the tunnel's UUID.
	TunnelID string
}

// JSON returns the text of credentials.json.
func (c Credentials) JSON() (string, error) {
	out, err := json.Marshal(c)
	if err != nil {
		return "", fmt.Errorf("rendering %s: %w", CredentialsFile, err)
	}
	return string(out), nil
}

// TokenSecret returns the secret in a tunnel's token, which is what
// `cloudflared tunnel token` prints. Errors don't repeat the token.
func TokenSecret(token string) (string, error) {
	if token == "" {
		return "", errors.New("its token is empty; the API token needs the permission Account / Cloudflare Tunnel / Edit")
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return "", errors.New("its token isn't base64")
	}
	var fields struct {
		Secret string `json:"s"`
	}
	if err := json.Unmarshal(raw, &fields); err != nil || fields.Secret == "" {
		return "", errors.New("its token has no secret")
	}
	return fields.Secret, nil
}
