package main

import (
	"bytes"
	"cmp"
	"path"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/module"
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
		packages := regexp.MustCompile(`(^|[^\w./-])` + from + `(/(?:` + strings.Join(folders, "|") + `)\b)`)
		r.everywhere = append(r.everywhere, rule{packages, "${1}" + new + "${2}"})
	}
	// How another module takes this one from a folder, at the first version that fits the path.
	_, major, _ := module.SplitPathVersion(new)
	first := cmp.Or(module.PathMajorPrefix(major), "v0") + ".0.0"
	r.everywhere = append(r.everywhere,
		rule{regexp.MustCompile(`(-require\s+)` + from + `@v\d+\.0\.0\b`), "${1}" + new + "@" + first},
		rule{regexp.MustCompile(`(-replace\s+)` + from + `=`), "${1}" + new + "="})
	// The repository's address. Until the first renaming, its owner is OWNER.
	if strings.HasPrefix(new, host) {
		is, was := repository(new), regexp.QuoteMeta(repository(old))
		address := regexp.MustCompile(`https://(?:github\.com/OWNER/k8s-tunnel|` + was + `)\b`)
		option := regexp.MustCompile(`--repo (?:OWNER/k8s-tunnel|` + strings.TrimPrefix(was, regexp.QuoteMeta(host)) + `)\b`)
		r.everywhere = append(r.everywhere, rule{address, "https://" + is}, rule{option, "--repo " + strings.TrimPrefix(is, host)})
	}
	return r
}

// host is where the repository's address can be told from the module's path.
const host = "github.com/"

// repository is the part of a module's path that names the repository: without a folder in it and the
// major version.
func repository(path string) string {
	if prefix, _, ok := module.SplitPathVersion(path); ok {
		path = prefix
	}
	elements := strings.Split(path, "/")
	return strings.Join(elements[:min(len(elements), 3)], "/")
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
