package api

import (
	"net/url"
	"strings"
	"time"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// listTunnels answers GET /accounts/{account}/cfd_tunnel with live tunnels or, for
// is_deleted=true, with deleted ones.
func (c *call) listTunnels() (any, error) {
	account, err := c.accountWith(state.TunnelRead, noPermission())
	if err != nil {
		return nil, err
	}
	filters, err := tunnelFilters(c.URL.Query())
	if err != nil {
		return nil, err
	}
	var items []tunnelJSON
	for _, t := range c.store.Tunnels(account.ID) {
		entry := tunnelEntry{c.presentTunnel(t), activity(t, c.live(t.ID))}
		if all(filters, entry) {
			items = append(items, entry.tunnelJSON)
		}
	}
	return list[tunnelJSON]{items: items, perPage: 1000, most: 1000, noTotal: true}, nil
}

// tunnelEntry is a tunnel as filters see it.
type tunnelEntry struct {
	tunnelJSON
	active period
}

// tunnelFilters reads the filters that the reference names, and name_prefix,
// which only the cloudflared command sends.
func tunnelFilters(query url.Values) ([]func(tunnelEntry) bool, error) {
	var filters []func(tunnelEntry) bool
	add := func(f func(tunnelEntry) bool) { filters = append(filters, f) }
	moment := func(key string, f func(t tunnelEntry, at time.Time) bool) error {
		if !query.Has(key) {
			return nil
		}
		at, err := time.Parse(time.RFC3339, query.Get(key))
		if err != nil {
			return invalidTunnel("%s must be a time in RFC 3339: %v", key, err)
		}
		add(func(t tunnelEntry) bool { return f(t, at) })
		return nil
	}

	if name := query.Get("name"); name != "" {
		add(func(t tunnelEntry) bool { return t.Name == name })
	}
	if id := query.Get("uuid"); id != "" {
		add(func(t tunnelEntry) bool { return strings.EqualFold(t.ID.String(), id) })
	}
	deleted := query.Get("is_deleted") == "true"
	add(func(t tunnelEntry) bool { return (t.DeletedAt != nil) == deleted })
	if status := query.Get("status"); status != "" {
		add(func(t tunnelEntry) bool { return t.Status == status })
	}
	for _, key := range []string{"include_prefix", "name_prefix"} {
		if prefix := query.Get(key); prefix != "" {
			add(func(t tunnelEntry) bool { return strings.HasPrefix(t.Name, prefix) })
		}
	}
	if prefix := query.Get("exclude_prefix"); prefix != "" {
		add(func(t tunnelEntry) bool { return !strings.HasPrefix(t.Name, prefix) })
	}
	for key, f := range map[string]func(tunnelEntry, time.Time) bool{
		"existed_at":      existedAt,
		"was_active_at":   wasActiveAt,
		"was_inactive_at": func(t tunnelEntry, at time.Time) bool { return existedAt(t, at) && !wasActiveAt(t, at) },
	} {
		if err := moment(key, f); err != nil {
			return nil, err
		}
	}
	return filters, nil
}

func existedAt(t tunnelEntry, at time.Time) bool {
	return !t.CreatedAt.After(at) && (t.DeletedAt == nil || t.DeletedAt.After(at))
}

// wasActiveAt reports whether the tunnel was active at a time. It knows only the last
// period of activity.
func wasActiveAt(t tunnelEntry, at time.Time) bool {
	return t.active.since != nil && !t.active.since.After(at) &&
		(t.active.until == nil || t.active.until.After(at))
}

func all[T any](filters []func(T) bool, v T) bool {
	for _, f := range filters {
		if !f(v) {
			return false
		}
	}
	return true
}
