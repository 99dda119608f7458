// Package edited makes copies of required modules in which a file or two are other than upstream's,
// where that spares much compiling or lets modules of different ages be built together. A copy is
// made at build time from the module cache, and go.mod replaces the module by it. Making one fails
// if upstream's file isn't what the edit was written for.
package edited

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Module is a module with edited files.
type Module struct {
	// Path and Version say which module it is, as go.mod does.
	Path, Version string
	// Sum is the module's checksum, as in go.sum, which has no line for a module that is replaced.
	Sum string
	// Folder is the copy's, below that for all copies.
	Folder string
	// For is the directory of the module that requires it, relative to the clone's root.
	For string
	// edits are those of each file that isn't upstream's, by its path in the module.
	edits map[string]edit
}

// edit returns what a file becomes, or an error if it isn't what the edit was written for.
type edit func(source []byte) ([]byte, error)

// Modules are all modules with edited files.
func Modules() []Module {
	return []Module{{
		Path: "github.com/pulumi/pulumi-kubernetes/sdk/v4", Version: "v4.25.0",
		Sum:    "h1:N1qitmrGomEaCPsblqJHaw8Re0cqqox5V+kHsi4EEtk=",
		Folder: "pulumi-kubernetes-sdk", For: plugin,
		edits: map[string]edit{"go/kubernetes/yaml/v2/kinds.go": withoutTypes},
	}, {
		Path: "github.com/pulumi/pulumi-kubernetes/provider/v4", Version: "v4.0.0-20260115033456-f47bc2d6f199",
		Sum:    "h1:j2bphCf7c2YhnBrhwht2f3TNRRgcMImltUlAgzxr9H4=",
		Folder: "pulumi-kubernetes-provider", For: plugin,
		edits: map[string]edit{
			// The schema's field became a pointer between Pulumi 3.215 and 3.250.
			"pkg/gen/schema.go": replace("Provider: pschema.ResourceSpec{", "Provider: &pschema.ResourceSpec{"),
			// Kubernetes itself went from version 4 to version 6 between 1.33 and 1.36.
			"pkg/await/await.go": replace("sigs.k8s.io/structured-merge-diff/v4/", "sigs.k8s.io/structured-merge-diff/v6/"),
		},
	}, {
		Path: "github.com/zalando/skipper", Version: "v0.26.0",
		Sum:    "h1:jIEhNBt/aGG5PbbvAQ8tsnOX2XGHJXySlemEhBvJKrA=",
		Folder: "skipper", For: "sandbox/toolchain/modules/skipper",
		// Without Open Policy Agent, which nothing here uses: with it, skipper takes three times as
		// long to compile, and is three times as large.
		edits: map[string]edit{
			"skipper.go": all(
				cut("\t\"github.com/zalando/skipper/filters/openpolicyagent\"\n", "\tratelimitfilters \"github.com/zalando/skipper/"),
				cut("\tvar opaRegistry *openpolicyagent.", "\tif len(o.CompressEncodings) > 0 {\n"),
				cut("\tif o.EnableOpenPolicyAgent {\n\t\t// Add PreProcessor", "\tif o.CustomRoutingPreProcessors != nil {\n"),
			),
			"config/config.go": all(
				replace("\t\"github.com/zalando/skipper/filters/openpolicyagent\"\n", ""),
				zeroes(`openpolicyagent\.Default\w+`, 7),
			),
		},
	}}
}

// plugin is the module of Pulumi's plugin for Kubernetes.
const plugin = "sandbox/plugins/kubernetes"

// Make makes the copies for a module, or all of them if it is empty, below dir, with the environment
// env for the go command.
func Make(ctx context.Context, dir, requiring string, env []string) error {
	for _, module := range Modules() {
		if requiring != "" && module.For != requiring {
			continue
		}
		if err := module.make(ctx, dir, env); err != nil {
			return fmt.Errorf("making the edited copy of %s %s: %w", module.Path, module.Version, err)
		}
	}
	return nil
}

// Made reports whether there are all copies for a module below dir, made by the package as it is now.
func Made(dir, requiring string) bool {
	return !slices.ContainsFunc(Modules(), func(m Module) bool { return m.For == requiring && !m.made(dir) })
}

func (m Module) made(dir string) bool {
	found, err := os.ReadFile(filepath.Join(dir, m.Folder, stampName))
	if err != nil {
		return false
	}
	want, err := stamp()
	return err == nil && string(found) == want
}

// stampName is the file in a copy that says by what it was made.
const stampName = "made-by-k8s-tunnel.sha256"

// sources are this package's, which say what all copies are made of: the versions and the edits.
//
//go:embed *.go
var sources embed.FS

// stamp is what the file stampName has in it.
func stamp() (string, error) {
	digest := sha256.New()
	err := fs.WalkDir(sources, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := sources.ReadFile(path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(digest, "%s %d\n%s", path, len(content), content)
		return err
	})
	return fmt.Sprintf("%x\n", digest.Sum(nil)), err
}

func (m Module) make(ctx context.Context, dir string, env []string) error {
	source, err := m.download(ctx, env)
	if err != nil {
		return err
	}
	return m.copy(source, dir)
}

// copy makes the copy of a module in the folder source.
func (m Module) copy(source, dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp(dir, m.Folder+".")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	fresh := filepath.Join(scratch, "fresh")
	if err := copyWritable(source, fresh); err != nil {
		return err
	}
	for name, edit := range m.edits {
		if err := apply(filepath.Join(fresh, filepath.FromSlash(name)), edit); err != nil {
			return fmt.Errorf("%s isn't what the edit was written for: %w", name, err)
		}
	}
	made, err := stamp()
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(fresh, stampName), []byte(made), 0o644); err != nil {
		return err
	}
	target := filepath.Join(dir, m.Folder)
	if err := os.RemoveAll(target); err != nil {
		return err
	}
	return os.Rename(fresh, target)
}

func apply(file string, edit edit) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if content, err = edit(content); err != nil {
		return err
	}
	return os.WriteFile(file, content, 0o644)
}

// download returns the module's directory in the module cache.
func (m Module) download(ctx context.Context, env []string) (string, error) {
	// Outside of any module, so that no go.mod replaces it by the copy. The checksum is compared
	// here, since no go.sum does so.
	cmd := exec.CommandContext(ctx, "go", "mod", "download", "-json", m.Path+"@"+m.Version)
	cmd.Dir = os.TempDir()
	cmd.Env = slices.Concat(env, []string{"PWD=" + cmd.Dir, "GO111MODULE=on", "GOFLAGS=-mod=mod", "GONOSUMDB=*"})
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	var answer struct{ Dir, Sum, Error string }
	if decodeErr := json.Unmarshal(output, &answer); err == nil {
		err = decodeErr
	}
	if err != nil {
		return "", fmt.Errorf("downloading it: %w: %s%s", err, answer.Error, bytes.TrimSpace(stderr.Bytes()))
	}
	if answer.Sum != m.Sum {
		return "", fmt.Errorf("its checksum is %s rather than %s", answer.Sum, m.Sum)
	}
	return answer.Dir, nil
}

// copyWritable copies a directory of the module cache, where everything is read-only.
func copyWritable(source, target string) error {
	return filepath.WalkDir(source, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(source, path)
		if err != nil {
			return err
		}
		if entry.IsDir() {
			return os.MkdirAll(filepath.Join(target, name), 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(target, name), content, 0o644)
	})
}

// replace returns an edit of the one place that reads before.
func replace(before, after string) edit {
	return func(source []byte) ([]byte, error) {
		if count := bytes.Count(source, []byte(before)); count != 1 {
			return nil, fmt.Errorf("it has %q %d times rather than once", before, count)
		}
		return bytes.Replace(source, []byte(before), []byte(after), 1), nil
	}
}

// cut returns an edit that removes what begins with from, up to the text to, each of which is there
// once.
func cut(from, to string) edit {
	return func(source []byte) ([]byte, error) {
		for _, text := range []string{from, to} {
			if count := bytes.Count(source, []byte(text)); count != 1 {
				return nil, fmt.Errorf("it has %q %d times rather than once", text, count)
			}
		}
		begin, end := bytes.Index(source, []byte(from)), bytes.Index(source, []byte(to))
		if end < begin {
			return nil, fmt.Errorf("it has %q after %q", from, to)
		}
		return slices.Concat(source[:begin], source[end:]), nil
	}
}

// zeroes returns an edit that puts 0 in the places that match an expression.
func zeroes(expression string, places int) edit {
	pattern := regexp.MustCompile(expression)
	return func(source []byte) ([]byte, error) {
		if count := len(pattern.FindAllIndex(source, -1)); count != places {
			return nil, fmt.Errorf("it has %s %d times rather than %d", expression, count, places)
		}
		return pattern.ReplaceAll(source, []byte("0")), nil
	}
}

// all returns an edit that makes several, one after the other.
func all(edits ...edit) edit {
	return func(source []byte) (content []byte, err error) {
		for _, edit := range edits {
			if source, err = edit(source); err != nil {
				return nil, err
			}
		}
		return source, nil
	}
}
