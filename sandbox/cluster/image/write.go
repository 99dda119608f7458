package image

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/renameio/v2"
)

// nameAnnotation is where containerd looks for an image's full name. The other,
// from the OCI specification, is meant for a tag, but other tools read it the same way.
const (
	nameAnnotation = "io.containerd.image.name"
	refAnnotation  = "org.opencontainers.image.ref.name"
)

// built is a spec with all digests worked out.
type built struct {
	names    []string
	image    v1.Image
	manifest v1.Descriptor
}

func build(specs []Spec) ([]built, error) {
	out := make([]built, 0, len(specs))
	for _, s := range specs {
		b, err := s.build()
		if err != nil {
			return nil, fmt.Errorf("building %s: %w", strings.Join(s.Names, ", "), err)
		}
		out = append(out, b)
	}
	return out, nil
}

func (s Spec) build() (built, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, l := range s.Layers {
		data, err := l.tar()
		if err != nil {
			return built{}, err
		}
		image, err = mutate.AppendLayers(image, static.NewLayer(data, types.OCIUncompressedLayer))
		if err != nil {
			return built{}, fmt.Errorf("appending layer: %w", err)
		}
	}
	config, err := image.ConfigFile()
	if err != nil {
		return built{}, fmt.Errorf("reading configuration: %w", err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	config.Config = v1.Config{
		Entrypoint: s.Entrypoint, Cmd: s.Cmd, Env: s.Env, User: s.User, WorkingDir: s.WorkingDir, Labels: s.Labels,
	}
	if image, err = mutate.ConfigFile(image, config); err != nil {
		return built{}, fmt.Errorf("setting configuration: %w", err)
	}
	manifest, err := describe(image)
	return built{names: s.Names, image: image, manifest: manifest}, err
}

func describe(image v1.Image) (v1.Descriptor, error) {
	digest, err := image.Digest()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("computing digest: %w", err)
	}
	size, err := image.Size()
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("computing size: %w", err)
	}
	return v1.Descriptor{
		MediaType: types.OCIManifestSchema1, Digest: digest, Size: size,
		Platform: &v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
	}, nil
}

// tar packs the layer. No file has a time, so that none differs.
func (l Layer) tar() ([]byte, error) {
	files, err := l.withParents()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: strings.TrimPrefix(f.Path, "/"), Mode: unixMode(f.Mode), Size: int64(len(f.Data)), Uid: f.UID, Gid: f.GID,
		}
		if f.Mode.IsDir() {
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		}
		if err := add(w, header, f.Data); err != nil {
			return nil, err
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("ending layer: %w", err)
	}
	return out.Bytes(), nil
}

func unixMode(m fs.FileMode) int64 {
	out := int64(m.Perm())
	if m&fs.ModeSticky != 0 {
		out |= 0o1000
	}
	return out
}

func add(w *tar.Writer, header *tar.Header, data []byte) error {
	if err := w.WriteHeader(header); err != nil {
		return fmt.Errorf("packing %s: %w", header.Name, err)
	}
	if _, err := w.Write(data); err != nil {
		return fmt.Errorf("packing %s: %w", header.Name, err)
	}
	return nil
}

// write packs images into one tar, an OCI image layout. Blobs that several images
// share are in it once. The file appears whole or not at all.
func write(file string, images []built) error {
	pending, err := renameio.NewPendingFile(file, renameio.WithStaticPermissions(0o644), renameio.WithTempDir(filepath.Dir(file)))
	if err != nil {
		return err
	}
	defer func() { _ = pending.Cleanup() }()
	if err := writeLayout(pending, images); err != nil {
		return err
	}
	return pending.CloseAtomicallyReplace()
}

// writeLayout writes an OCI image layout: the blobs, and an index that names the images.
func writeLayout(out io.Writer, images []built) error {
	w := tar.NewWriter(out)
	index := v1.IndexManifest{SchemaVersion: 2, MediaType: types.OCIImageIndex}
	regular := func(name string, data []byte) error {
		return add(w, &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))}, data)
	}
	if err := regular("oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	written := map[v1.Hash]bool{}
	for _, b := range images {
		blobs, err := b.blobs()
		if err != nil {
			return err
		}
		for _, blob := range blobs {
			if written[blob.digest] {
				continue
			}
			written[blob.digest] = true
			if err := regular("blobs/"+blob.digest.Algorithm+"/"+blob.digest.Hex, blob.data); err != nil {
				return err
			}
		}
		for _, name := range b.names {
			d := b.manifest
			d.Annotations = map[string]string{nameAnnotation: name, refAnnotation: name}
			index.Manifests = append(index.Manifests, d)
		}
	}
	data, err := json.Marshal(index)
	if err != nil {
		return fmt.Errorf("encoding index: %w", err)
	}
	if err := regular("index.json", data); err != nil {
		return err
	}
	return w.Close()
}

// blob is a piece of content by its digest.
type blob struct {
	digest v1.Hash
	data   []byte
}

// blobs returns an image's layers, configuration and manifest.
func (b built) blobs() ([]blob, error) {
	layers, err := b.image.Layers()
	if err != nil {
		return nil, fmt.Errorf("reading layers: %w", err)
	}
	var out []blob
	for _, l := range layers {
		digest, err := l.Digest()
		if err != nil {
			return nil, fmt.Errorf("reading layer: %w", err)
		}
		content, err := l.Uncompressed()
		if err != nil {
			return nil, fmt.Errorf("reading layer: %w", err)
		}
		data, err := io.ReadAll(content)
		if err != nil {
			return nil, fmt.Errorf("reading layer: %w", err)
		}
		out = append(out, blob{digest, data})
	}
	config, err := b.image.RawConfigFile()
	if err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	digest, err := b.image.ConfigName()
	if err != nil {
		return nil, fmt.Errorf("reading configuration: %w", err)
	}
	manifest, err := b.image.RawManifest()
	if err != nil {
		return nil, fmt.Errorf("reading manifest: %w", err)
	}
	return append(out, blob{digest, config}, blob{b.manifest.Digest, manifest}), nil
}
