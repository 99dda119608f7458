package terraform

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/cloudflare/cloudflare-go"
	"github.com/hashicorp/terraform-plugin-sdk/v2/helper/schema"
)

// recordValues is what a program says of a record, before it becomes one request or the other.
type recordValues struct {
	zoneID   string
	kind     string
	name     string
	content  string
	data     any
	priority *uint16
	proxied  *bool
	ttl      int
	comment  *string
	tags     []string
}

// recordValuesOf gathers what is said. The one rule that both creation and update check is here.
func recordValuesOf(d *schema.ResourceData) (recordValues, error) {
	values := recordValues{
		zoneID: d.Get("zone_id").(string),
		kind:   d.Get("type").(string),
		name:   d.Get("name").(string),
		ttl:    d.Get("ttl").(int),
		tags:   []string{},
	}
	// A content wins over a value, which the state still has where the program moved on to content.
	values.content = d.Get("value").(string)
	if content, ok := d.GetOk("content"); ok {
		values.content = content.(string)
	}
	if data, ok := d.GetOk("data"); ok {
		fields, _ := data.([]any)[0].(map[string]any)
		values.data = recordData(values.kind, fields)
	}
	if priority, ok := said(d, "priority"); ok {
		values.priority = new(uint16(priority.(int)))
	}
	if proxied, ok := said(d, "proxied"); ok {
		values.proxied = new(proxied.(bool))
	}
	if comment, ok := said(d, "comment"); ok {
		values.comment = new(comment.(string))
	}
	for _, tag := range d.Get("tags").(*schema.Set).List() {
		values.tags = append(values.tags, tag.(string))
	}

	if values.ttl != 0 && values.ttl != 1 && values.isProxied() {
		return recordValues{}, fmt.Errorf("error validating record %s: ttl must be set to 1 when `proxied` is true",
			values.name)
	}
	return values, nil
}

// said tells a zero value that the program wrote from none. The function is deprecated, yet it is
// what the original decides by, and nothing else does so the same way.
func said(d *schema.ResourceData, key string) (any, bool) {
	return d.GetOkExists(key) //nolint:staticcheck // see above
}

func (v recordValues) isProxied() bool {
	return v.proxied != nil && *v.proxied
}

// check finds what only shows when a record is about to be created.
func (v recordValues) check() error {
	if v.name == "" {
		return fmt.Errorf("record on zone %s must not have an empty name (use @ for the zone apex)", v.zoneID)
	}
	if err := checkContent(v.kind, v.content); err != nil {
		return fmt.Errorf("error validating record content of %q: %w", v.name, err)
	}
	if v.isProxied() && v.kind != "A" && v.kind != "AAAA" && v.kind != "CNAME" {
		return fmt.Errorf("error validating record type %q: type %q cannot be proxied", v.kind, v.kind)
	}
	return nil
}

// checkContent checks addresses and texts. As the original: other types pass as they are.
func checkContent(kind, content string) error {
	switch kind {
	case "A":
		if net.ParseIP(content) == nil || !strings.Contains(content, ".") {
			return fmt.Errorf("A record must be a valid IPv4 address, got: %q", content) //nolint:staticcheck // a type, not a capital
		}
	case "AAAA":
		if net.ParseIP(content) == nil || !strings.Contains(content, ":") {
			return fmt.Errorf("AAAA record must be a valid IPv6 address, got: %q", content)
		}
	case "TXT":
		if strings.ContainsFunc(content, func(char rune) bool { return char < ' ' || char > 0x7f }) {
			return errors.New("TXT record must contain printable ASCII")
		}
	}
	return nil
}

// create is the request that makes the record. As the original: an empty comment isn't sent.
func (v recordValues) create() cloudflare.CreateDNSRecordParams {
	params := cloudflare.CreateDNSRecordParams{
		Type:     v.kind,
		Name:     v.name,
		Content:  v.content,
		Data:     v.data,
		Priority: v.priority,
		TTL:      v.ttl,
		Proxied:  v.proxied,
		Tags:     v.tags,
	}
	if v.comment != nil {
		params.Comment = *v.comment
	}
	return params
}

// update is the request that changes the record.
func (v recordValues) update(id string) cloudflare.UpdateDNSRecordParams {
	return cloudflare.UpdateDNSRecordParams{
		ID:       id,
		Type:     v.kind,
		Name:     v.name,
		Content:  v.content,
		Data:     v.data,
		Priority: v.priority,
		TTL:      v.ttl,
		Proxied:  v.proxied,
		Comment:  v.comment,
		Tags:     v.tags,
	}
}

// recordData brings a record's parts into the form that both the API and the state take. Only the
// flags need it: the API has them as a number for some types, the schema as text for all, and the
// types that don't have them must not send any.
func recordData(kind string, parts map[string]any) map[string]any {
	data := make(map[string]any, len(parts))
	for name, part := range parts {
		if name == "flags" {
			switch strings.ToUpper(kind) {
			case "SRV", "NAPTR", "CAA", "DNSKEY":
			default:
				continue
			}
			if number, ok := part.(float64); ok {
				part = strconv.FormatFloat(number, 'f', 0, 64)
			}
		}
		data[name] = part
	}
	return data
}

// setRecordData puts the parts that the API knows into the state. As the original: parts that the
// schema doesn't know are no error, the state then keeps what it had.
func setRecordData(d *schema.ResourceData, record cloudflare.DNSRecord) {
	parts, ok := record.Data.(map[string]any)
	if !ok {
		_ = d.Set("data", nil)
		return
	}
	_ = d.Set("data", []any{recordData(record.Type, parts)})
}

// metadata makes text of what the API says about a record.
func metadata(meta any) map[string]string {
	text := map[string]string{}
	fields, _ := meta.(map[string]any)
	for name, value := range fields {
		text[name] = fmt.Sprint(value)
	}
	return text
}
