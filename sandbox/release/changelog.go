package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"k8s-tunnel/sandbox/git"
)

const unreleased = "## [Unreleased]\n"

// cutChangelog returns the version's section of CHANGELOG.md. If there is none yet, it becomes what is
// unreleased, with the day of the last commit, so that whoever builds the same commit gets the same.
// Versions to try, such as v0.2.0-rc.1, leave the file as it is.
func (r *release) cutChangelog(ctx context.Context) (string, error) {
	path := filepath.Join(r.root, "CHANGELOG.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	if notes, found := section(string(raw), r.version); found {
		return notes, nil
	}
	if semver.Prerelease(r.version) != "" {
		_, after, _ := strings.Cut(string(raw), unreleased)
		notes, _, _ := strings.Cut(after, "\n## [")
		return heading(r.version) + "\n\n" + strings.TrimSpace(notes) + "\n", nil
	}
	day, err := r.dayOfCommit(ctx)
	if err != nil {
		return "", fmt.Errorf("finding the day of the last commit, for the changelog: %w", err)
	}
	cut, err := cutUnreleased(string(raw), r.version, day)
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(path, []byte(cut), 0o644); err != nil {
		return "", err
	}
	fmt.Printf("CHANGELOG.md has a section for %s now: commit it before the tag\n", r.version)
	notes, _ := section(cut, r.version)
	return notes, nil
}

// dayOfCommit is that of the last commit, in UTC.
func (r *release) dayOfCommit(ctx context.Context) (string, error) {
	out, err := git.Output(ctx, r.root, "log", "-1", "--format=%ct")
	if err != nil {
		return "", err
	}
	seconds, err := strconv.ParseInt(strings.TrimSpace(string(out)), 10, 64)
	return time.Unix(seconds, 0).UTC().Format(time.DateOnly), err
}

// cutUnreleased puts the heading of a version below that of what is unreleased.
func cutUnreleased(text, version, day string) (string, error) {
	before, after, found := strings.Cut(text, unreleased)
	if !found {
		return "", fmt.Errorf("CHANGELOG.md has neither a section for %s nor what is unreleased", version)
	}
	changes, _, _ := strings.Cut(after, "\n## [")
	if strings.TrimSpace(changes) == "" {
		return "", fmt.Errorf("CHANGELOG.md has no changes for %s", version)
	}
	return before + unreleased + "\n" + heading(version) + " - " + day + "\n" + after, nil
}

func heading(version string) string { return "## [" + strings.TrimPrefix(version, "v") + "]" }

// section returns a version's section with its heading.
func section(text, version string) (string, bool) {
	begin := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(heading(version)) + `.*$`).FindStringIndex(text)
	if begin == nil {
		return "", false
	}
	notes, _, _ := strings.Cut(text[begin[0]:], "\n## [")
	return strings.TrimSpace(notes) + "\n", true
}
