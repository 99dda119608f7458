package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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
	tars, err := All(Options{BinDir: binaries(t), CA: []byte("the CA"), Dir: dir})
	require.NoError(t, err)
	require.Len(t, tars.Node, 3)
	require.Contains(t, open(t, tars.Node[0]), Pause)
	require.Contains(t, open(t, tars.Node[1]), CoreDNS)
	require.Contains(t, open(t, tars.Node[2]), Skipper)
	images := map[string]v1.Image{}
	for _, p := range slices.Concat(tars.Node, tars.Connectors, tars.Sites) {
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
	o := Options{BinDir: binaries(t), CA: []byte("the CA"), Dir: filepath.Join(t.TempDir(), "no [pattern]?")}
	first := all(t, o)
	before := stat(t, first)
	again := all(t, o)
	require.Equal(t, first, again)
	require.Equal(t, before, stat(t, again))

	require.NoError(t, os.WriteFile(filepath.Join(o.BinDir, "webapp"), staticProgram("newer"), 0o755))
	changed := all(t, o)
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
	require.NotEqual(t, changed, all(t, o))
}

func all(t *testing.T, o Options) []string {
	t.Helper()
	tars, err := All(o)
	require.NoError(t, err)
	return slices.Concat(tars.Node, tars.Connectors, tars.Sites)
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
