package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"runtime/debug"
	"strings"
)

// billExtension ends the name of a bill of materials.
const billExtension = ".cdx.json"

// bill is a bill of materials in CycloneDX's format, as far as a Go binary fills it in. It has neither
// a time nor a random number, so that it can be compared.
type bill struct {
	Format      string      `json:"bomFormat"`
	SpecVersion string      `json:"specVersion"`
	Version     int         `json:"version"`
	Metadata    metadata    `json:"metadata"`
	Components  []component `json:"components"`
	// Dependencies say that the program needs all of the others; which module needs which isn't in a
	// binary.
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Component  component  `json:"component"`
	Properties []property `json:"properties"`
}

type component struct {
	Type    string `json:"type"`
	Ref     string `json:"bom-ref"`
	Name    string `json:"name"`
	Version string `json:"version"`
	URL     string `json:"purl,omitempty"`
	Hashes  []hash `json:"hashes,omitempty"`
}

type hash struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref   string   `json:"ref"`
	Needs []string `json:"dependsOn,omitempty"`
}

// billOfMaterials lists what the linker put into a binary: the program, Go's library and the modules,
// with the checksums by which the go command knows them.
func billOfMaterials(info *debug.BuildInfo, version string, binary []byte) ([]byte, error) {
	main := component{
		Type: "application", Ref: packageURL(info.Main.Path, version), Name: info.Main.Path, Version: version,
		URL: packageURL(info.Main.Path, version), Hashes: []hash{{"SHA-256", fmt.Sprintf("%x", sha256.Sum256(binary))}},
	}
	goVersion := strings.TrimPrefix(info.GoVersion, "go")
	library := component{Type: "library", Ref: packageURL("std", goVersion), Name: "std", Version: goVersion, URL: packageURL("std", goVersion)}
	b := bill{
		Format: "CycloneDX", SpecVersion: "1.6", Version: 1, Components: []component{library},
		Metadata: metadata{Component: main, Properties: []property{{"go:version", info.GoVersion}}},
	}
	for _, setting := range info.Settings {
		b.Metadata.Properties = append(b.Metadata.Properties, property{"go:build:" + setting.Key, setting.Value})
	}
	for _, module := range info.Deps {
		c := component{Type: "library", Name: module.Path, Version: module.Version}
		if module.Replace != nil {
			module = module.Replace
		}
		c.URL = packageURL(module.Path, module.Version)
		c.Ref = c.URL
		sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(module.Sum, "h1:"))
		if err != nil || len(sum) != sha256.Size {
			return nil, fmt.Errorf("module %s has no checksum: %q", module.Path, module.Sum)
		}
		c.Hashes = []hash{{"SHA-256", hex.EncodeToString(sum)}}
		b.Components = append(b.Components, c)
	}
	needs := dependency{Ref: main.Ref}
	for _, c := range b.Components {
		needs.Needs = append(needs.Needs, c.Ref)
	}
	b.Dependencies = []dependency{needs}
	out, err := json.MarshalIndent(b, "", "  ")
	return append(out, '\n'), err
}

// packageURL names a module in the way that scanners of vulnerabilities look it up.
func packageURL(module, version string) string {
	return "pkg:golang/" + module + "@" + strings.ReplaceAll(version, "+", "%2B")
}
