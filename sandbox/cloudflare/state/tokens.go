package state

import "slices"

// Permission is something that a token may do. The names follow Cloudflare's permission groups.
type Permission string

// The permissions that the sandbox knows. Edit includes read.
const (
	AccountRead Permission = "account:read"
	TunnelRead  Permission = "tunnel:read"
	TunnelEdit  Permission = "tunnel:edit"
	ZoneRead    Permission = "zone:read"
	DNSRead     Permission = "dns:read"
	DNSEdit     Permission = "dns:edit"
)

// includes maps a permission to the one that includes it.
var includes = map[Permission]Permission{TunnelRead: TunnelEdit, DNSRead: DNSEdit}

// Grant gives permissions on a resource: an account's ID (which covers its zones), a
// zone's ID, or "*" for everything.
type Grant struct {
	Resource    string       `json:"resource"`
	Permissions []Permission `json:"rights"` // the key in files from before
}

// Token is an API token. Value is what a client sends.
type Token struct {
	Value  string  `json:"value"`
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Grants []Grant `json:"grants"`
	// Withdrawn makes the token invalid, as one that was revoked or has expired.
	Withdrawn bool `json:"withdrawn,omitempty"`
}

// OnAccount reports whether the token has the permission on an account as a whole.
func (t Token) OnAccount(permission Permission, accountID string) bool {
	return t.on(permission, accountID)
}

// OnZone reports whether the token has the permission on a zone, directly or through
// its account.
func (t Token) OnZone(permission Permission, z Zone) bool {
	return t.on(permission, z.ID) || t.on(permission, z.AccountID)
}

// OnAny reports whether the token has the permission on any resource.
func (t Token) OnAny(permission Permission) bool {
	return slices.ContainsFunc(t.Grants, func(g Grant) bool { return g.gives(permission) })
}

func (t Token) on(permission Permission, resource string) bool {
	return slices.ContainsFunc(t.Grants, func(g Grant) bool {
		return (g.Resource == "*" || g.Resource == resource) && g.gives(permission)
	})
}

func (g Grant) gives(permission Permission) bool {
	return slices.Contains(g.Permissions, permission) || slices.Contains(g.Permissions, includes[permission])
}
