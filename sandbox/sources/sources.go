// Package sources knows the files that the program is made of: those that are released, and that
// copies for tests get.
package sources

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// List lists the files of the packages that the program in the folder root imports, for all systems and
// without tests, then go.mod and go.sum, all relative to root. env is the environment of the go command.
func List(ctx context.Context, root string, env []string) ([]string, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Standard,Module,GoFiles,IgnoredGoFiles,EmbedFiles", ".")
	cmd.Dir, cmd.Env, cmd.Stderr = root, append(slices.Clip(env), "PWD="+root), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var files []string
	for packages := json.NewDecoder(bytes.NewReader(out)); ; {
		var p struct {
			Dir                                 string
			Module                              *struct{ Main bool }
			GoFiles, IgnoredGoFiles, EmbedFiles []string
		}
		if err := packages.Decode(&p); errors.Is(err, io.EOF) {
			return append(files, "go.mod", "go.sum"), nil
		} else if err != nil {
			return nil, err
		}
		if p.Module == nil || !p.Module.Main {
			continue
		}
		for _, name := range slices.Concat(p.GoFiles, p.IgnoredGoFiles, p.EmbedFiles) {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			path, err := filepath.Rel(root, filepath.Join(p.Dir, name))
			if err != nil {
				return nil, err
			}
			files = append(files, path)
		}
	}
}
