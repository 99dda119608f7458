package preflight

import (
	"strconv"
	"strings"
)

// printable escapes what a terminal would obey or not show, such as line breaks and
// marks of direction, in text that comes from others.
func printable(text string) string {
	var out strings.Builder
	for _, r := range text {
		if strconv.IsPrint(r) {
			out.WriteRune(r)
			continue
		}
		escaped := strconv.QuoteRune(r)
		out.WriteString(escaped[1 : len(escaped)-1])
	}
	return out.String()
}

// foreignError is an error whose text comes from others.
type foreignError struct{ error }

func (f foreignError) Error() string { return printable(f.error.Error()) }

func (f foreignError) Unwrap() error { return f.error }
