package preflight

import (
	"context"
	"slices"

	"github.com/cloudflare/cloudflare-go"

	"k8s-tunnel/components/names"
)

// recordsPerPage is the length of a page of records, so that a zone is one call: up to the Business plan,
// it has 3,500 at most. Cloudflare allows 5,000,000. See per_page in
// https://developers.cloudflare.com/api/resources/dns/subresources/records/methods/list/
const recordsPerPage = 5000

// listing is what a zone has.
type listing struct {
	byName map[string][]cloudflare.DNSRecord
	byID   map[string]cloudflare.DNSRecord
	// delegations are the records that delegate a name below the zone.
	delegations []cloudflare.DNSRecord
}

func newListing(all []cloudflare.DNSRecord, zone string) listing {
	l := listing{byName: map[string][]cloudflare.DNSRecord{}, byID: map[string]cloudflare.DNSRecord{}}
	for _, record := range all {
		name := names.ASCII(record.Name)
		l.byName[name] = append(l.byName[name], record)
		l.byID[record.ID] = record
		if record.Type == "NS" && name != zone {
			l.delegations = append(l.delegations, record)
		}
	}
	return l
}

func has(records []cloudflare.DNSRecord, kind string) bool {
	return slices.ContainsFunc(records, func(record cloudflare.DNSRecord) bool { return record.Type == kind })
}

// zoneRecords lists all records of a zone.
func (c *Client) zoneRecords(ctx context.Context, zoneID string) ([]cloudflare.DNSRecord, error) {
	var all []cloudflare.DNSRecord
	for page := 1; ; page++ {
		records, _, err := c.api.ListDNSRecords(ctx, cloudflare.ZoneIdentifier(zoneID), cloudflare.ListDNSRecordsParams{
			ResultInfo: cloudflare.ResultInfo{Page: page, PerPage: recordsPerPage},
		})
		all = append(all, records...)
		if err != nil || len(records) < recordsPerPage {
			return all, err
		}
	}
}
