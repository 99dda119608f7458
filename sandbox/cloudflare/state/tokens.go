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
	return t.has(permission, accountID)
}

// OnZone reports whether the token has the permission on a zone, directly or through
// its account.
func (t Token) OnZone(permission Permission, z Zone) bool {
	return t.has(permission, z.ID) || t.has(permission, z.AccountID)
}

func (t Token) has(permission Permission, resource string) bool {
	for _, g := range t.Grants {
		if g.Resource != "*" && g.Resource != resource {
			continue
		}
		if slices.Contains(g.Permissions, permission) || slices.Contains(g.Permissions, includes[permission]) {
			return true
		}
	}
	return false
}

// Has reports whether the token has the permission on any resource.
func (t Token) Has(permission Permission) bool {
	for _, g := range t.Grants {
		if slices.Contains(g.Permissions, permission) || slices.Contains(g.Permissions, includes[permission]) {
			return true
		}
	}
	return false
}
