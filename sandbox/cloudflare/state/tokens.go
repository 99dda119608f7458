package state

import "slices"

// Right is a permission of a token. The names follow Cloudflare's permission groups.
type Right string

// The permissions that the sandbox knows. Edit includes read.
const (
	AccountRead Right = "account:read"
	TunnelRead  Right = "tunnel:read"
	TunnelEdit  Right = "tunnel:edit"
	ZoneRead    Right = "zone:read"
	DNSRead     Right = "dns:read"
	DNSEdit     Right = "dns:edit"
)

// includes maps a permission to the one that includes it.
var includes = map[Right]Right{TunnelRead: TunnelEdit, DNSRead: DNSEdit}

// Grant gives permissions on a resource: an account's ID (which covers its zones), a
// zone's ID, or "*" for everything.
type Grant struct {
	Resource string  `json:"resource"`
	Rights   []Right `json:"rights"`
}

// Token is an API token. Value is what a client sends.
type Token struct {
	Value  string  `json:"value"`
	ID     string  `json:"id"`
	Name   string  `json:"name"`
	Grants []Grant `json:"grants"`
}

// OnAccount reports whether the token has the permission on an account as a whole.
func (t Token) OnAccount(right Right, accountID string) bool {
	return t.has(right, accountID)
}

// OnZone reports whether the token has the permission on a zone, directly or through
// its account.
func (t Token) OnZone(right Right, z Zone) bool {
	return t.has(right, z.ID) || t.has(right, z.AccountID)
}

func (t Token) has(right Right, resource string) bool {
	for _, g := range t.Grants {
		if g.Resource != "*" && g.Resource != resource {
			continue
		}
		if slices.Contains(g.Rights, right) || slices.Contains(g.Rights, includes[right]) {
			return true
		}
	}
	return false
}

// Has reports whether the token has the permission on any resource.
func (t Token) Has(right Right) bool {
	for _, g := range t.Grants {
		if slices.Contains(g.Rights, right) || slices.Contains(g.Rights, includes[right]) {
			return true
		}
	}
	return false
}
