package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/stretchr/testify/require"
)

// staticProgram is an executable's header, with a few bytes that distinguish it from others.
func staticProgram(content string) []byte {
	header := make([]byte, 64)
	copy(header, "\x7fELF\x02\x01\x01")
	binary.LittleEndian.PutUint16(header[16:], 2)  // executable
	binary.LittleEndian.PutUint16(header[18:], 62) // x86-64
	binary.LittleEndian.PutUint32(header[20:], 1)
	binary.LittleEndian.PutUint16(header[52:], 64)
	binary.LittleEndian.PutUint16(header[54:], 56)
	binary.LittleEndian.PutUint16(header[58:], 64)
	return append(header, content...)
}

// binaries fills a directory with programs for All.
func binaries(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"cloudflared", "coredns", "skipper", "webapp", "pause"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), staticProgram(name), 0o755))
	}
	return dir
}

// open unpacks a tar, checks every digest in it, and returns the images by name.
func open(t *testing.T, file string) map[string]v1.Image {
	t.Helper()
	dir := t.TempDir()
	for name, data := range entries(t, file) {
		if digest, ok := strings.CutPrefix(name, "blobs/sha256/"); ok {
			require.Equal(t, digest, fmt.Sprintf("%x", sha256.Sum256(data)))
		}
		target := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(target), 0o755))
		require.NoError(t, os.WriteFile(target, data, 0o644))
	}
	index, err := layout.ImageIndexFromPath(dir)
	require.NoError(t, err)
	manifest, err := index.IndexManifest()
	require.NoError(t, err)
	out := map[string]v1.Image{}
	for _, d := range manifest.Manifests {
		image, err := index.Image(d.Digest)
		require.NoError(t, err)
		out[d.Annotations["io.containerd.image.name"]] = image
	}
	return out
}

// files lists an image's files as they are on top of all its layers.
func files(t *testing.T, image v1.Image) map[string]tar.Header {
	t.Helper()
	layers, err := image.Layers()
	require.NoError(t, err)
	out := map[string]tar.Header{}
	for _, l := range layers {
		content, err := l.Uncompressed()
		require.NoError(t, err)
		for r := tar.NewReader(content); ; {
			header, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			require.True(t, header.ModTime.IsZero() || header.ModTime.Unix() == 0)
			out[header.Name] = *header
		}
	}
	return out
}

func TestWrite_SameInputSameBytes(t *testing.T) {
	t.Parallel()
	spec := Spec{
		Names: []string{"localhost/a:1", "localhost/a:latest"}, User: "1:1", Entrypoint: []string{"/a"},
		Labels: map[string]string{"x": "1", "y": "2", "z": "3"}, Layers: []Layer{{Text("/etc/a/b", "c"), Dir("/tmp", fs.ModeSticky|0o777, 0)}},
	}
	var last []byte
	for range 3 {
		file := filepath.Join(t.TempDir(), "a.tar")
		images, err := build([]Spec{spec})
		require.NoError(t, err)
		require.NoError(t, write(file, images))
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.True(t, last == nil || bytes.Equal(last, data))
		last = data
		written := open(t, file)
		require.Len(t, written, 2)
		one, err := written["localhost/a:1"].Digest()
		require.NoError(t, err)
		other, err := written["localhost/a:latest"].Digest()
		require.NoError(t, err)
		require.Equal(t, one, other)
		got := files(t, written["localhost/a:1"])
		require.EqualValues(t, 0o1777, got["tmp/"].Mode)
		require.Contains(t, got, "etc/")
		require.Contains(t, got, "etc/a/")
		require.EqualValues(t, 1, got["etc/a/b"].Size)
	}
}

// TestWrite_IndexNamesTheImages reads the tar without the library that wrote it, as containerd
// does.
func TestWrite_IndexNamesTheImages(t *testing.T) {
	t.Parallel()
	shared := Layer{Text("/shared", "by both")}
	images, err := build([]Spec{
		{Names: []string{"localhost/a:1", "localhost/a:latest"}, Layers: []Layer{shared}, User: "1:1"},
		{Names: []string{"localhost/b:1"}, Layers: []Layer{shared, {Text("/own", "of b")}}},
	})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "a.tar")
	require.NoError(t, write(file, images))
	entries := entries(t, file)
	require.JSONEq(t, `{"imageLayoutVersion": "1.0.0"}`, string(entries["oci-layout"]))
	// Two layers, and a configuration and a manifest of each image.
	require.Len(t, entries, len([]string{"oci-layout", "index.json"})+2+2*2)

	type descriptor struct {
		MediaType   string            `json:"mediaType"`
		Digest      string            `json:"digest"`
		Size        int               `json:"size"`
		Annotations map[string]string `json:"annotations"`
		Platform    map[string]string `json:"platform"`
	}
	blob := func(d descriptor) []byte {
		data := entries["blobs/"+strings.Replace(d.Digest, ":", "/", 1)]
		require.Equal(t, d.Digest, fmt.Sprintf("sha256:%x", sha256.Sum256(data)))
		require.Len(t, data, d.Size)
		return data
	}
	var index struct {
		MediaType string       `json:"mediaType"`
		Manifests []descriptor `json:"manifests"`
	}
	require.NoError(t, json.Unmarshal(entries["index.json"], &index))
	require.Equal(t, "application/vnd.oci.image.index.v1+json", index.MediaType)
	names := []string{"localhost/a:1", "localhost/a:latest", "localhost/b:1"}
	digests := []string{images[0].digest.String(), images[0].digest.String(), images[1].digest.String()}
	require.Len(t, index.Manifests, len(names))
	for i, entry := range index.Manifests {
		require.Equal(t, "application/vnd.oci.image.manifest.v1+json", entry.MediaType)
		require.Equal(t, digests[i], entry.Digest)
		require.Equal(t, map[string]string{"os": "linux", "architecture": runtime.GOARCH}, entry.Platform)
		require.Equal(t, map[string]string{
			"io.containerd.image.name": names[i], "org.opencontainers.image.ref.name": names[i],
		}, entry.Annotations)
		var manifest struct {
			Config descriptor   `json:"config"`
			Layers []descriptor `json:"layers"`
		}
		require.NoError(t, json.Unmarshal(blob(entry), &manifest))
		require.Equal(t, "application/vnd.oci.image.config.v1+json", manifest.Config.MediaType)
		for _, part := range append(manifest.Layers, manifest.Config) {
			blob(part)
		}
		for _, layer := range manifest.Layers {
			require.Equal(t, "application/vnd.oci.image.layer.v1.tar", layer.MediaType)
		}
	}
}

// entries returns the contents of a tar's files by their names.
func entries(t *testing.T, file string) map[string][]byte {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	out := map[string][]byte{}
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		require.NotContains(t, out, header.Name)
		out[header.Name], err = io.ReadAll(r)
		require.NoError(t, err)
	}
}

func TestBuild_RefusesBadLayers(t *testing.T) {
	t.Parallel()
	for _, l := range []Layer{{Text("etc/passwd", "")}, {Text("/etc/../passwd", "")}, {Text("/a", ""), Text("/a", "")}} {
		_, err := build([]Spec{{Names: []string{"localhost/a:1"}, Layers: []Layer{l}}})
		require.Error(t, err)
	}
}

func TestBinary_MustBeStatic(t *testing.T) {
	t.Parallel()
	_, err := Binary("/bin/sh", "/sh")
	require.ErrorContains(t, err, "not static")
	_, err = Binary(filepath.Join(t.TempDir(), "none"), "/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
	script := filepath.Join(t.TempDir(), "script")
	require.NoError(t, os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755))
	_, err = Binary(script, "/script")
	require.Error(t, err)
}

func TestAll_ImagesOfTheWorld(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	paths, err := All(Options{BinDir: binaries(t), CA: []byte("the CA"), Dir: dir})
	require.NoError(t, err)
	images := map[string]v1.Image{}
	for _, p := range paths {
		for name, image := range open(t, p) {
			images[name] = image
		}
	}
	require.Len(t, images, 6)
	for name, want := range map[string]struct {
		entrypoint, user, binary string
		trusts                   bool
	}{
		Cloudflared:     {"cloudflared --no-autoupdate", "65532:65532", "usr/local/bin/cloudflared", true},
		CloudflaredNext: {"cloudflared --no-autoupdate", "65532:65532", "usr/local/bin/cloudflared", true},
		Pause:           {"/pause", "65535:65535", "pause", false},
		CoreDNS:         {"/coredns", "65532:65532", "coredns", false},
		Skipper:         {"/usr/bin/skipper", "65532:65532", "usr/bin/skipper", false},
		Webapp:          {"/usr/bin/webapp", "65532:65532", "usr/bin/webapp", true},
	} {
		require.Contains(t, images, name)
		config, err := images[name].ConfigFile()
		require.NoError(t, err)
		require.Equal(t, want.entrypoint, strings.Join(config.Config.Entrypoint, " "), name)
		require.Equal(t, want.user, config.Config.User, name)
		got := files(t, images[name])
		require.EqualValues(t, 0o755, got[want.binary].Mode, name)
		require.Equal(t, want.trusts, got["etc/ssl/certs/ca-certificates.crt"].Size == int64(len("the CA")), name)
	}
	now, err := images[Cloudflared].Digest()
	require.NoError(t, err)
	next, err := images[CloudflaredNext].Digest()
	require.NoError(t, err)
	require.NotEqual(t, now, next)
}

func TestAll_LeavesAloneWhatIsUpToDate(t *testing.T) {
	t.Parallel()
	o := Options{BinDir: binaries(t), CA: []byte("the CA"), Dir: t.TempDir()}
	first, err := All(o)
	require.NoError(t, err)
	before := stat(t, first)
	again, err := All(o)
	require.NoError(t, err)
	require.Equal(t, first, again)
	require.Equal(t, before, stat(t, again))

	require.NoError(t, os.WriteFile(filepath.Join(o.BinDir, "webapp"), staticProgram("newer"), 0o755))
	changed, err := All(o)
	require.NoError(t, err)
	require.Len(t, changed, len(first))
	var differ int
	for i := range first {
		if first[i] != changed[i] {
			differ++
			require.Contains(t, first[i], "webapp")
			require.NoFileExists(t, first[i])
		}
	}
	require.Equal(t, 1, differ)
	left, err := os.ReadDir(o.Dir)
	require.NoError(t, err)
	require.Len(t, left, len(changed))

	o.CA = []byte("another CA")
	moved, err := All(o)
	require.NoError(t, err)
	require.NotEqual(t, changed, moved)
}

func TestAll_SaysWhichBinaryIsMissing(t *testing.T) {
	t.Parallel()
	o := Options{BinDir: binaries(t), Dir: t.TempDir()}
	require.NoError(t, os.Remove(filepath.Join(o.BinDir, "skipper")))
	_, err := All(o)
	require.ErrorContains(t, err, "skipper")
	require.ErrorIs(t, err, fs.ErrNotExist)
}

func stat(t *testing.T, paths []string) map[string]int64 {
	t.Helper()
	out := map[string]int64{}
	for _, p := range paths {
		info, err := os.Stat(p)
		require.NoError(t, err)
		out[p] = info.ModTime().UnixNano()
	}
	return out
}
