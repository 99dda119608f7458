package image

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
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

	"github.com/stretchr/testify/require"
)

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
