package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// check builds the release in dist, and once more from a copy of the source at another path, with an
// empty build cache, and compares all files.
func (r *release) check(ctx context.Context) (err error) {
	if err := r.build(ctx); err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", program+"-again-")
	if err != nil {
		return err
	}
	defer func() {
		if removing := os.RemoveAll(folder); err == nil {
			err = removing
		}
	}()
	again := &release{
		root: filepath.Join(folder, "elsewhere", "source"), out: filepath.Join(folder, "dist"),
		version: r.version, platforms: r.platforms, cache: filepath.Join(folder, "cache"),
	}
	if err := r.copySource(ctx, again.root); err != nil {
		return err
	}
	fmt.Println("once more, elsewhere and with an empty cache")
	if err := again.build(ctx); err != nil {
		return err
	}
	return compare(r.out, again.out)
}

// copySource copies what the release is built from.
func (r *release) copySource(ctx context.Context, to string) error {
	names, err := r.sources(ctx)
	if err != nil {
		return err
	}
	for _, name := range append(names, "LICENSE", "Pulumi.yaml", "CHANGELOG.md") {
		content, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return err
		}
		path := filepath.Join(to, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// compare demands that the files that the second folder's checksums list are the same in the first.
func compare(first, second string) error {
	var same []string
	sums, err := os.ReadFile(filepath.Join(second, checksumsFile))
	if err != nil {
		return err
	}
	for _, line := range bytes.Split(bytes.TrimSpace(sums), []byte("\n")) {
		_, name, found := bytes.Cut(line, []byte("  "))
		if !found {
			return fmt.Errorf("%s: %q", checksumsFile, line)
		}
		same = append(same, string(name))
	}
	for _, name := range append(same, checksumsFile) {
		a, err := os.ReadFile(filepath.Join(first, name))
		if err != nil {
			return err
		}
		b, err := os.ReadFile(filepath.Join(second, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(a, b) {
			return fmt.Errorf("%s differs between two builds of the same source", name)
		}
	}
	fmt.Printf("the same, byte for byte: %d files\n", len(same)+1)
	return nil
}
