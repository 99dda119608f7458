package preflight

import (
	"fmt"
	"time"

	"github.com/cloudflare/cloudflare-go"
)

// smallerSince is when the quota of new zones on the Free plan became smaller.
var smallerSince = time.Date(2024, time.September, 1, 0, 0, 0, 0, time.UTC)

// recordQuota is how many records a zone may have by its plan, or 0 if the plan doesn't say:
// that of Enterprise counts those of all zones together. See
// https://developers.cloudflare.com/dns/manage-dns-records/#dns-records-quota
func recordQuota(z cloudflare.Zone) int {
	switch z.Plan.LegacyID {
	case "free":
		if z.CreatedOn.Before(smallerSince) {
			return 1000
		}
		return 200
	case "pro", "business":
		return 3500
	}
	return 0
}

// warnOfQuota says that a zone has too few records left for the names that have none yet.
// It isn't an error, because a zone may have got a quota of its own. What the update deletes
// doesn't count: it comes last.
func (f *Findings) warnOfQuota(z zone, list listing) {
	added := 0
	for _, host := range f.Hosts {
		if host.Zone == z.name && !has(list.byName[host.Name], "CNAME") {
			added++
		}
	}
	if added > 0 && len(list.byID)+added > z.quota {
		f.Warnings = append(f.Warnings, fmt.Sprintf("zone %s has %d of %d records, and this adds %d; delete some at Cloudflare (DNS, Records), or replace single names by a wildcard",
			z.name, len(list.byID), z.quota, added))
	}
}
