package settings

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// unread is a value that couldn't be read.
type unread struct{ path, problem string }

func (u *unread) Error() string { return u.path + ": " + u.problem }

func unreadable(path, format string, values ...any) error {
	return &unread{path, fmt.Sprintf(format, values...)}
}

// Unread lists the settings, and the fields of them, that couldn't be read, by the paths that
// begin their problems. What was read has no value in their place, or an empty one.
func Unread(problems error) []string {
	var paths []string
	for _, problem := range flat(problems) {
		if u := (*unread)(nil); errors.As(problem, &u) {
			paths = append(paths, u.path)
		}
	}
	return paths
}

// Without leaves out those problems of a validation that may follow from what couldn't be
// read: they begin with the path of such a value, with one below it, or with that of the
// item of a list that it is in. A rule without its hostname, for example, seems to match all
// requests. So may problems that ask to add something to it, or to the list that it is in.
func Without(unread []string, problems error) error {
	return errors.Join(slices.DeleteFunc(flat(problems), func(problem error) bool {
		path, text, _ := strings.Cut(problem.Error(), ": ")
		return slices.ContainsFunc(unread, func(u string) bool {
			list, _, _ := strings.Cut(u, "[")
			return within(path, u) || strings.HasSuffix(path, "]") && within(u, path) || asksFor(text, list)
		})
	})...)
}

// asksFor reports whether a problem's text says to add something to a setting.
func asksFor(text, path string) bool {
	for _, before := range []string{" to ", " in "} {
		if _, after, found := strings.Cut(text, before+path); found && (after == "" || strings.ContainsAny(after[:1], ":,; ")) {
			return true
		}
	}
	return false
}

// within reports whether a path is another one, or below it.
func within(path, other string) bool {
	below, ok := strings.CutPrefix(path, other)
	return ok && (below == "" || below[0] == '.' || below[0] == '[')
}

// flat lists the problems that were joined.
func flat(problems error) []error {
	joined, ok := problems.(interface{ Unwrap() []error })
	if !ok {
		return slices.DeleteFunc([]error{problems}, func(err error) bool { return err == nil })
	}
	var all []error
	for _, problem := range joined.Unwrap() {
		all = append(all, flat(problem)...)
	}
	return all
}
