package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
)

// noticesFile has the licenses of what is linked into a binary, which want to go with it.
const noticesFile = "THIRD_PARTY_NOTICES"

// licenseName is what files with licenses, and with what they want to be passed on, are called.
var licenseName = regexp.MustCompile(`(?i)^(licen[cs]e|unlicense|copying|copyright|notice|patents)([-._][\w.-]*)?$`)

// noLicense are endings of files that are only about licenses.
var noLicense = []string{".go", ".html", ".json", ".py", ".sh", ".tmpl", ".tpl", ".yaml", ".yml"}

// licensedIn names the file of a module that has no license of its own name, but says which it is.
var licensedIn = map[string]string{"github.com/mattn/go-localereader": "README.md"}

// linked is a package of the program, as the go command lists it.
type linked struct {
	Dir      string
	Standard bool
	Module   *struct {
		Path, Version, Dir string
		Main               bool
	}
}

// license is a text and where it was found.
type license struct {
	text   string
	places []string
}

// notices collects the licenses of Go's library and of the modules in a binary: the files in each
// package's folder and in those above it. A text that several have is there once.
func (r *release) notices(ctx context.Context, env []string, info *debug.BuildInfo) ([]byte, error) {
	packages, err := r.linked(ctx, env)
	if err != nil {
		return nil, err
	}
	var found []*license
	root, err := r.goRoot(ctx, env)
	if err != nil {
		return nil, err
	}
	if err := addLicensesOfGo(root, packages, info.GoVersion, &found); err != nil {
		return nil, err
	}
	seen, licensed := map[string]bool{}, map[string]bool{}
	for _, p := range packages {
		if p.Standard || p.Module == nil || p.Module.Main {
			continue
		}
		for dir := p.Dir; ; dir = filepath.Dir(dir) {
			inside, err := filepath.Rel(p.Module.Dir, dir)
			if err != nil || !filepath.IsLocal(inside) {
				break // above the module
			}
			if seen[dir] {
				continue
			}
			seen[dir] = true
			names, err := addLicenses(dir, p.Module.Path+" "+p.Module.Version, inside, licensedIn[p.Module.Path], &found)
			if err != nil {
				return nil, err
			}
			licensed[p.Module.Path] = licensed[p.Module.Path] || names > 0
		}
	}
	for _, module := range info.Deps {
		if !licensed[module.Path] {
			return nil, fmt.Errorf("no license was found of the module %s, which is linked into the program", module.Path)
		}
	}
	return printNotices(found), nil
}

// linked lists the packages that the program consists of, by module and folder.
func (r *release) linked(ctx context.Context, env []string) ([]linked, error) {
	var stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "list", "-deps", "-json=Dir,Standard,Module", ".")
	cmd.Dir, cmd.Env, cmd.Stderr = r.root, append(slices.Clip(env), "PWD="+r.root), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w\n%s", err, stderr.Bytes())
	}
	var packages []linked
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p linked
		if err := decoder.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		packages = append(packages, p)
	}
	module := func(p linked) string {
		if p.Module == nil {
			return ""
		}
		return p.Module.Path
	}
	slices.SortFunc(packages, func(a, b linked) int {
		return cmp.Or(strings.Compare(module(a), module(b)), strings.Compare(a.Dir, b.Dir))
	})
	return packages, nil
}

func (r *release) goRoot(ctx context.Context, env []string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "env", "GOROOT")
	cmd.Dir, cmd.Env = r.root, env
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go env: %w", err)
	}
	return strings.TrimSpace(string(out)), nil
}

// goModule has the same licenses as Go, whose authors are its own.
const goModule = "golang.org/x/sys"

// addLicensesOfGo adds those of the library that is part of every program. Some distributions keep them
// elsewhere than in Go's folder root: there, those of goModule are taken, if it is one of the packages'.
func addLicensesOfGo(root string, packages []linked, version string, found *[]*license) error {
	owner := "Go's standard library " + strings.TrimPrefix(version, "go")
	folders := []string{root}
	if i := slices.IndexFunc(packages, func(p linked) bool { return p.Module != nil && p.Module.Path == goModule }); i >= 0 {
		folders = append(folders, packages[i].Module.Dir)
	}
	for _, folder := range folders {
		if names, err := addLicenses(folder, owner, ".", "", found); err != nil || names > 0 {
			return err
		}
	}
	return fmt.Errorf("no license of Go was found in %s", strings.Join(folders, " and "))
}

// addLicenses adds the files in a folder, which is called inside within its module, and returns how many
// there are. One more file that counts may be named.
func addLicenses(dir, owner, inside, more string, found *[]*license) (int, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return 0, err
	}
	names := 0
	for _, entry := range entries {
		name := entry.Name()
		counts := licenseName.MatchString(name) && !slices.Contains(noLicense, strings.ToLower(path.Ext(name)))
		if !entry.Type().IsRegular() || !counts && name != more {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return 0, err
		}
		names++
		text := strings.Trim(strings.ReplaceAll(string(raw), "\r\n", "\n"), "\n")
		place := owner + ": " + path.Join(filepath.ToSlash(inside), name)
		if i := slices.IndexFunc(*found, func(l *license) bool { return l.text == text }); i >= 0 {
			(*found)[i].places = append((*found)[i].places, place)
		} else {
			*found = append(*found, &license{text, []string{place}})
		}
	}
	return names, nil
}

// printNotices writes each text below the places where it was found.
func printNotices(found []*license) []byte {
	var out bytes.Buffer
	out.WriteString(program + " has the software below in it, which comes under the licenses below. The source of a module is what\n" +
		"`go mod download <module>@<version>` fetches.\n")
	for _, l := range found {
		fmt.Fprintf(&out, "\n%s\n\n%s\n\n%s\n", strings.Repeat("=", 80), strings.Join(l.places, "\n"), l.text)
	}
	return out.Bytes()
}
