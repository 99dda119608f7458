package state

import "slices"

// Right is something that a token may do. The names follow Cloudflare's
// permission groups.
type Right string

// The rights that the sandbox knows. An edit right includes the read right.
const (
	AccountRead Right = "account:read"
	TunnelRead  Right = "tunnel:read"
	TunnelEdit  Right = "tunnel:edit"
	ZoneRead    Right = "zone:read"
	DNSRead     Right = "dns:read"
	DNSEdit     Right = "dns:edit"
)

// includes tells which right comes with which.
var includes = map[Right]Right{TunnelRead: TunnelEdit, DNSRead: DNSEdit}

// Grant gives rights on a resource: an account's ID (which covers its zones), a
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

// OnAccount says whether the token has the right on an account as a whole.
func (t Token) OnAccount(right Right, accountID string) bool {
	return t.has(right, accountID)
}

// OnZone says whether the token has the right on a zone, by itself or through
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

// Has says whether the token has the right on anything at all.
func (t Token) Has(right Right) bool {
	for _, g := range t.Grants {
		if slices.Contains(g.Rights, right) || slices.Contains(g.Rights, includes[right]) {
			return true
		}
	}
	return false
}
