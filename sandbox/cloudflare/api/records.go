package api

import (
	"encoding/json"
	"strings"
	"time"

	"k8s-tunnel/sandbox/cloudflare/state"
)

type recordJSON struct {
	ID         string    `json:"id"`
	Name       string    `json:"name"`
	Type       string    `json:"type"`
	Content    string    `json:"content"`
	Priority   *uint16   `json:"priority,omitempty"`
	Proxiable  bool      `json:"proxiable"`
	Proxied    bool      `json:"proxied"`
	TTL        int       `json:"ttl"`
	Settings   struct{}  `json:"settings"`
	Meta       meta      `json:"meta"`
	Comment    *string   `json:"comment"`
	Tags       []string  `json:"tags"`
	CreatedOn  time.Time `json:"created_on"`
	ModifiedOn time.Time `json:"modified_on"`
}

type meta struct {
	ReadOnly bool `json:"read_only,omitempty"`
}

func presentRecord(r state.Record) recordJSON {
	out := recordJSON{
		ID: r.ID, Name: r.Name, Type: r.Type, Content: r.Content, Priority: r.Priority,
		Proxiable: proxiable(r), Proxied: r.Proxied, TTL: r.TTL,
		Meta: meta{r.ReadOnly}, Tags: append([]string{}, r.Tags...), CreatedOn: r.CreatedOn, ModifiedOn: r.ModifiedOn,
	}
	if r.Comment != "" {
		out.Comment = &r.Comment
	}
	return out
}

// recordBody is the body of requests that write a record. An absent field stays as it
// is, or gets its default in a new record.
type recordBody struct {
	Name     *string   `json:"name"`
	Type     *string   `json:"type"`
	Content  *string   `json:"content"`
	Priority *uint16   `json:"priority"`
	Proxied  *bool     `json:"proxied"`
	TTL      *int      `json:"ttl"`
	Comment  *string   `json:"comment"`
	Tags     *[]string `json:"tags"`
}

func (c *call) recordBody() (recordBody, error) {
	var body recordBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return body, badBody()
	}
	return body, nil
}

// onto copies the fields that the body has to a record.
func (b recordBody) onto(zone state.Zone, r *state.Record) {
	set(b.Type, &r.Type)
	set(b.Content, &r.Content)
	set(b.Proxied, &r.Proxied)
	set(b.TTL, &r.TTL)
	set(b.Comment, &r.Comment)
	set(b.Tags, &r.Tags)
	if b.Priority != nil {
		r.Priority = b.Priority
	}
	if b.Name != nil {
		r.Name = *b.Name
		if r.Name != "" {
			r.Name = state.QualifyName(zone.Name, r.Name)
		}
	}
}

func set[T any](from, to *T) {
	if from != nil {
		*to = *from
	}
}

// pathRecord returns the path's record and its zone if the token has the permission.
func (c *call) pathRecord(permission state.Permission) (state.Zone, state.Record, error) {
	zone, err := c.zoneWith(permission, noPermission())
	if err != nil {
		return state.Zone{}, state.Record{}, err
	}
	id := c.PathValue("record")
	if !idForm.MatchString(id) {
		return state.Zone{}, state.Record{}, malformedID(c.URL.Path)
	}
	r, ok := c.store.Record(zone.ID, id)
	if !ok {
		return state.Zone{}, state.Record{}, recordNotFound()
	}
	return zone, r, nil
}

// createRecord answers POST /zones/{zone}/dns_records.
func (c *call) createRecord() (any, error) {
	zone, err := c.zoneWith(state.DNSEdit, noPermission())
	if err != nil {
		return nil, err
	}
	body, err := c.recordBody()
	if err != nil {
		return nil, err
	}
	return body.create(c.store, zone)
}

// create adds a record.
func (b recordBody) create(store *state.Store, zone state.Zone) (any, error) {
	r := state.Record{ZoneID: zone.ID, TTL: automaticTTL}
	b.onto(zone, &r)
	r, err := checkRecord(r)
	if err != nil {
		return nil, err
	}
	if r, err = store.CreateRecord(r); err != nil {
		return nil, err
	}
	return presentRecord(r), nil
}

// getRecord answers GET /zones/{zone}/dns_records/{record}.
func (c *call) getRecord() (any, error) {
	_, r, err := c.pathRecord(state.DNSRead)
	if err != nil {
		return nil, err
	}
	return presentRecord(r), nil
}

// patchRecord answers PATCH …/dns_records/{record}: absent fields stay as they are.
func (c *call) patchRecord() (any, error) { return c.updateRecord(patched) }

// putRecord answers PUT …/dns_records/{record}: absent fields get their defaults.
func (c *call) putRecord() (any, error) { return c.updateRecord(replaced) }

func (c *call) updateRecord(start func(state.Record) state.Record) (any, error) {
	zone, old, err := c.pathRecord(state.DNSEdit)
	if err != nil {
		return nil, err
	}
	body, err := c.recordBody()
	if err != nil {
		return nil, err
	}
	return body.update(c.store, zone, old, start)
}

// patched and replaced are what a record is before the fields of a body are set.
func patched(old state.Record) state.Record { return old }

func replaced(old state.Record) state.Record {
	return state.Record{ID: old.ID, ZoneID: old.ZoneID, TTL: automaticTTL}
}

// update changes everything but a record's type, which is fixed since June 2026.
func (b recordBody) update(store *state.Store, zone state.Zone, old state.Record, start func(state.Record) state.Record) (any, error) {
	if old.ReadOnly {
		return nil, readOnly()
	}
	if b.Type != nil && !strings.EqualFold(*b.Type, old.Type) {
		return nil, typeChanged(old.Type, *b.Type)
	}
	r := start(old)
	b.onto(zone, &r)
	r, err := checkRecord(r)
	if err != nil {
		return nil, err
	}
	if r, err = store.UpdateRecord(zone.ID, old.ID, func(stored *state.Record) { *stored = r }); err != nil {
		return nil, err
	}
	return presentRecord(r), nil
}

// readOnly refuses to change a record that Cloudflare manages. Code and text are assumed.
func readOnly() *Error {
	return invalidRecord(1043, "This record is read only.")
}

// deleteRecord answers DELETE …/dns_records/{record}.
func (c *call) deleteRecord() (any, error) {
	_, r, err := c.pathRecord(state.DNSEdit)
	if err != nil {
		return nil, err
	}
	if err := remove(c.store, r); err != nil {
		return nil, err
	}
	return struct {
		ID string `json:"id"`
	}{r.ID}, nil
}

// remove deletes a record.
func remove(store *state.Store, r state.Record) error {
	if r.ReadOnly {
		return readOnly()
	}
	return store.DeleteRecord(r.ZoneID, r.ID)
}
