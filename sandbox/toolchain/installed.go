package toolchain

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"golang.org/x/mod/semver"
)

// languageHost is Pulumi's name for the part that runs Go programs.
const languageHost = "pulumi-language-go"

// installed is the user's own Pulumi.
type installed struct {
	Path     string    `json:"path"`
	Version  string    `json:"version"`
	Size     int64     `json:"size"`
	Modified time.Time `json:"modified"`
}

// findPulumi looks for the user's own Pulumi on the search path. If one was found that doesn't fit,
// the text says why.
func findPulumi(ctx context.Context, root, searchPath string) (*installed, string) {
	for _, dir := range filepath.SplitList(searchPath) {
		if !filepath.IsAbs(dir) || isOwn(dir) {
			continue
		}
		path, err := filepath.EvalSymlinks(filepath.Join(dir, "pulumi"))
		if err != nil {
			continue
		}
		info, err := os.Stat(path)
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			continue
		}
		found := installed{Path: path, Size: info.Size(), Modified: info.ModTime()}
		found.Version, err = pulumiVersion(ctx, root, found)
		if err != nil {
			return nil, fmt.Sprintf("%s doesn't tell its version", path)
		}
		host, err := os.Stat(filepath.Join(filepath.Dir(path), languageHost))
		if why := judgePulumi(path, found.Version, err == nil && !host.IsDir()); why != "" {
			return nil, why
		}
		return &found, ""
	}
	return nil, ""
}

// isOwn reports whether dir is one in which a clone of this repository keeps its tools. In a shell
// that is set up for a local world, it is on the search path.
func isOwn(dir string) bool {
	dir = filepath.Clean(dir)
	return filepath.Base(dir) == "bin" && filepath.Base(filepath.Dir(dir)) == ".sandbox"
}

// judgePulumi says why a Pulumi doesn't fit, and is empty if it does. A newer major version may
// have changed anything, so it doesn't.
func judgePulumi(path, version string, hasHost bool) string {
	switch {
	case !semver.IsValid(version):
		return fmt.Sprintf("%s calls its version %q", path, version)
	case semver.Compare(version, "v"+PulumiVersion) < 0:
		return fmt.Sprintf("%s is %s, older than %s", path, version[1:], PulumiVersion)
	case semver.Major(version) != semver.Major("v"+PulumiVersion):
		return fmt.Sprintf("%s is %s, a version that hasn't been tried here", path, version[1:])
	case !hasHost:
		return fmt.Sprintf("%s has no %s beside it", path, languageHost)
	}
	return ""
}

// pulumiVersion runs `pulumi version`, or recalls its output if the file hasn't changed: running it
// takes longer than everything else in a run that finds all in place.
func pulumiVersion(ctx context.Context, root string, found installed) (string, error) {
	memory := filepath.Join(stateDir(root), "keys", "installed-pulumi.json")
	if content, err := os.ReadFile(memory); err == nil {
		var known installed
		if json.Unmarshal(content, &known) == nil && known.Path == found.Path &&
			known.Size == found.Size && known.Modified.Equal(found.Modified) {
			return known.Version, nil
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, found.Path, "version")
	cmd.Env = append(os.Environ(), "PULUMI_SKIP_UPDATE_CHECK=true", "PULUMI_HOME="+downloadHome(root))
	output, err := cmd.Output()
	if err != nil {
		return "", withStderr(err)
	}
	found.Version = parseVersion(string(output))
	content, err := json.Marshal(found)
	if err != nil {
		return "", err
	}
	return found.Version, writeFile(memory, content)
}

// parseVersion finds the version in a tool's output and returns it with a leading v.
func parseVersion(output string) string {
	for _, word := range strings.Fields(output) {
		word = "v" + strings.TrimPrefix(word, "v")
		if semver.IsValid(word) && strings.Count(word, ".") >= 2 {
			return word
		}
	}
	return strings.TrimSpace(output)
}

// use puts links to the user's Pulumi and its language host where ours would be, so that the two
// match whatever the search path says.
func (p installed) use(root string) error {
	if err := os.MkdirAll(BinDir(root), 0o755); err != nil {
		return fmt.Errorf("making the directory for tools: %w", err)
	}
	for _, name := range []string{"pulumi", languageHost} {
		source := filepath.Join(filepath.Dir(p.Path), name)
		if name == "pulumi" {
			source = p.Path
		}
		if err := renameio.Symlink(source, filepath.Join(BinDir(root), name)); err != nil {
			return fmt.Errorf("linking your %s: %w", name, err)
		}
	}
	return nil
}

// tool describes the part of it that replaces t. The language host can't tell its version.
func (p installed) tool(t target) Tool {
	found := Tool{Name: t.label, Origin: OriginYours, Path: p.Path}
	if t.name == "pulumi" {
		found.Version = p.Version[1:]
	} else {
		found.Path = filepath.Join(filepath.Dir(p.Path), languageHost)
	}
	return found
}
