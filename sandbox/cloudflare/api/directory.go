package api

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"k8s-tunnel/sandbox/cloudflare/state"
)

type accountJSON struct {
	ID       string          `json:"id"`
	Name     string          `json:"name"`
	Type     string          `json:"type"`
	Settings accountSettings `json:"settings"`
}

type accountSettings struct {
	EnforceTwofactor bool `json:"enforce_twofactor"`
}

func presentAccount(a state.Account) accountJSON {
	return accountJSON{ID: a.ID, Name: a.Name, Type: "standard"}
}

// mayReadAccount reports whether the token may read the account. Any permission on the
// account as a whole is enough, as with a token made for a tunnel.
func (c *call) mayReadAccount(id string) bool {
	return c.token.OnAccount(state.AccountRead, id) || c.token.OnAccount(state.TunnelRead, id)
}

// listAccounts answers GET /accounts. A token without a permission on any account gets
// an empty list.
func (c *call) listAccounts() (any, error) {
	var items []accountJSON
	name := c.URL.Query().Get("name")
	for _, a := range c.store.Accounts() {
		if c.mayReadAccount(a.ID) && (name == "" || name == a.Name) {
			items = append(items, presentAccount(a))
		}
	}
	return list[accountJSON]{items: items, perPage: 20, most: 50}, nil
}

// getAccount answers GET /accounts/{account}.
func (c *call) getAccount() (any, error) {
	id := c.PathValue("account")
	if !idForm.MatchString(id) {
		return nil, malformedID(c.URL.Path)
	}
	a, ok := c.store.Account(id)
	if !ok || !c.mayReadAccount(id) {
		return nil, unauthorized()
	}
	return presentAccount(a), nil
}

type zoneJSON struct {
	ID              string      `json:"id"`
	Name            string      `json:"name"`
	Status          string      `json:"status"`
	Paused          bool        `json:"paused"`
	Type            string      `json:"type"`
	DevelopmentMode int         `json:"development_mode"`
	NameServers     []string    `json:"name_servers"`
	CreatedOn       time.Time   `json:"created_on"`
	ModifiedOn      time.Time   `json:"modified_on"`
	ActivatedOn     *time.Time  `json:"activated_on"`
	Meta            zoneMeta    `json:"meta"`
	Owner           zoneOwner   `json:"owner"`
	Account         zoneAccount `json:"account"`
	Permissions     []string    `json:"permissions"`
	Plan            zonePlan    `json:"plan"`
}

type zoneMeta struct {
	Step             int  `json:"step"`
	PageRuleQuota    int  `json:"page_rule_quota"`
	PhishingDetected bool `json:"phishing_detected"`
}

type zoneOwner struct {
	ID    *string `json:"id"`
	Type  string  `json:"type"`
	Email *string `json:"email"`
}

type zoneAccount struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type zonePlan struct {
	ID       string `json:"id"`
	Name     string `json:"name"`
	LegacyID string `json:"legacy_id"`
	Currency string `json:"currency"`
	Price    int    `json:"price"`
}

func (c *call) presentZone(z state.Zone) zoneJSON {
	account, _ := c.store.Account(z.AccountID)
	out := zoneJSON{
		ID: z.ID, Name: state.Unicode(z.Name), Status: string(z.Status), Paused: z.Paused, Type: cmp.Or(z.Type, "full"),
		NameServers: []string{"ada.ns.sandbox.invalid", "bob.ns.sandbox.invalid"},
		CreatedOn:   z.CreatedOn, ModifiedOn: z.CreatedOn,
		Meta:    zoneMeta{Step: 2, PageRuleQuota: 3},
		Owner:   zoneOwner{Type: "user"},
		Account: zoneAccount{ID: account.ID, Name: account.Name},
		Plan:    zonePlan{ID: "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", Name: "Free Website", LegacyID: "free", Currency: "USD"},
	}
	if z.Status == state.ZoneActive || z.Status == state.ZoneMoved {
		out.ActivatedOn = &z.CreatedOn
	}
	for _, p := range []struct {
		permission state.Permission
		name       string
	}{
		{state.DNSEdit, "#dns_records:edit"},
		{state.DNSRead, "#dns_records:read"},
		{state.ZoneRead, "#zone:read"},
	} {
		if c.token.OnZone(p.permission, z) {
			out.Permissions = append(out.Permissions, p.name)
		}
	}
	return out
}

// listZones answers GET /zones: those on which the token has Zone Read. A token that
// has it on none is refused, rather than given an empty list.
func (c *call) listZones() (any, error) {
	if !c.token.OnAny(state.ZoneRead) {
		return nil, mayNotListZones(c.token.ID)
	}
	query := c.URL.Query()
	is := func(key, value string) bool {
		return !query.Has(key) || strings.EqualFold(query.Get(key), value)
	}
	var items []zoneJSON
	for _, z := range c.store.Zones() {
		if !c.token.OnZone(state.ZoneRead, z) {
			continue
		}
		out := c.presentZone(z)
		if is("name", out.Name) && is("account.id", out.Account.ID) && is("account.name", out.Account.Name) && is("status", out.Status) {
			items = append(items, out)
		}
	}
	if query.Get("order") == "account.id" {
		slices.SortStableFunc(items, func(a, b zoneJSON) int { return cmp.Compare(a.Account.ID, b.Account.ID) })
	}
	if query.Get("direction") == "desc" {
		slices.Reverse(items)
	}
	return list[zoneJSON]{items: items, perPage: 20, most: 50}, nil
}

// getZone answers GET /zones/{zone}.
func (c *call) getZone() (any, error) {
	z, err := c.zoneWith(state.ZoneRead, invalidZone())
	if err != nil {
		return nil, err
	}
	return c.presentZone(z), nil
}
