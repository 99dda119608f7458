package toolchain

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	gomodule "golang.org/x/mod/module"
)

// Spent is what one target took when it was built.
type Spent struct {
	Target, Group string
	Cost
	// Downloaded is the size in MB of the modules that it is made of, without those of the targets
	// before it.
	Downloaded float64
}

// CostsOf returns what the builds in the clone at root took. The sizes are those of the module cache
// modules.
func CostsOf(ctx context.Context, root, modules string) ([]Spent, error) {
	counted := map[string]bool{}
	var all []Spent
	for _, t := range targets() {
		content, err := os.ReadFile(t.stampPath(root))
		if err != nil {
			continue // it wasn't asked for
		}
		var written stamp
		if err := json.Unmarshal(content, &written); err != nil {
			return nil, fmt.Errorf("reading what %s took: %w", t.name, err)
		}
		spent := Spent{Target: t.name, Group: t.group, Cost: written.Cost}
		needed, err := t.modules(ctx, root, modules)
		if err != nil {
			return nil, err
		}
		for _, zip := range needed {
			if info, err := os.Stat(zip); err == nil && !counted[zip] {
				counted[zip] = true
				spent.Downloaded += float64(info.Size()) / 1e6
			}
		}
		all = append(all, spent)
	}
	return all, nil
}

// listArgs returns the arguments of `go` that list the modules of all packages of t.
func (t target) listArgs() []string {
	args := []string{"list", "-deps", "-f", "{{with .Module}}{{with .Replace}}{{.Path}}@{{.Version}}{{else}}{{.Path}}@{{.Version}}{{end}}{{end}}"}
	if t.tags != "" {
		args = append(args, "-tags="+t.tags)
	}
	return append(args, t.packages...)
}

// modules returns the archives in the module cache that t is made of.
func (t target) modules(ctx context.Context, root, cache string) ([]string, error) {
	cmd := t.goCmd(ctx, root, t.listArgs()...)
	cmd.Env = append(cmd.Env, "GOMODCACHE="+cache)
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the modules of %s: %w", t.name, withStderr(err))
	}
	var zips []string
	for line := range strings.FieldsSeq(string(output)) {
		path, version, _ := strings.Cut(line, "@")
		escaped, err := gomodule.EscapePath(path)
		if version == "" || err != nil {
			continue // it lies in the repository
		}
		if version, err = gomodule.EscapeVersion(version); err != nil {
			continue
		}
		zips = append(zips, filepath.Join(cache, "cache", "download", escaped, "@v", version+".zip"))
	}
	return zips, nil
}
