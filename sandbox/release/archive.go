package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// file is an entry of an archive.
type file struct {
	name    string
	content []byte
	mode    fs.FileMode
}

// stamp is the time of all entries, the oldest that every format can hold and that lies in the past
// everywhere.
var stamp = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)

// tarGzip packs files into one folder.
func tarGzip(folder string, files []file) ([]byte, error) {
	var out bytes.Buffer
	compressed, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	archive := tar.NewWriter(compressed)
	for _, f := range files {
		header := &tar.Header{
			Name: path.Join(folder, f.name), Mode: int64(f.mode), Size: int64(len(f.content)), ModTime: stamp,
			Typeflag: tar.TypeReg, Format: tar.FormatUSTAR,
		}
		if err := archive.WriteHeader(header); err != nil {
			return nil, err
		}
		if _, err := archive.Write(f.content); err != nil {
			return nil, err
		}
	}
	if err := archive.Close(); err != nil {
		return nil, err
	}
	err = compressed.Close()
	return out.Bytes(), err
}

// zipped packs files into one folder, or none if it has no name. Each folder comes before what is in it,
// because Pulumi makes none by itself.
func zipped(folder string, files []file) ([]byte, error) {
	var out bytes.Buffer
	archive := zip.NewWriter(&out)
	made := map[string]bool{".": true}
	for _, f := range files {
		name := path.Join(folder, f.name)
		var missing []string
		for parent := path.Dir(name); !made[parent]; parent = path.Dir(parent) {
			made[parent] = true
			missing = append(missing, parent+"/")
		}
		slices.Reverse(missing)
		for _, parent := range missing {
			header := &zip.FileHeader{Name: parent, Modified: stamp}
			header.SetMode(fs.ModeDir | 0o755)
			if _, err := archive.CreateHeader(header); err != nil {
				return nil, err
			}
		}
		header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: stamp}
		header.SetMode(f.mode)
		entry, err := archive.CreateHeader(header)
		if err != nil {
			return nil, err
		}
		if _, err := entry.Write(f.content); err != nil {
			return nil, err
		}
	}
	err := archive.Close()
	return out.Bytes(), err
}

// checksumsFile lists the SHA-256 of all other files, as sha256sum --check reads it.
const checksumsFile = "SHA256SUMS"

func (r *release) writeChecksums(files []string) error {
	slices.Sort(files)
	var out strings.Builder
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(r.out, name))
		if err != nil {
			return err
		}
		fmt.Fprintf(&out, "%x  %s\n", sha256.Sum256(content), name)
	}
	fmt.Printf("in %s:\n%s", r.out, out.String())
	return os.WriteFile(filepath.Join(r.out, checksumsFile), []byte(out.String()), 0o644)
}
