package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/semver"
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
	cmd := exec.CommandContext(ctx, "git", "log", "-1", "--date=format-local:%Y-%m-%d", "--format=%cd")
	cmd.Dir, cmd.Env = r.root, append(os.Environ(), "TZ=UTC")
	day, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("finding the day of the last commit, for the changelog: %w", err)
	}
	cut, err := cutUnreleased(string(raw), r.version, strings.TrimSpace(string(day)))
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
