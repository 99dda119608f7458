package api_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"
)

func TestAPI_ListTunnels(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	before := time.Now().Add(-time.Minute)
	first, firstID := createTunnel(w, "prod-first")
	_, _ = createTunnel(w, "prod-second")
	_, thirdID := createTunnel(w, "dev-third")
	w.do("DELETE", first, nil)
	w.connectors.add(connection(thirdID, uuid.NewString(), before))
	fourth, fourthID := createTunnel(w, "dev-fourth")
	w.do("DELETE", fourth, nil)
	require.NoError(t, w.store.NoteConnections(uuid.MustParse(fourthID), true, before))
	require.NoError(t, w.store.NoteConnections(uuid.MustParse(fourthID), false, before.Add(10*time.Second)))
	at := func(key string, when time.Time) string { return key + "=" + url.QueryEscape(when.Format(time.RFC3339)) }
	later := time.Now().Add(time.Minute)

	for name, c := range map[string]struct {
		query string
		want  []any
	}{
		"live ones, newest first": {"", []any{"dev-third", "prod-second"}},
		"live":                    {"is_deleted=false", []any{"dev-third", "prod-second"}},
		"deleted":                 {"is_deleted=true", []any{"dev-fourth", "prod-first"}},
		"by name":                 {"name=prod-second", []any{"prod-second"}},
		"by part of a name":       {"name=prod", []any{}},
		"by ID":                   {"is_deleted=true&uuid=" + firstID, []any{"prod-first"}},
		"with a prefix":           {"include_prefix=prod-", []any{"prod-second"}},
		"the command's prefix":    {"name_prefix=dev-", []any{"dev-third"}},
		"without a prefix":        {"exclude_prefix=prod-", []any{"dev-third"}},
		"that were there before":  {at("existed_at", before), []any{}},
		"that will be there":      {at("existed_at", later), []any{"dev-third", "prod-second"}},
		"that were active":        {at("was_active_at", later), []any{"dev-third"}},
		"that were active once":   {"is_deleted=true&" + at("was_active_at", before.Add(5*time.Second)), []any{"dev-fourth"}},
		"that were not active":    {at("was_inactive_at", later), []any{"prod-second"}},
		"by status":               {"status=degraded", []any{"dev-third"}},
		"a page":                  {"per_page=1&page=2", []any{"prod-second"}},
		"filters together":        {"is_deleted=false&include_prefix=prod-", []any{"prod-second"}},
		"with an empty parameter": {"name=", []any{"dev-third", "prod-second"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, field(get[[]object](w, "GET", tunnelsPath+"?"+c.query, nil), "name"))
		})
	}
	t.Run("a page says how many there are, not how many pages", func(t *testing.T) {
		t.Parallel()
		info := w.do("GET", tunnelsPath, nil).Info
		require.Equal(t, [5]int{1, 1000, 2, 2, 0}, [5]int{info.Page, info.PerPage, info.Count, info.TotalCount, info.TotalPages})
	})
}
