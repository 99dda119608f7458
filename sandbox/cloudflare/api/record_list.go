package api

import (
	"cmp"
	"net/url"
	"slices"
	"strings"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// listRecords answers GET /zones/{zone}/dns_records.
func (c *call) listRecords() (any, error) {
	zone, err := c.zoneWith(state.DNSRead, noPermission())
	if err != nil {
		return nil, err
	}
	query := c.URL.Query()
	filters := recordFilters(query)
	var items []recordJSON
	for _, r := range c.store.Records(zone.ID) {
		if matches(filters, r, query.Get("match") == "any") {
			items = append(items, presentRecord(r))
		}
	}
	if err := sortRecords(items, cmp.Or(query.Get("order"), "type")); err != nil {
		return nil, err
	}
	if query.Get("direction") == "desc" {
		slices.Reverse(items)
	}
	return list[recordJSON]{items: items, perPage: 100, most: 5_000_000}, nil
}

// recordFilters reads the filters of a list: on type and proxied, on name, content and
// comment in all their forms, and the search over all three. A plain "name=" is the old
// spelling of "name.exact=".
func recordFilters(query url.Values) []func(state.Record) bool {
	var filters []func(state.Record) bool
	if v := query.Get("type"); v != "" {
		filters = append(filters, func(r state.Record) bool { return strings.EqualFold(r.Type, v) })
	}
	if v := query.Get("proxied"); v != "" {
		filters = append(filters, func(r state.Record) bool { return r.Proxied == (v == "true") })
	}
	if v := strings.ToLower(query.Get("search")); v != "" {
		filters = append(filters, func(r state.Record) bool {
			return strings.Contains(strings.ToLower(r.Name+" "+r.Content+" "+r.Comment), v)
		})
	}
	for field, text := range map[string]func(state.Record) string{
		"name":    func(r state.Record) string { return r.Name },
		"content": func(r state.Record) string { return r.Content },
		"comment": func(r state.Record) string { return r.Comment },
	} {
		for form, holds := range map[string]func(text, v string) bool{
			"":            func(text, v string) bool { return text == v },
			".exact":      func(text, v string) bool { return text == v },
			".contains":   strings.Contains,
			".startswith": strings.HasPrefix,
			".endswith":   strings.HasSuffix,
		} {
			if v := strings.ToLower(query.Get(field + form)); v != "" {
				filters = append(filters, func(r state.Record) bool { return holds(strings.ToLower(text(r)), v) })
			}
		}
	}
	for key, present := range map[string]bool{"comment.present": true, "comment.absent": false} {
		if query.Has(key) {
			filters = append(filters, func(r state.Record) bool { return (r.Comment != "") == present })
		}
	}
	return filters
}

func matches(filters []func(state.Record) bool, r state.Record, anyOf bool) bool {
	if !anyOf || len(filters) == 0 {
		return all(filters, r)
	}
	return slices.ContainsFunc(filters, func(f func(state.Record) bool) bool { return f(r) })
}

func sortRecords(items []recordJSON, order string) error {
	by, ok := map[string]func(a, b recordJSON) int{
		"type":    func(a, b recordJSON) int { return cmp.Compare(a.Type, b.Type) },
		"name":    func(a, b recordJSON) int { return cmp.Compare(a.Name, b.Name) },
		"content": func(a, b recordJSON) int { return cmp.Compare(a.Content, b.Content) },
		"ttl":     func(a, b recordJSON) int { return cmp.Compare(a.TTL, b.TTL) },
		"proxied": func(a, b recordJSON) int { return cmp.Compare(rank(a.Proxied), rank(b.Proxied)) },
	}[order]
	if !ok {
		return invalidRecord(9207, "Request body is invalid.") // code assumed
	}
	slices.SortStableFunc(items, func(a, b recordJSON) int { return cmp.Or(by(a, b), cmp.Compare(a.Name, b.Name)) })
	return nil
}

func rank(b bool) int {
	if b {
		return 1
	}
	return 0
}
