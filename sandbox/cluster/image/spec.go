package image

import (
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
)

// Spec describes an image: what is in it and how it runs.
type Spec struct {
	// Names are full references with tags, such as localhost/webapp:1. An image may
	// have several.
	Names []string
	// Layers are stacked, the first at the bottom.
	Layers []Layer
	// Entrypoint and Cmd are what the container runs, as in a Dockerfile.
	Entrypoint, Cmd []string
	// Env holds KEY=value.
	Env []string
	// User is numeric, user:group, because Kubernetes can't tell whether a name is
	// root's.
	User string
	// WorkingDir is / when empty.
	WorkingDir string
	// Labels describe the image to people and tools.
	Labels map[string]string
}

// Layer is a set of files. The directories above a file are made for it, owned by root
// and readable by all, unless the layer lists them.
type Layer []File

// File is a file or a directory of a layer.
type File struct {
	// Path is absolute.
	Path string
	// Mode holds the permissions and, for directories, fs.ModeDir.
	Mode fs.FileMode
	// Data is the content, unless Source names a file of this machine that has it.
	Data   []byte
	Source string
	// UID and GID own it.
	UID, GID int
}

// Binary puts a program of this machine into the image. It must be static, because the
// image has no loader and no libraries.
func Binary(source, target string) (File, error) {
	if err := checkStatic(source); err != nil {
		return File{}, fmt.Errorf("adding %s: %w", source, err)
	}
	return File{Path: target, Mode: 0o755, Source: source}, nil
}

// content returns what is in the file.
func (f File) content() ([]byte, error) {
	if f.Source == "" {
		return f.Data, nil
	}
	return os.ReadFile(f.Source)
}

// checkStatic refuses programs that would fail with "no such file or directory" in a
// container.
func checkStatic(file string) error {
	f, err := elf.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("the program is not static")
		}
	}
	return nil
}

// Dir returns a directory.
func Dir(name string, mode fs.FileMode, owner int) File {
	return File{Path: name, Mode: fs.ModeDir | mode, UID: owner, GID: owner}
}

// Text returns a file that all users may read.
func Text(name, content string) File {
	return File{Path: name, Mode: 0o644, Data: []byte(content)}
}

// withParents returns the layer's files with the directories above them, each once and
// parents first. Files keep their order, on which alone the layer's bytes depend.
func (l Layer) withParents() (Layer, error) {
	listed := map[string]bool{"/": true}
	for _, f := range l {
		if !path.IsAbs(f.Path) || path.Clean(f.Path) != f.Path {
			return nil, fmt.Errorf("%q is not a clean absolute path", f.Path)
		}
		if f.Mode.IsDir() {
			listed[f.Path] = true
		}
	}
	var out Layer
	made := map[string]bool{"/": true}
	var parents func(name string)
	parents = func(name string) {
		dir := path.Dir(name)
		if made[dir] || listed[dir] {
			return
		}
		parents(dir)
		made[dir] = true
		out = append(out, Dir(dir, 0o755, 0))
	}
	for _, f := range l {
		if made[f.Path] {
			return nil, fmt.Errorf("%s is in the layer twice", f.Path)
		}
		parents(f.Path)
		made[f.Path] = true
		out = append(out, f)
	}
	return out, nil
}
