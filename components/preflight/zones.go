package preflight

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/cloudflare/cloudflare-go"

	"k8s-tunnel/components/names"
)

// zone is a zone at Cloudflare.
type zone struct {
	name, id, accountID string
	// kind is full, or what else the zone is: partial, secondary, or internal.
	kind string
	// inactive is the zone's status if Cloudflare doesn't answer for its names yet.
	inactive string
	// paused says that visitors are led past Cloudflare.
	paused bool
	// phishing says that Cloudflare suspects phishing in it.
	phishing bool
	// quota is how many records it may have, or 0 if its plan doesn't say.
	quota int
}

// zones finds the zones that the names lie in, and the account that owns them. If there are
// problems with some names, the findings are about the others.
func (c *Client) zones(ctx context.Context, r Request) (*Findings, error) {
	found := &Findings{
		AccountID: r.AccountID, ZoneIDs: map[string]string{},
		Kinds: map[string]string{}, Changed: map[string]bool{}, Replaced: map[string]bool{}, Taken: map[string]TakenRecord{}, Released: map[string]names.LastRecord{},
	}
	given, wrong, err := c.givenZone(ctx, r)
	if err != nil {
		return nil, err
	}
	problems := []error{wrong}
	if len(given) > 0 && r.AccountID != "" && r.AccountID != given[0].accountID {
		problems = append(problems, fmt.Errorf("accountId: zone %s is in account %s, not %s; correct it, or remove it", given[0].name, given[0].accountID, r.AccountID))
		r.AccountID, found.AccountID = "", given[0].accountID // in which the names lie
	}
	hosts := r.Names.Hosts()
	seen := given
	if len(given) == 0 || !all(hosts, given[0]) {
		if seen, err = c.visibleZones(ctx); err != nil {
			return nil, err
		}
	}
	for _, host := range hosts {
		z, err := r.zoneOf(host, given, seen)
		if err == nil {
			err = found.add(&host, z)
			if !slices.Contains(given, z) {
				found.warnOfMoves(host, seen)
			}
		}
		if err == nil {
			err = host.Repetition()
		}
		problems = append(problems, err)
		found.Hosts = append(found.Hosts, host)
	}
	for _, z := range seen {
		if z.inactive != "" && z.accountID == found.AccountID {
			found.inactive = append(found.inactive, z)
		}
	}
	return found, distinct(problems)
}

// add notes that a host lies in a zone. All zones have to be in the tunnel's account,
// which is that of the first one unless it is set.
func (f *Findings) add(host *names.Host, z zone) error {
	if z.kind == "secondary" {
		return fmt.Errorf("%s: %s lies in zone %s, whose records come from another DNS server, as it is a secondary one; make it a full zone at Cloudflare, or use another name",
			host.Argument, bare(*host), z.name)
	}
	host.Zone, host.Partial = z.name, z.kind == "partial"
	if f.AccountID == "" {
		f.AccountID = z.accountID
	}
	if z.accountID != f.AccountID {
		return fmt.Errorf("%s: %s lies in zone %s of account %s, but the tunnel belongs to account %s, and serves names of that account only; "+
			"use a stack of its own for each account", host.Argument, bare(*host), z.name, z.accountID, f.AccountID)
	}
	if _, known := f.ZoneIDs[z.name]; !known {
		f.Warnings = append(f.Warnings, z.warnings()...)
		if z.quota > 0 {
			f.limited = append(f.limited, z)
		}
	}
	f.ZoneIDs[z.name] = z.id
	return nil
}

// warnOfMoves says that a host will lie in another zone once that is active.
func (f *Findings) warnOfMoves(host names.Host, seen []zone) {
	for _, z := range seen {
		if z.inactive != "" && z.accountID == f.AccountID && host.Within(z.name) && len(z.name) > len(host.Zone) {
			f.Warnings = append(f.Warnings, fmt.Sprintf("%s: %s stays in zone %s as long as zone %s is %s; the first update after that moves its record there",
				host.Argument, host.Name, host.Zone, z.name, z.inactive))
		}
	}
}

// zoneOf finds the zone that a host lies in: the given one, or the longest that fits
// among those that the token sees. A zone that isn't active yet is the last resort: the
// names below it still belong to the zone above it.
func (r Request) zoneOf(host names.Host, given, seen []zone) (zone, error) {
	fits := func(z zone) bool { return host.Within(z.name) }
	if i := slices.IndexFunc(given, fits); i >= 0 {
		return given[i], nil
	}
	var longest []zone
	for _, z := range seen {
		switch {
		case !fits(z) || r.AccountID != "" && z.accountID != r.AccountID:
		case len(longest) == 0 || longest[0].less(z):
			longest = []zone{z}
		case !z.less(longest[0]):
			longest = append(longest, z)
		}
	}
	switch {
	case len(longest) > 1:
		return zone{}, fmt.Errorf("%s: the token sees several zones named %s; set accountId to the account of the right one, or zoneId to its identifier", host.Argument, longest[0].name)
	case len(longest) == 0 && r.AccountID != "" && slices.ContainsFunc(seen, fits):
		other := seen[slices.IndexFunc(seen, fits)]
		return zone{}, fmt.Errorf("%s: %s lies in zone %s of account %s, not %s; correct accountId, or remove it", host.Argument, bare(host), other.name, other.accountID, r.AccountID)
	case len(longest) == 0:
		alike := r.alike(host, slices.Concat(given, seen))
		return zone{}, fmt.Errorf("%s: the token sees no zone that %s lies in%s%s; check the name, and that the API token has the permissions %s",
			alike[0].Argument, bare(alike[0]), only(seen), sameFor(alike), permissions)
	}
	return longest[0], nil
}

// alike are the names that end in the same two labels as a host, and so in the same zone most
// likely, as far as the token doesn't see theirs: they share one problem.
func (r Request) alike(host names.Host, seen []zone) []names.Host {
	end := func(h names.Host) string {
		labels := strings.Split(h.Name, ".")
		return strings.Join(labels[max(len(labels)-2, 0):], ".")
	}
	return slices.DeleteFunc(r.Names.Hosts(), func(h names.Host) bool {
		return end(h) != end(host) || slices.ContainsFunc(seen, func(z zone) bool { return h.Within(z.name) })
	})
}

// sameFor names the arguments that share the problem of the first host.
func sameFor(alike []names.Host) string {
	var arguments []string
	for _, h := range alike {
		if h.Argument != alike[0].Argument {
			arguments = append(arguments, h.Argument)
		}
	}
	if len(arguments) == 0 {
		return ""
	}
	return "; the same goes for " + strings.Join(arguments, ", ")
}

// less reports whether names that lie in both zones are rather the other one's.
func (z zone) less(other zone) bool {
	if (z.inactive == "") != (other.inactive == "") {
		return other.inactive == ""
	}
	return len(z.name) < len(other.name)
}

// givenZone reads the zone whose identifier is set. One of the names has to lie in it,
// and so does the domain. If it can't be the zone that was meant, there is none, and wrong
// says why.
func (c *Client) givenZone(ctx context.Context, r Request) (given []zone, wrong, err error) {
	if r.ZoneID == "" {
		return nil, nil, nil
	}
	answer, err := c.api.ZoneDetails(ctx, r.ZoneID)
	switch {
	case unseen(err):
		return nil, fmt.Errorf("zoneId: the token sees no zone %s; correct it, remove it, or give the API token the permissions %s", r.ZoneID, permissions), nil
	case err != nil:
		return nil, nil, explain(err, "zoneId: looking up zone "+r.ZoneID)
	}
	z := toZone(answer)
	within := func(h names.Host) bool { return h.Within(z.name) }
	hosts := r.Names.Hosts()
	switch {
	case z.kind == "internal":
		return nil, fmt.Errorf("zoneId: %s is the internal zone %s, which visitors don't see; correct it, or remove it", z.id, z.name), nil
	case r.Names.Domain != "" && !within(hosts[0]):
		return nil, fmt.Errorf("zoneId: %s is the zone %s, which domain %s doesn't lie in; correct it, or remove it", z.id, z.name, r.Names.Domain), nil
	case !slices.ContainsFunc(hosts, within):
		return nil, fmt.Errorf("zoneId: %s is the zone %s, which none of hostnames lies in; correct it, or remove it", z.id, z.name), nil
	}
	return []zone{z}, nil, nil
}

// unseen reports that there is no zone with an identifier, or that the token, which is
// valid, may not know of it. Cloudflare says the same of both, with status 403 and a code
// that it also has for tokens themselves: malformed ones, and those of other addresses.
func unseen(err error) bool {
	const unauthorized = 9109
	var missing *cloudflare.NotFoundError
	var forbidden *cloudflare.AuthenticationError // is what the client calls a 403
	return errors.As(err, &missing) ||
		errors.As(err, &forbidden) && forbidden.InternalErrorCodeIs(unauthorized) && slices.ContainsFunc(forbidden.ErrorMessages(), aboutZone)
}

func aboutZone(message string) bool {
	return message == "Invalid zone identifier" || message == "Unauthorized to access requested resource"
}

// visibleZones lists all zones that the token sees, but for internal ones.
func (c *Client) visibleZones(ctx context.Context) ([]zone, error) {
	answer, err := c.api.ListZonesContext(ctx)
	if err != nil {
		return nil, explain(err, "looking up the zones that the token sees")
	}
	var seen []zone
	for _, z := range answer.Result {
		if found := toZone(z); found.kind != "internal" {
			seen = append(seen, found)
		}
	}
	return seen, nil
}

func toZone(z cloudflare.Zone) zone {
	found := zone{
		name: printable(names.ASCII(z.Name)), id: printable(z.ID), accountID: printable(z.Account.ID),
		kind: z.Type, paused: z.Paused, phishing: z.Meta.PhishingDetected, quota: recordQuota(z),
	}
	if z.Status != "active" {
		found.inactive = printable(z.Status)
	}
	return found
}

// warnings say why visitors don't reach the zone's names, if they don't.
func (z zone) warnings() []string {
	var all []string
	if z.inactive != "" {
		remedy := "set Cloudflare's name servers at the domain's registrar"
		if z.kind == "partial" {
			remedy = "add the TXT record for its verification, which Cloudflare's dashboard shows, where the domain's DNS is"
		}
		all = append(all, fmt.Sprintf("zone %s is %s at Cloudflare, not active, so its names lead nowhere yet; %s", z.name, z.inactive, remedy))
	}
	if z.paused {
		all = append(all, fmt.Sprintf("zone %s is paused at Cloudflare, so visitors don't get to the tunnel; enable Cloudflare for it in the dashboard", z.name))
	}
	if z.phishing {
		all = append(all, fmt.Sprintf("Cloudflare suspects phishing in zone %s, so visitors see a warning page; ask Cloudflare for a review", z.name))
	}
	if z.kind == "partial" {
		all = append(all, fmt.Sprintf("zone %s is a partial one, so visitors don't get to a name until it is a CNAME of NAME.cdn.cloudflare.net, "+
			"such as www.%[1]s.cdn.cloudflare.net, where the domain's DNS is", z.name))
	}
	return all
}

// bare is a host's name without a wildcard, so that the domain's two names share
// their problems.
func bare(h names.Host) string { return strings.TrimPrefix(h.Name, "*.") }

// all reports whether all hosts lie in a zone.
func all(hosts []names.Host, z zone) bool {
	return !slices.ContainsFunc(hosts, func(h names.Host) bool { return !h.Within(z.name) })
}

// only says which zones the token sees, as far as that helps.
func only(seen []zone) string {
	const most = 5
	if len(seen) == 0 || len(seen) > most {
		return ""
	}
	var list []string
	for _, z := range seen {
		list = append(list, z.name)
	}
	return ", only " + strings.Join(list, ", ")
}

// distinct joins errors, each text once. What says that the token is refused comes first, so that
// a program can put the name of its setting before the whole.
func distinct(problems []error) error {
	if i := slices.IndexFunc(problems, func(err error) bool { return errors.Is(err, ErrTokenRefused) }); i > 0 {
		problems = slices.Insert(problems, 0, problems[i])
	}
	var texts []string
	return errors.Join(slices.DeleteFunc(problems, func(err error) bool {
		if err == nil || slices.Contains(texts, err.Error()) {
			return true
		}
		texts = append(texts, err.Error())
		return false
	})...)
}
