package main

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// renaming is what is replaced by what.
type renaming struct {
	// everywhere are the rules for all texts.
	everywhere []rule
	// named are rules for files of one name.
	named map[string][]rule
}

type rule struct {
	what *regexp.Regexp
	by   string
}

// newRenaming makes the rules from the repository's files: a path is one of a package, and not the name
// of a stack or a label, if the folder that follows has Go code in it.
func newRenaming(files []string, old, new string) renaming {
	var folders []string
	for _, file := range files {
		top, _, below := strings.Cut(file, "/")
		if below && path.Ext(file) == ".go" && !slices.Contains(folders, top) {
			folders = append(folders, regexp.QuoteMeta(top))
		}
	}
	from := regexp.QuoteMeta(old)
	r := renaming{named: map[string][]rule{
		"go.mod": {{regexp.MustCompile(`(?m)^module ` + from + `$`), "module " + new}},
		".golangci.yaml": {
			{regexp.MustCompile(`prefix\(` + from + `\)`), "prefix(" + new + ")"},
			{regexp.MustCompile(`(?m)module-path: ` + from + `$`), "module-path: " + new},
		},
	}}
	if len(folders) > 0 {
		packages := regexp.MustCompile(`(^|[^\w./-]|https://)` + from + `(/(?:` + strings.Join(folders, "|") + `)\b)`)
		r.everywhere = append(r.everywhere, rule{packages, "${1}" + new + "${2}"})
	}
	// The repository's address. Until the first renaming, its owner is OWNER.
	if strings.HasPrefix(new, "github.com/") {
		address := regexp.MustCompile(`https://(?:github\.com/OWNER/k8s-tunnel|` + from + `)\b`)
		repository := regexp.MustCompile(`--repo (?:OWNER/k8s-tunnel|` + strings.TrimPrefix(from, regexp.QuoteMeta("github.com/")) + `)\b`)
		r.everywhere = append(r.everywhere, rule{address, "https://" + new}, rule{repository, "--repo " + strings.TrimPrefix(new, "github.com/")})
	}
	return r
}

// apply returns a file's new content.
func (r renaming) apply(name string, content []byte) []byte {
	if bytes.IndexByte(content, 0) >= 0 {
		return content // no text
	}
	for _, rule := range slices.Concat(r.everywhere, r.named[path.Base(name)]) {
		content = rule.what.ReplaceAll(content, []byte(rule.by))
	}
	return content
}
