package api

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"time"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// minSecret is the least number of bytes in a tunnel's secret.
const minSecret = 32

// tunnelJSON is a tunnel without its connections, which have a call of their own since
// October 2026. A deleted tunnel no longer says where its configuration was.
type tunnelJSON struct {
	ID              uuid.UUID  `json:"id"`
	AccountTag      string     `json:"account_tag"`
	CreatedAt       time.Time  `json:"created_at"`
	DeletedAt       *time.Time `json:"deleted_at"`
	Name            string     `json:"name"`
	ConnsActiveAt   *time.Time `json:"conns_active_at"`
	ConnsInactiveAt *time.Time `json:"conns_inactive_at"`
	TunType         string     `json:"tun_type"`
	Metadata        struct{}   `json:"metadata"`
	Status          string     `json:"status"`
	RemoteConfig    *bool      `json:"remote_config,omitempty"`
	ConfigSrc       string     `json:"config_src,omitempty"`
}

// newTunnelJSON is the only answer that carries the secret, apart from the token.
type newTunnelJSON struct {
	tunnelJSON
	CredentialsFile credentials `json:"credentials_file"`
	Token           string      `json:"token"`
}

type credentials struct {
	AccountTag   string    `json:"AccountTag"`
	TunnelID     uuid.UUID `json:"TunnelID"`
	TunnelName   string    `json:"TunnelName"`
	TunnelSecret []byte    `json:"TunnelSecret"`
}

func (c *call) presentTunnel(t state.Tunnel) tunnelJSON {
	live := c.live(t.ID)
	active := activity(t, live)
	out := tunnelJSON{
		ID: t.ID, AccountTag: t.AccountID, Name: t.Name, CreatedAt: t.CreatedAt, DeletedAt: t.DeletedAt,
		TunType: "cfd_tunnel", Status: tunnelStatus(t, live),
		ConnsActiveAt: active.since, ConnsInactiveAt: active.until,
	}
	switch {
	case active.since == nil:
		out.ConnsInactiveAt = &t.CreatedAt
	case active.until != nil:
		out.ConnsActiveAt = nil
	}
	remote := false
	if t.DeletedAt == nil {
		remote, out.ConfigSrc = t.ConfigSrc == "cloudflare", t.ConfigSrc
	}
	if !c.Settings().NoRemoteConfig {
		out.RemoteConfig = &remote
	}
	return out
}

// connectorToken is what "cloudflared tunnel run --token" takes.
func connectorToken(t state.Tunnel) string {
	data, _ := json.Marshal(struct {
		Account string    `json:"a"`
		Tunnel  uuid.UUID `json:"t"`
		Secret  []byte    `json:"s"`
	}{t.AccountID, t.ID, t.Secret}) // strings and bytes can't fail
	return base64.StdEncoding.EncodeToString(data)
}

// pathTunnel returns the path's tunnel, deleted or not, if the token has the permission
// on its account.
func (c *call) pathTunnel(permission state.Permission) (state.Tunnel, error) {
	account, err := c.accountWith(permission, noPermission())
	if err != nil {
		return state.Tunnel{}, err
	}
	id, err := uuid.Parse(c.PathValue("tunnel"))
	if err != nil {
		return state.Tunnel{}, malformedID(c.URL.Path)
	}
	t, ok := c.store.Tunnel(id)
	if !ok || t.AccountID != account.ID {
		return state.Tunnel{}, tunnelNotFound()
	}
	return t, nil
}

// tunnelBody is the body of requests that create or change a tunnel.
type tunnelBody struct {
	Name      *string `json:"name"`
	Secret    *string `json:"tunnel_secret"`
	ConfigSrc string  `json:"config_src"`
}

func (c *call) tunnelBody() (body tunnelBody, secret []byte, err error) {
	if err := json.Unmarshal(c.body, &body); err != nil {
		return body, nil, unparsable(err)
	}
	if body.Name != nil && *body.Name == "" {
		return body, nil, invalidTunnel("Tunnel name must not be empty")
	}
	if body.Secret == nil {
		return body, nil, nil
	}
	secret, err = base64.StdEncoding.DecodeString(*body.Secret)
	if err != nil {
		return body, nil, invalidTunnel("Tunnel secret must be base64: %v", err)
	}
	if len(secret) < minSecret {
		return body, nil, invalidTunnel("Tunnel secret must have at least %d bytes, this one has %d", minSecret, len(secret))
	}
	return body, secret, nil
}

// createTunnel answers POST /accounts/{account}/cfd_tunnel. A tunnel without a secret
// gets one.
func (c *call) createTunnel() (any, error) {
	account, err := c.accountWith(state.TunnelEdit, noPermission())
	if err != nil {
		return nil, err
	}
	body, secret, err := c.tunnelBody()
	if err != nil {
		return nil, err
	}
	if body.Name == nil {
		return nil, invalidTunnel("Tunnel name is required")
	}
	if secret == nil {
		secret = make([]byte, minSecret)
		_, _ = rand.Read(secret) // never fails
	}
	switch body.ConfigSrc {
	case "":
		body.ConfigSrc = "local"
	case "local", "cloudflare":
	default:
		return nil, invalidTunnel("config_src must be local or cloudflare, not %q", body.ConfigSrc)
	}
	t, err := c.store.CreateTunnel(state.Tunnel{AccountID: account.ID, Name: *body.Name, Secret: secret, ConfigSrc: body.ConfigSrc})
	if err != nil {
		return nil, err
	}
	return newTunnelJSON{
		tunnelJSON:      c.presentTunnel(t),
		CredentialsFile: credentials{AccountTag: t.AccountID, TunnelID: t.ID, TunnelName: t.Name, TunnelSecret: t.Secret},
		Token:           connectorToken(t),
	}, nil
}

// getTunnel answers GET …/cfd_tunnel/{tunnel}. A deleted tunnel is still found, with
// its time of deletion.
func (c *call) getTunnel() (any, error) {
	t, err := c.pathTunnel(state.TunnelRead)
	if err != nil {
		return nil, err
	}
	return c.presentTunnel(t), nil
}

// updateTunnel answers PATCH …/cfd_tunnel/{tunnel}.
func (c *call) updateTunnel() (any, error) {
	t, err := c.pathTunnel(state.TunnelEdit)
	if err != nil {
		return nil, err
	}
	body, secret, err := c.tunnelBody()
	if err != nil {
		return nil, err
	}
	t, err = c.store.UpdateTunnel(t.ID, body.Name, secret)
	if err != nil {
		return nil, err
	}
	return c.presentTunnel(t), nil
}

// configureTunnel answers PUT …/cfd_tunnel/{tunnel}/configurations, which switches the tunnel
// to a configuration at Cloudflare for good, as the dashboard's migration does. What the
// configuration says isn't kept.
func (c *call) configureTunnel() (any, error) {
	t, err := c.pathTunnel(state.TunnelEdit)
	if err != nil {
		return nil, err
	}
	if !json.Valid(c.body) {
		return nil, invalidTunnel("The configuration is no JSON")
	}
	if t, err = c.store.SwitchTunnel(t.ID); err != nil {
		return nil, err
	}
	return map[string]any{"tunnel_id": t.ID, "version": 1, "source": t.ConfigSrc}, nil
}

// deleteTunnel answers DELETE …/cfd_tunnel/{tunnel}. Only ?cascade=true, which the
// cloudflared command calls --force, ends its connections too.
func (c *call) deleteTunnel() (any, error) {
	t, err := c.pathTunnel(state.TunnelEdit)
	if err != nil {
		return nil, err
	}
	if t.DeletedAt != nil && c.Settings().DeleteAgain == DeleteAgainSucceeds {
		return c.presentTunnel(t), nil
	}
	if c.URL.Query().Get("cascade") != "true" && t.DeletedAt == nil && len(c.tracked(t.ID)) > 0 {
		return nil, tunnelInUse()
	}
	t, err = c.store.DeleteTunnel(t.ID)
	if err != nil {
		return nil, err
	}
	c.connectors.Disconnect(t.ID, nil)
	return c.presentTunnel(t), nil
}

// tunnelToken answers GET …/cfd_tunnel/{tunnel}/token, which needs the edit permission,
// because the token is enough to run the tunnel.
func (c *call) tunnelToken() (any, error) {
	t, err := c.pathTunnel(state.TunnelRead)
	if err != nil {
		return nil, err
	}
	if !c.token.OnAccount(state.TunnelEdit, t.AccountID) {
		return nil, tokenNeedsEdit()
	}
	return connectorToken(t), nil
}
