package preflight

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"k8s-tunnel/components/names"
)

// released finds the component's records that the engine mustn't delete although their
// names aren't asked for any more: another stack or a person has them by now, or they were
// renamed to a name that is asked for.
func (c *Client) released(ctx context.Context, r Request, found *Findings, lists map[string]listing) error {
	wanted := map[string]bool{}
	for _, host := range found.Hosts {
		wanted[host.Name] = true
	}
	for _, logicalName := range slices.Sorted(maps.Keys(r.LastRecords)) {
		last := r.LastRecords[logicalName]
		host := last.Host(found.ZoneIDs)
		if wanted[host] {
			continue
		}
		zone, listed := lists[last.ZoneID]
		if !listed {
			all, err := c.zoneRecords(ctx, last.ZoneID)
			if err != nil {
				// In a zone that the token doesn't see any more, the engine fails to delete it.
				if _, zoneErr := c.api.ZoneDetails(ctx, last.ZoneID); !unseen(zoneErr) {
					return explain(err, "looking up the records of zone "+last.ZoneID+", in which "+host+" was")
				}
			}
			zone = newListing(all, "")
			lists[last.ZoneID] = zone
		}
		now, there := zone.byID[last.ID]
		switch {
		case !there:
		case wanted[names.ASCII(now.Name)]:
			found.Released[logicalName] = last
		case !r.owns(now, found):
			found.Released[logicalName] = last
			found.Warnings = append(found.Warnings, fmt.Sprintf("the record of %s isn't this stack's any more, as it leads to %q%s; this forgets it, and leaves it there",
				host, now.Content, commented(now.Comment)))
		default:
			found.forgetKind(names.ASCII(now.Name), zone)
		}
	}
	return nil
}

// forgetKind removes the CNAME of a name, which is about to be deleted, from what is known.
func (f *Findings) forgetKind(name string, zone listing) {
	delete(f.Kinds, name)
	for _, record := range zone.byName[name] {
		if record.Type != "CNAME" {
			f.Kinds[name] = record.Type
		}
	}
}
