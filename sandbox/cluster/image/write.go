package image

import (
	"archive/tar"
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/renameio/v2"
)

// nameAnnotation is where containerd looks for an image's full name. The other one, from the OCI
// specification, is meant for a tag, but other tools read a full name too.
const (
	nameAnnotation = "io.containerd.image.name"
	refAnnotation  = "org.opencontainers.image.ref.name"
)

// built is a spec with all its digests computed. The image's own is its manifest's.
type built struct {
	names  []string
	image  v1.Image
	digest v1.Hash
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
	digest, err := image.Digest()
	if err != nil {
		return built{}, fmt.Errorf("computing digest: %w", err)
	}
	return built{names: s.Names, image: image, digest: digest}, nil
}

// tar packs the layer. Files have no times, so that the same files always give the same bytes.
func (l Layer) tar() ([]byte, error) {
	files, err := l.withParents()
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, f := range files {
		content, err := f.content()
		if err != nil {
			return nil, err
		}
		header := &tar.Header{
			Typeflag: tar.TypeReg, Name: strings.TrimPrefix(f.Path, "/"), Mode: unixMode(f.Mode), Size: int64(len(content)), Uid: f.UID, Gid: f.GID,
		}
		if f.Mode.IsDir() {
			header.Typeflag, header.Name = tar.TypeDir, header.Name+"/"
		}
		if err := add(w, header, content); err != nil {
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
	dir, err := os.MkdirTemp(filepath.Dir(file), ".layout-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if _, err := layout.Write(dir, index(images)); err != nil {
		return fmt.Errorf("writing the layout: %w", err)
	}
	pending, err := renameio.NewPendingFile(file, renameio.WithStaticPermissions(0o644), renameio.WithTempDir(filepath.Dir(file)))
	if err != nil {
		return err
	}
	defer func() { _ = pending.Cleanup() }()
	if err := pack(pending, dir); err != nil {
		return err
	}
	return pending.CloseAtomicallyReplace()
}

// index lists each image once for each of its names.
func index(images []built) v1.ImageIndex {
	var entries []mutate.IndexAddendum
	for _, b := range images {
		for _, name := range b.names {
			entries = append(entries, mutate.IndexAddendum{Add: b.image, Descriptor: v1.Descriptor{
				Platform:    &v1.Platform{OS: "linux", Architecture: runtime.GOARCH},
				Annotations: map[string]string{nameAnnotation: name, refAnnotation: name},
			}})
		}
	}
	return mutate.AppendManifests(empty.Index, entries...)
}

// pack writes a tar of the files below dir in the order of their names. tar.Writer.AddFS would copy
// times, owners and modes, which differ from one run to the next.
func pack(out io.Writer, dir string) error {
	w := tar.NewWriter(out)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return err
		}
		return add(w, &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(data))}, data)
	})
	if err != nil {
		return err
	}
	return w.Close()
}
