package terraform

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cloudflare/cloudflare-go"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/retry"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// errTaken is retried until the time is up: another stack may be just about to remove the record.
var errTaken = errors.New("expected DNS record to not already be present but already exists")

// createRecord posts the record and reads it back. As the original: a conflict is retried until
// recordTimeout, every 0.5 to 10 s, and the result of reading back doesn't count.
func createRecord(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	values, err := recordValuesOf(d)
	if err != nil {
		return diag.FromErr(err)
	}
	if err := values.check(); err != nil {
		return diag.FromErr(err)
	}
	params := values.create()
	client := meta.(*cloudflare.API)

	err = retry.RetryContext(ctx, d.Timeout(schema.TimeoutCreate), func() *retry.RetryError {
		record, err := client.CreateDNSRecord(ctx, zone(d), params)
		switch {
		case err == nil && record.ID == "":
			return retry.NonRetryableError(errors.New("failed to find record in Create response; Record was empty"))
		case err == nil:
			d.SetId(record.ID)
			_ = readRecord(ctx, d, meta)
			return nil
		case !taken(err):
			return retry.NonRetryableError(fmt.Errorf("failed to create DNS record: %w", err))
		case !d.Get("allow_overwrite").(bool):
			return retry.RetryableError(errTaken)
		default:
			return overwriteRecord(ctx, d, client)
		}
	})
	return diag.FromErr(err)
}

// overwriteRecord finds the record that is in the way and changes it to what is wanted. As the
// original: what is in the way must have the same type, its name is taken to be relative to the
// zone, failed look-ups look like no match, and the update's own error is lost.
func overwriteRecord(ctx context.Context, d *schema.ResourceData, client *cloudflare.API) *retry.RetryError {
	details, _ := client.ZoneDetails(ctx, d.Get("zone_id").(string))
	name := d.Get("name").(string)
	switch name {
	case "@", details.Name:
		name = details.Name
	default:
		name += "." + details.Name
	}
	matches, _, _ := client.ListDNSRecords(ctx, zone(d), cloudflare.ListDNSRecordsParams{
		Name: name,
		Type: d.Get("type").(string),
	})
	if len(matches) != 1 {
		return retry.RetryableError(
			errors.New("attempted to override existing record however didn't find an exact match"))
	}

	d.SetId(matches[0].ID)
	if updateRecord(ctx, d, client) != nil {
		return retry.NonRetryableError(errors.New("failed to update record"))
	}
	return nil
}

// readRecord refreshes the state, and takes the record out of it where it no longer exists. As the
// original: content and value are only compared where the program says them (or data), which is why
// an imported record has neither.
func readRecord(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	client := meta.(*cloudflare.API)
	record, err := client.GetDNSRecord(ctx, zone(d), d.Id())
	var gone *cloudflare.NotFoundError
	if errors.As(err, &gone) {
		d.SetId("")
		return nil
	}
	if err != nil {
		return diag.FromErr(err)
	}

	values := map[string]any{
		"hostname":    record.Name,
		"type":        record.Type,
		"ttl":         record.TTL,
		"proxied":     record.Proxied,
		"proxiable":   record.Proxiable,
		"comment":     record.Comment,
		"tags":        record.Tags,
		"metadata":    metadata(record.Meta),
		"created_on":  record.CreatedOn.Format(time.RFC3339Nano),
		"modified_on": record.ModifiedOn.Format(time.RFC3339Nano),
	}
	if _, said := d.GetOk("value"); said {
		values["value"] = record.Content
	}
	_, contentSaid := d.GetOk("content")
	_, dataSaid := d.GetOk("data")
	if contentSaid || dataSaid {
		values["content"] = record.Content
	}
	if record.Priority != nil {
		values["priority"] = int(*record.Priority)
	}
	if err := set(d, values); err != nil {
		return diag.FromErr(err)
	}
	setRecordData(d, record)
	d.SetId(record.ID)
	return nil
}

// updateRecord patches the record and reads it back, under the same rules as createRecord.
func updateRecord(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	values, err := recordValuesOf(d)
	if err != nil {
		return diag.FromErr(err)
	}
	params := values.update(d.Id())
	client := meta.(*cloudflare.API)

	err = retry.RetryContext(ctx, d.Timeout(schema.TimeoutUpdate), func() *retry.RetryError {
		_, err := client.UpdateDNSRecord(ctx, zone(d), params)
		switch {
		case err == nil:
			_ = readRecord(ctx, d, meta)
			return nil
		case taken(err):
			return retry.RetryableError(errTaken)
		default:
			return retry.NonRetryableError(fmt.Errorf("failed to create DNS record: %w", err))
		}
	})
	return diag.FromErr(err)
}

// deleteRecord removes the record. As the original: that it is gone already is an error.
func deleteRecord(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	client := meta.(*cloudflare.API)
	if err := client.DeleteDNSRecord(ctx, zone(d), d.Id()); err != nil {
		return diag.FromErr(fmt.Errorf("error deleting Cloudflare Record: %w", err))
	}
	return nil
}

// importRecord takes <zone ID>/<record ID> and names the record relative to its zone.
func importRecord(ctx context.Context, d *schema.ResourceData, meta any) ([]*schema.ResourceData, error) {
	zoneID, recordID, ok := strings.Cut(d.Id(), "/")
	if !ok {
		return nil, fmt.Errorf(`invalid id %q specified, should be in format "zoneID/recordID" for import`, d.Id())
	}
	client := meta.(*cloudflare.API)
	details, err := client.ZoneDetails(ctx, zoneID)
	if err != nil {
		return nil, fmt.Errorf("failed to lookup zone details for %s: %w", zoneID, err)
	}
	record, err := client.GetDNSRecord(ctx, cloudflare.ZoneIdentifier(zoneID), recordID)
	if err != nil {
		return nil, fmt.Errorf("Unable to find record with ID %q: %w", d.Id(), err) //nolint:staticcheck // the original's capital
	}

	d.SetId(recordID)
	name := strings.TrimSuffix(record.Name, "."+details.Name)
	if err := set(d, map[string]any{"zone_id": zoneID, "name": name}); err != nil {
		return nil, err
	}
	_ = readRecord(ctx, d, meta)
	return []*schema.ResourceData{d}, nil
}

// taken tells the API's various refusals of a second record of the same name by their wording.
func taken(err error) bool {
	return strings.Contains(err.Error(), "already exist")
}

// zone is the zone that a record's API path begins with.
func zone(d *schema.ResourceData) *cloudflare.ResourceContainer {
	return cloudflare.ZoneIdentifier(d.Get("zone_id").(string))
}
