package api

import (
	"net/netip"
	"regexp"
	"strings"
	"unicode/utf8"

	"k8s-tunnel/sandbox/cloudflare/state"
)

// TTLs in seconds, of a plan below Enterprise.
const (
	automaticTTL = 1
	minTTL       = 60
	maxTTL       = 86400
)

// maxComment is the free plan's limit, in characters.
const maxComment = 100

// checkRecord applies the rules of the free plan, in the order of the fields in the
// dashboard's form, and returns the record as it is stored.
func checkRecord(r state.Record) (state.Record, error) {
	r.Type = strings.ToUpper(r.Type)
	if !validName(r.Name) {
		return r, invalidRecord(9000, "DNS name is invalid.")
	}
	content, err := checkContent(r)
	if err != nil {
		return r, err
	}
	r.Content = content
	if r.Proxied {
		if !state.IsAddress(r.Type) {
			return r, invalidRecord(9004, "This record type cannot be proxied.")
		}
		if !proxiable(r) {
			return r, invalidRecord(9003, "Target %s is not allowed for a proxied record.", r.Content)
		}
		r.TTL = automaticTTL // silently, whatever was asked for
	}
	if r.TTL == 0 {
		r.TTL = automaticTTL
	}
	if r.TTL != automaticTTL && (r.TTL < minTTL || r.TTL > maxTTL) {
		return r, invalidRecord(9021, "TTL must be between %d and %d seconds, or 1 for Automatic.", minTTL, maxTTL)
	}
	if utf8.RuneCountInString(r.Comment) > maxComment {
		return r, invalidRecord(9313, "DNS record comment exceeds the maximum length of %d characters.", maxComment)
	}
	if n := len(r.Tags); n > 0 {
		return r, invalidRecord(9300, "DNS record has %d tags, exceeding the quota of 0.", n)
	}
	return r, nil
}

// checkContent returns a record's content in its canonical form. The types that
// need structured data, such as SRV and CAA, are not imitated.
func checkContent(r state.Record) (string, error) {
	content := strings.TrimSpace(r.Content)
	switch r.Type {
	case "A":
		if a, err := netip.ParseAddr(content); err != nil || !a.Is4() {
			return "", invalidRecord(9005, "Content for A record must be a valid IPv4 address.")
		}
	case "AAAA":
		a, err := netip.ParseAddr(content)
		if err != nil || !a.Is6() || a.Zone() != "" {
			return "", invalidRecord(9006, "Content for AAAA record must be a valid IPv6 address.")
		}
		return a.String(), nil
	case "CNAME":
		content = strings.ToLower(strings.TrimSuffix(content, "."))
		if _, err := netip.ParseAddr(content); err == nil || !validName(content) {
			return "", invalidRecord(9007, "Content for CNAME record is invalid.")
		}
		if content == r.Name {
			return "", invalidRecord(9039, "CNAME content cannot reference itself.")
		}
	case "MX", "NS":
		content = strings.ToLower(strings.TrimSuffix(content, "."))
		if !validName(content) {
			return "", invalidRecord(9009, "Content for %s record is invalid.", r.Type) // code assumed
		}
	case "TXT":
		if content == "" {
			return "", invalidRecord(9018, "Content for TXT record is invalid.") // code assumed
		}
	default:
		return "", invalidRecord(9001, "Records of type %q are not supported by the sandbox.", r.Type) // code assumed
	}
	return content, nil
}

// labelForm is the form of one label. Underscores are allowed, and so are asterisks,
// which have a meaning in the first label only.
var labelForm = regexp.MustCompile(`^[A-Za-z0-9_*]([A-Za-z0-9_*-]{0,61}[A-Za-z0-9_*])?$`)

// validName reports whether a full name, of at most 253 characters, is well-formed.
func validName(name string) bool {
	if len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if !labelForm.MatchString(label) {
			return false
		}
	}
	return true
}

// proxiable reports whether Cloudflare could reach a record's target from outside.
func proxiable(r state.Record) bool {
	if !state.IsAddress(r.Type) {
		return false
	}
	a, err := netip.ParseAddr(r.Content)
	return err != nil || a.IsGlobalUnicast() && !a.IsPrivate()
}
