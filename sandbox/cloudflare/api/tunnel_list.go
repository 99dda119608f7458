package api

import (
	"net/url"
	"strings"
	"time"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// listTunnels answers GET /accounts/{account}/cfd_tunnel. Without is_deleted the list
// includes deleted tunnels.
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
		out := c.presentTunnel(t)
		if all(filters, out) {
			items = append(items, out)
		}
	}
	return list[tunnelJSON]{items: items, perPage: 100, most: 1000}, nil
}

// tunnelFilters reads the filters that the reference names, and name_prefix,
// which only the cloudflared command sends.
func tunnelFilters(query url.Values) ([]func(tunnelJSON) bool, error) {
	var filters []func(tunnelJSON) bool
	add := func(f func(tunnelJSON) bool) { filters = append(filters, f) }
	moment := func(key string, f func(t tunnelJSON, at time.Time) bool) error {
		if !query.Has(key) {
			return nil
		}
		at, err := time.Parse(time.RFC3339, query.Get(key))
		if err != nil {
			return invalidTunnel("%s must be a time in RFC 3339: %v", key, err)
		}
		add(func(t tunnelJSON) bool { return f(t, at) })
		return nil
	}

	if name := query.Get("name"); name != "" {
		add(func(t tunnelJSON) bool { return t.Name == name })
	}
	if id := query.Get("uuid"); id != "" {
		add(func(t tunnelJSON) bool { return strings.EqualFold(t.ID.String(), id) })
	}
	if deleted := query.Get("is_deleted"); deleted != "" {
		add(func(t tunnelJSON) bool { return (t.DeletedAt != nil) == (deleted == "true") })
	}
	if status := query.Get("status"); status != "" {
		add(func(t tunnelJSON) bool { return t.Status == status })
	}
	for _, key := range []string{"include_prefix", "name_prefix"} {
		if prefix := query.Get(key); prefix != "" {
			add(func(t tunnelJSON) bool { return strings.HasPrefix(t.Name, prefix) })
		}
	}
	if prefix := query.Get("exclude_prefix"); prefix != "" {
		add(func(t tunnelJSON) bool { return !strings.HasPrefix(t.Name, prefix) })
	}
	for key, f := range map[string]func(tunnelJSON, time.Time) bool{
		"existed_at":      existedAt,
		"was_active_at":   wasActiveAt,
		"was_inactive_at": func(t tunnelJSON, at time.Time) bool { return existedAt(t, at) && !wasActiveAt(t, at) },
	} {
		if err := moment(key, f); err != nil {
			return nil, err
		}
	}
	return filters, nil
}

func existedAt(t tunnelJSON, at time.Time) bool {
	return !t.CreatedAt.After(at) && (t.DeletedAt == nil || t.DeletedAt.After(at))
}

// wasActiveAt reports whether the tunnel was active at a time. It knows only the last
// period of activity.
func wasActiveAt(t tunnelJSON, at time.Time) bool {
	return t.ConnsActiveAt != nil && !t.ConnsActiveAt.After(at) &&
		(t.ConnsInactiveAt == nil || t.ConnsInactiveAt.After(at))
}

func all[T any](filters []func(T) bool, v T) bool {
	for _, f := range filters {
		if !f(v) {
			return false
		}
	}
	return true
}
