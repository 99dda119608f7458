package settings

import (
	"fmt"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
)

// suggest returns the end of a message about an unknown word: the known word
// that is closest to it, or all of them when none is close.
func suggest(unknown string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	known = slices.Sorted(slices.Values(known))
	if nearest, distance := closest(unknown, known); distance <= max(2, len(unknown)/3) {
		return fmt.Sprintf("; did you mean %s?", nearest)
	}
	if len(known) == 1 {
		return "; there is only " + known[0]
	}
	return "; there are " + strings.Join(known, ", ")
}

// closest returns the known word that is closest to a word, and their distance.
func closest(word string, known []string) (nearest string, distance int) {
	to := func(other string) int {
		return levenshtein.Distance(strings.ToLower(word), strings.ToLower(other), nil)
	}
	nearest = slices.MinFunc(known, func(a, b string) int { return to(a) - to(b) })
	return nearest, to(nearest)
}
