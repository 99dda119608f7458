package api

import (
	"encoding/json"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// batchBody has changes of records in the order in which they are made, whatever their order
// in the body.
type batchBody struct {
	Deletes []batchRecord `json:"deletes"`
	Patches []batchRecord `json:"patches"`
	Puts    []batchRecord `json:"puts"`
	Posts   []batchRecord `json:"posts"`
}

type batchRecord struct {
	recordBody

	ID string `json:"id"`
}

// batchJSON has the records that were changed; of those that were deleted, what they were.
type batchJSON struct {
	Deletes []any `json:"deletes,omitempty"`
	Patches []any `json:"patches,omitempty"`
	Puts    []any `json:"puts,omitempty"`
	Posts   []any `json:"posts,omitempty"`
}

// batchRecords answers POST /zones/{zone}/dns_records/batch. If one change fails, none is made,
// and the answer is its error. The original limits the number of changes, to 200 on the free
// plan.
func (c *call) batchRecords() (any, error) {
	zone, err := c.zoneWith(state.DNSEdit, noPermission())
	if err != nil {
		return nil, err
	}
	var body batchBody
	if err := json.Unmarshal(c.body, &body); err != nil {
		return nil, badBody()
	}
	var out batchJSON
	err = c.store.Batch(zone.ID, func(draft *state.Store) error {
		existing := func(change func(b batchRecord, old state.Record) (any, error)) func(batchRecord) (any, error) {
			return func(b batchRecord) (any, error) {
				old, ok := draft.Record(zone.ID, b.ID)
				if !ok {
					return nil, recordNotFound()
				}
				return change(b, old)
			}
		}
		for _, step := range []struct {
			given  []batchRecord
			answer *[]any
			change func(batchRecord) (any, error)
		}{
			{body.Deletes, &out.Deletes, existing(func(_ batchRecord, old state.Record) (any, error) { return presentRecord(old), remove(draft, old) })},
			{body.Patches, &out.Patches, existing(func(b batchRecord, old state.Record) (any, error) { return b.update(draft, zone, old, patched) })},
			{body.Puts, &out.Puts, existing(func(b batchRecord, old state.Record) (any, error) { return b.update(draft, zone, old, replaced) })},
			{body.Posts, &out.Posts, func(b batchRecord) (any, error) { return b.create(draft, zone) }},
		} {
			for _, given := range step.given {
				record, err := step.change(given)
				if err != nil {
					return err
				}
				*step.answer = append(*step.answer, record)
			}
		}
		return nil
	})
	return out, err
}
