package terraform

import (
	"context"
	"fmt"

	"github.com/cloudflare/cloudflare-go"
	"github.com/hashicorp/terraform-plugin-sdk/v2/diag"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/validation"
)

// recordLookup finds the one record of a fully qualified name and a type.
func recordLookup() *schema.Resource {
	return &schema.Resource{
		Description: "One DNS record, by its fully qualified name and its type.",
		ReadContext: lookUpRecord,
		Schema: map[string]*schema.Schema{
			"zone_id": {
				Type: schema.TypeString, Required: true,
				Description: "Zone that the record belongs to.",
			},
			"hostname": {
				Type: schema.TypeString, Required: true,
				Description: "Fully qualified name.",
			},
			"type": {
				Type: schema.TypeString, Optional: true, Default: "A",
				ValidateFunc: validation.StringInSlice(recordTypes, false),
				Description:  "Type, such as CNAME.",
			},
			"content": {
				Type: schema.TypeString, Optional: true,
				Description: "What the record must hold.",
			},
			"priority": {
				Type: schema.TypeInt, Optional: true,
				DiffSuppressFunc: priorityMeansNothing,
				Description:      "Priority that an MX or URI record must have.",
			},
			"value": {
				Type: schema.TypeString, Computed: true,
				Description: "What the record holds.",
			},
			"proxied": {
				Type: schema.TypeBool, Computed: true,
				Description: "Whether Cloudflare answers with its own addresses and forwards what arrives.",
			},
			"ttl": {
				Type: schema.TypeInt, Computed: true,
				Description: "Seconds that an answer may be cached, 1 for automatic.",
			},
			"proxiable": {
				Type: schema.TypeBool, Computed: true,
				Description: "Whether proxied may be set.",
			},
		},
	}
}

// lookUpRecord fails where there is no such record: a program that wants to know whether there is
// one has to look at the error.
func lookUpRecord(ctx context.Context, d *schema.ResourceData, meta any) diag.Diagnostics {
	client := meta.(*cloudflare.API)
	name, kind := d.Get("hostname").(string), d.Get("type").(string)
	list, _, err := client.ListDNSRecords(ctx, zone(d), cloudflare.ListDNSRecordsParams{
		Name:    name,
		Type:    kind,
		Content: d.Get("content").(string),
	})
	if err != nil {
		return diag.FromErr(fmt.Errorf("error listing DNS records: %w", err))
	}
	found, err := pickRecord(d, list, name, kind)
	if err != nil {
		return diag.FromErr(err)
	}

	d.SetId(found.ID)
	values := map[string]any{
		"type":      found.Type,
		"value":     found.Content,
		"proxied":   found.Proxied,
		"ttl":       found.TTL,
		"proxiable": found.Proxiable,
	}
	if found.Priority != nil {
		values["priority"] = int(*found.Priority)
	}
	return diag.FromErr(set(d, values))
}

// pickRecord returns the only record. Of several MX or URI records it is the one whose priority is
// the one asked for, or none.
func pickRecord(
	d *schema.ResourceData, list []cloudflare.DNSRecord, name, kind string,
) (cloudflare.DNSRecord, error) {
	switch {
	case len(list) == 0:
		return cloudflare.DNSRecord{}, fmt.Errorf("didn't get any DNS records for hostname: %s", name)
	case len(list) == 1:
		return list[0], nil
	case kind != "MX" && kind != "URI":
		return cloudflare.DNSRecord{}, fmt.Errorf("only wanted 1 DNS record. Got %d records", len(list))
	}
	priority, _ := d.Get("priority").(int)
	for _, record := range list {
		if int(cloudflare.Uint16(record.Priority)) == priority {
			return record, nil
		}
	}
	return cloudflare.DNSRecord{}, fmt.Errorf("unable to find single record for %s type %s", name, kind)
}
