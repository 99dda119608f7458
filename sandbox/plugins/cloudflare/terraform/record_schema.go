package terraform

import (
	"net"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/validation"
)

// recordSchemaVersion stands in the state beside the record, so it has to be the original's: that
// neither upgrades nor refuses what the other has written.
const recordSchemaVersion = 3

// recordTimeout bounds creation and update, retries included.
const recordTimeout = 30 * time.Second

// recordTypes are the types that the schema lets through.
var recordTypes = []string{
	"A", "AAAA", "CAA", "CNAME", "TXT", "SRV", "LOC", "MX", "NS", "SPF", "CERT", "DNSKEY", "DS", "NAPTR",
	"SMIMEA", "SSHFP", "TLSA", "URI", "PTR", "HTTPS", "SVCB",
}

// recordValueKeys are the three ways to say what a record holds.
var recordValueKeys = []string{"data", "content", "value"}

// recordResource is one DNS record. Zone, name and type replace it, all else is updated in place.
func recordResource() *schema.Resource {
	return &schema.Resource{
		Description:   "A DNS record.",
		CreateContext: createRecord,
		ReadContext:   readRecord,
		UpdateContext: updateRecord,
		DeleteContext: deleteRecord,
		Importer:      &schema.ResourceImporter{StateContext: importRecord},
		SchemaVersion: recordSchemaVersion,
		Timeouts: &schema.ResourceTimeout{
			Create: schema.DefaultTimeout(recordTimeout),
			Update: schema.DefaultTimeout(recordTimeout),
		},
		Schema: recordSchema(),
	}
}

func recordSchema() map[string]*schema.Schema { //nolint:funlen // one literal
	return map[string]*schema.Schema{
		"zone_id": {
			Type: schema.TypeString, Required: true, ForceNew: true,
			Description: "Zone that the record belongs to.",
		},
		"name": {
			Type: schema.TypeString, Required: true, ForceNew: true,
			StateFunc:   func(name any) string { return strings.ToLower(name.(string)) },
			Description: "Name relative to the zone, @ or the zone's own name for its apex.",
		},
		"hostname": {
			Type: schema.TypeString, Computed: true,
			Description: "Fully qualified name.",
		},
		"type": {
			Type: schema.TypeString, Required: true, ForceNew: true,
			ValidateFunc: validation.StringInSlice(recordTypes, false),
			Description:  "Type, such as CNAME.",
		},
		"value": {
			Type: schema.TypeString, Optional: true, Computed: true,
			ExactlyOneOf:     recordValueKeys,
			DiffSuppressFunc: sameDespiteDot,
			Deprecated:       "Use content.",
			Description:      "What the record holds, as text.",
		},
		"content": {
			Type: schema.TypeString, Optional: true, Computed: true,
			ExactlyOneOf:     recordValueKeys,
			DiffSuppressFunc: sameContent,
			Description:      "What the record holds, as text.",
		},
		"data": {
			Type: schema.TypeList, MaxItems: 1, Optional: true,
			ExactlyOneOf: recordValueKeys,
			Elem:         &schema.Resource{Schema: recordDataSchema()},
			Description:  "What the record holds, in parts, for types that have them.",
		},
		"ttl": {
			Type: schema.TypeInt, Optional: true, Computed: true,
			Description: "Seconds that an answer may be cached, 1 for automatic.",
		},
		"priority": {
			Type: schema.TypeInt, Optional: true,
			DiffSuppressFunc: priorityMeansNothing,
			Description:      "Priority of an MX or URI record.",
		},
		"proxied": {
			Type: schema.TypeBool, Optional: true,
			Description: "Whether Cloudflare answers with its own addresses and forwards what arrives.",
		},
		"proxiable": {
			Type: schema.TypeBool, Computed: true,
			Description: "Whether proxied may be set.",
		},
		"allow_overwrite": {
			Type: schema.TypeBool, Optional: true, Default: false,
			Description: "Take over a record of this name and type that exists already.",
		},
		"comment": {
			Type: schema.TypeString, Optional: true,
			Description: "Note for people, without effect on answers.",
		},
		"tags": {
			Type: schema.TypeSet, Optional: true, Elem: &schema.Schema{Type: schema.TypeString},
			Description: "Tags, where the zone's plan has them.",
		},
		"metadata": {
			Type: schema.TypeMap, Computed: true,
			Description: "What else Cloudflare says of the record.",
		},
		"created_on": {
			Type: schema.TypeString, Computed: true,
			Description: "When the record was created, as RFC 3339.",
		},
		"modified_on": {
			Type: schema.TypeString, Computed: true,
			Description: "When the record was last changed, as RFC 3339.",
		},
	}
}

// recordDataSchema has the parts of all types that are made of parts.
func recordDataSchema() map[string]*schema.Schema {
	parts := map[schema.ValueType][]string{
		schema.TypeInt: {
			"algorithm", "digest_type", "key_tag", "lat_degrees", "lat_minutes", "long_degrees", "long_minutes",
			"matching_type", "order", "port", "preference", "priority", "protocol", "selector", "type", "usage",
			"weight",
		},
		schema.TypeFloat: {
			"altitude", "lat_seconds", "long_seconds", "precision_horz", "precision_vert", "size",
		},
		schema.TypeString: {
			"certificate", "content", "digest", "fingerprint", "flags", "lat_direction", "long_direction", "name",
			"proto", "public_key", "regex", "replacement", "service", "tag", "target", "value",
		},
	}
	fields := map[string]*schema.Schema{}
	for kind, names := range parts {
		for _, name := range names {
			fields[name] = &schema.Schema{Type: kind, Optional: true}
		}
	}
	return fields
}

// sameDespiteDot ignores a fully qualified name's last dot, unless dots are all there is.
func sameDespiteDot(_, before, after string, _ *schema.ResourceData) bool {
	trimmed := strings.TrimSuffix(after, ".")
	if trimmed == "" {
		return before == after
	}
	return strings.TrimSuffix(before, ".") == trimmed
}

// sameContent also ignores how an address is written.
func sameContent(key, before, after string, d *schema.ResourceData) bool {
	if was, is := net.ParseIP(before), net.ParseIP(after); was != nil && is != nil && was.Equal(is) {
		return true
	}
	return sameDespiteDot(key, before, after, d)
}

// priorityMeansNothing is true for the types that have no priority of their own.
func priorityMeansNothing(_, _, _ string, d *schema.ResourceData) bool {
	kind := d.Get("type").(string)
	return kind != "MX" && kind != "URI"
}
