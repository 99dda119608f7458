package api

import (
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"k8s-tunnel/sandbox/cloudflare/state"
)

type routeJSON struct {
	CName  string `json:"cname"`
	Name   string `json:"name"`
	DNSTag string `json:"dns_tag"`
}

// routeTunnel answers PUT /zones/{zone}/tunnels/{tunnel}/routes, which is "cloudflared
// tunnel route dns". The reference doesn't mention it. With overwrite_existing the
// name's A, AAAA and CNAME records are all deleted; the answer says "new" even then.
func (c *call) routeTunnel() (any, error) {
	zone, err := c.zoneWith(state.DNSEdit, noPermission())
	if err != nil {
		return nil, err
	}
	id, err := uuid.Parse(c.PathValue("tunnel"))
	if err != nil {
		return nil, malformedID(c.URL.Path)
	}
	if t, ok := c.store.Tunnel(id); !ok || t.AccountID != zone.AccountID || t.DeletedAt != nil {
		return nil, tunnelNotFound()
	}
	var body struct {
		Type      string `json:"type"`
		Hostname  string `json:"user_hostname"`
		Overwrite bool   `json:"overwrite_existing"`
	}
	if err := json.Unmarshal(c.body, &body); err != nil {
		return nil, unparsable(err)
	}
	if body.Type != "dns" {
		return nil, routeRefused("Routes of type %q are not supported by the sandbox, only dns", body.Type)
	}
	record := state.Record{
		ZoneID: zone.ID, Name: state.QualifyName(zone.Name, body.Hostname),
		Type: "CNAME", Content: id.String() + state.TunnelSuffix, Proxied: true, TTL: automaticTTL,
	}
	if !validName(record.Name) {
		return nil, routeRefused("Failed to create record %s with err DNS name is invalid.", record.Name)
	}
	var out state.Record
	changed := true
	if body.Overwrite || c.pointsAt(record) {
		out, changed, err = c.store.ReplaceRecord(record)
	} else {
		out, err = c.store.CreateRecord(record)
	}
	var conflict *state.ConflictError
	switch {
	case errors.As(err, &conflict) && conflict.Kind == state.Delegated:
		return nil, routeRefused("Failed to create record %s with err %s", record.Name, delegatedText)
	case errors.As(err, &conflict):
		return nil, routeRefused("Failed to create record %s with err %s", record.Name, hostTakenText)
	case errors.Is(err, state.ErrQuota):
		return nil, routeRefused("Failed to create record %s with err %s", record.Name, quotaText)
	}
	return presentRoute(out, changed), err
}

// pointsAt reports whether exactly this record exists already.
func (c *call) pointsAt(want state.Record) bool {
	for _, r := range c.store.Records(want.ZoneID) {
		if r.Name == want.Name && r.Type == want.Type && r.Content == want.Content && r.Proxied == want.Proxied {
			return true
		}
	}
	return false
}

func presentRoute(r state.Record, changed bool) routeJSON {
	out := routeJSON{CName: "unchanged", Name: r.Name, DNSTag: r.ID}
	if changed {
		out.CName = "new"
	}
	return out
}
