package state

import (
	"strings"

	"golang.org/x/net/idna"
)

// ASCII is a name as the store keeps it: in lower case, without a final dot, and
// internationalized labels as xn--. What is no such name stays as it is.
func ASCII(name string) string {
	name = strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), "."))
	if ascii, err := idna.Punycode.ToASCII(name); err == nil {
		return ascii
	}
	return name
}

// Unicode is a name as people write it. Cloudflare's API says the names of zones like
// that, but those of records in ASCII.
func Unicode(name string) string {
	if unicode, err := idna.Punycode.ToUnicode(name); err == nil {
		return unicode
	}
	return name
}
