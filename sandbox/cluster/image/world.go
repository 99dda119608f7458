package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s-tunnel/sandbox/toolchain"
)

// References of the world's images, tags included. Manifests name them, and the cloudflared ones
// are production's (the second stands for a newer release: the same program with another layer).
const (
	Cloudflared     = "docker.io/cloudflare/cloudflared:" + toolchain.CloudflaredVersion
	CloudflaredNext = Cloudflared + "-next"
	Pause           = "localhost/pause:3.10"
	CoreDNS         = "localhost/coredns:1.15.0"
	Skipper         = "localhost/skipper:0.26.0"
	Webapp          = "localhost/webapp:1"
)

const (
	// nonroot is the user of distroless images.
	nonroot   = 65532
	runAs     = "65532:65532"
	searched  = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	certsPath = "/etc/ssl/certs/ca-certificates.crt"
)

// Options say where All finds its input and where it writes.
type Options struct {
	// BinDir holds the static binaries cloudflared, coredns, skipper, webapp and pause.
	BinDir string
	// CA holds the PEM certificates that cloudflared and the web apps' clients trust.
	CA []byte
	// Dir receives the tars. Tars of earlier images are removed from it.
	Dir string
}

// Tars are the files with a local world's images.
type Tars struct {
	Node       []string // what the node needs itself, and its ingress controller
	Connectors []string // what a tunnel needs
	Sites      []string // what is to be exposed
}

// All writes the images of a local world and returns the tars. A tar is named after what it is made
// of, so one that exists already is up to date and is left alone.
func All(o Options) (Tars, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Tars{}, fmt.Errorf("creating image directory: %w", err)
	}
	var tars Tars
	for _, tar := range []struct {
		name  string
		specs func(Options) ([]Spec, error)
		list  *[]string
	}{
		{"pause", pauseSpecs, &tars.Node},
		{"coredns", corednsSpecs, &tars.Node},
		{"skipper", skipperSpecs, &tars.Node},
		{"cloudflared", cloudflaredSpecs, &tars.Connectors},
		{"webapp", webappSpecs, &tars.Sites},
	} {
		specs, err := tar.specs(o)
		if err != nil {
			return Tars{}, fmt.Errorf("preparing image %s: %w", tar.name, err)
		}
		path, err := writeKeyed(o.Dir, tar.name, specs)
		if err != nil {
			return Tars{}, err
		}
		*tar.list = append(*tar.list, path)
	}
	return tars, nil
}

// writeKeyed writes images to name-<key>.tar unless that exists, and removes the other
// tars of that name.
func writeKeyed(dir, name string, specs []Spec) (string, error) {
	key, err := keyOf(specs)
	if err != nil {
		return "", fmt.Errorf("preparing image %s: %w", name, err)
	}
	current := fmt.Sprintf("%s-%s.tar", name, key)
	path := filepath.Join(dir, current)
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		images, err := build(specs)
		if err != nil {
			return "", err
		}
		if err := write(path, images); err != nil {
			return "", fmt.Errorf("writing %s: %w", path, err)
		}
	}
	old, err := fs.Glob(os.DirFS(dir), name+"-*.tar")
	if err != nil {
		return "", fmt.Errorf("looking for old images: %w", err)
	}
	for _, o := range old {
		if o != current {
			if err := os.Remove(filepath.Join(dir, o)); err != nil {
				return "", fmt.Errorf("removing old image: %w", err)
			}
		}
	}
	return path, nil
}

// keyOf digests what images are made of. Files of this machine aren't read for it, which would take
// longer than all else that the start of a running world does: their sizes and times stand for them.
func keyOf(specs []Spec) (string, error) {
	key := sha256.New()
	if err := json.NewEncoder(key).Encode(specs); err != nil {
		return "", err
	}
	for _, spec := range specs {
		for _, f := range slices.Concat(spec.Layers...) {
			if f.Source == "" {
				continue
			}
			info, err := os.Stat(f.Source)
			if err != nil {
				return "", err
			}
			fmt.Fprintln(key, info.Size(), info.ModTime().UnixNano())
		}
	}
	return hex.EncodeToString(key.Sum(nil))[:16], nil
}

// base is what the images have in common: users, the order of name look-ups, a place for temporary
// files.
func base() Layer {
	return Layer{
		Text("/etc/passwd", "root:x:0:0:root:/root:/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin\n"+
			"nonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n"),
		Text("/etc/group", "root:x:0:\nnobody:x:65534:\nnonroot:x:65532:\n"),
		Text("/etc/nsswitch.conf", "hosts: files dns\n"),
		Dir("/home/nonroot", 0o700, nonroot),
		Dir("/tmp", fs.ModeSticky|0o777, 0),
	}
}

// program puts a binary on top of the base.
func program(o Options, binary, target string) ([]Layer, error) {
	f, err := Binary(filepath.Join(o.BinDir, binary), target)
	if err != nil {
		return nil, err
	}
	return []Layer{base(), {f}}, nil
}

func pauseSpecs(o Options) ([]Spec, error) {
	f, err := Binary(filepath.Join(o.BinDir, "pause"), "/pause")
	if err != nil {
		return nil, err
	}
	// The user is the original's.
	return []Spec{{Names: []string{Pause}, Layers: []Layer{{f}}, Entrypoint: []string{"/pause"}, User: "65535:65535"}}, nil
}

func corednsSpecs(o Options) ([]Spec, error) {
	layers, err := program(o, "coredns", "/coredns")
	return []Spec{{Names: []string{CoreDNS}, Layers: layers, Entrypoint: []string{"/coredns"}, User: runAs, WorkingDir: "/"}}, err
}

func skipperSpecs(o Options) ([]Spec, error) {
	layers, err := program(o, "skipper", "/usr/bin/skipper")
	return []Spec{{Names: []string{Skipper}, Layers: layers, Entrypoint: []string{"/usr/bin/skipper"}, Env: []string{searched}, User: runAs}}, err
}

func webappSpecs(o Options) ([]Spec, error) {
	layers, err := program(o, "webapp", "/usr/bin/webapp")
	if err != nil {
		return nil, err
	}
	layers[0] = append(layers[0], trust(o))
	return []Spec{{
		Names: []string{Webapp}, Layers: layers, Entrypoint: []string{"/usr/bin/webapp"}, Cmd: []string{"serve"}, Env: []string{searched}, User: runAs,
	}}, nil
}

func cloudflaredSpecs(o Options) ([]Spec, error) {
	layers, err := program(o, "cloudflared", "/usr/local/bin/cloudflared")
	if err != nil {
		return nil, err
	}
	layers[0] = append(layers[0], trust(o))
	layers[1][0].UID = nonroot
	now := Spec{
		Names:      []string{Cloudflared},
		Layers:     layers,
		Entrypoint: []string{"cloudflared", "--no-autoupdate"},
		Cmd:        []string{"version"},
		Env:        []string{searched, "SSL_CERT_FILE=" + certsPath},
		User:       runAs,
		WorkingDir: "/home/nonroot",
		Labels:     map[string]string{"org.opencontainers.image.source": "https://github.com/cloudflare/cloudflared"},
	}
	next := now
	next.Names = []string{CloudflaredNext}
	tag := next.Names[0][strings.LastIndex(next.Names[0], ":")+1:]
	next.Layers = append(append([]Layer(nil), layers...), Layer{Text("/usr/local/share/cloudflared/release", tag+"\n")})
	return []Spec{now, next}, nil
}

func trust(o Options) File { return Text(certsPath, string(o.CA)) }
