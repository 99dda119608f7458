package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What the documents refer to is there: headings, files, targets of the Makefile and tests.
func TestDocuments_ReferToWhatIsThere(t *testing.T) {
	t.Parallel()
	texts := documents(t)
	makefile, err := os.ReadFile("Makefile")
	require.NoError(t, err)
	tests := testNames(t)
	for file, text := range texts {
		for _, line := range commented(text) {
			t.Errorf("%s: zsh takes the comment for words: %s", file, line)
		}
		for _, link := range regexp.MustCompile(`\]\(([^)\s]+)\)|(?:src|srcset|href)="([^"]+)"`).FindAllStringSubmatch(text, -1) {
			target := link[1] + link[2]
			if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
				continue
			}
			path, anchor, _ := strings.Cut(target, "#")
			to := filepath.Join(filepath.Dir(file), path)
			if path == "" {
				to = file
			}
			if _, err := os.Stat(to); err != nil {
				t.Errorf("%s: there is no %s", file, target)
			}
			if other, ok := texts[to]; ok && anchor != "" && !slices.Contains(anchors(other), anchor) {
				t.Errorf("%s: %s has no heading for #%s", file, to, anchor)
			}
		}
		for _, command := range regexp.MustCompile("(?m)(?:^|`)make ([a-z][a-z0-9-]*)").FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + command[1] + `:`).Match(makefile) {
				t.Errorf("%s: the Makefile has no target %s", file, command[1])
			}
		}
		for _, test := range regexp.MustCompile("`(Test[A-Z]\\w*)`|-run '?\\^?(Test\\w+)").FindAllStringSubmatch(text, -1) {
			if name := test[1] + test[2]; !tests[name] {
				t.Errorf("%s: there is no test %s", file, name)
			}
		}
	}
}

// documents returns the texts of the repository's documents.
func documents(t *testing.T) map[string]string {
	t.Helper()
	texts := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*/*.md", ".github/*.md", ".github/*/*.md", "sandbox/release/texts/*.md"} {
		files, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, file := range files {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			texts[file] = string(raw)
		}
	}
	require.Contains(t, texts, "README.md")
	require.Contains(t, texts, "CONTRIBUTING.md")
	require.Contains(t, texts, "docs/reference.md")
	return texts
}

// commented returns the lines of shell blocks that have a comment. Pasted into an interactive zsh, that is
// more arguments, and an apostrophe in it begins a quote.
func commented(text string) []string {
	var lines []string
	for _, block := range regexp.MustCompile("(?ms)^ *```sh\n(.*?)^ *```$").FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if regexp.MustCompile(`(?:^|\s)#`).MatchString(line) {
				lines = append(lines, strings.TrimSpace(line))
			}
		}
	}
	return lines
}

// anchors returns the names by which a document's headings can be linked to.
func anchors(text string) []string {
	text = regexp.MustCompile("(?ms)^ *```.*?^ *```$").ReplaceAllString(text, "")
	var names []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(text, -1) {
		name := regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		names = append(names, strings.ReplaceAll(name, " ", "-"))
	}
	return names
}

// testNames returns the names of all tests in the repository.
func testNames(t *testing.T) map[string]bool {
	t.Helper()
	names := map[string]bool{}
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != "." && strings.HasPrefix(path, "."):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, name := range regexp.MustCompile(`(?m)^func (Test\w+)\(`).FindAllSubmatch(raw, -1) {
			names[string(name[1])] = true
		}
		return err
	})
	require.NoError(t, err)
	return names
}
