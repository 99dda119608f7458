// Package apps holds what the local world exposes: an ingress controller and two
// small sites behind it, as manifests.
//
// The controller is skipper, and it is real. Its Service has the name, and its pods have the labels
// and the port, of the ingress-nginx project's manifests, since that is what a tunnel's default origin
// points at; a NetworkPolicy written for ingress-nginx fits as well.
package apps

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"go.yaml.in/yaml/v3"
)

//go:embed manifests/*.yaml
var files embed.FS

// zoneApex stands for the domain itself where the manifests name hosts, as in a zone file.
const zoneApex = "@"

// Hosts returns the names under which the sites answer: the domain, and photos below it.
func Hosts(domain string) []string { return []string{domain, "photos." + domain} }

// Manifests returns everything as one YAML stream for kubectl apply. The files name
// hosts relative to the domain; here they become absolute.
func Manifests(domain string) ([]byte, error) {
	names, err := fs.Glob(files, "manifests/*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing manifests: %w", err)
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	for _, name := range names {
		data, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading manifest: %w", err)
		}
		if err := copyObjects(encoder, data, domain); err != nil {
			return nil, fmt.Errorf("manifest %s: %w", name, err)
		}
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("writing manifests: %w", err)
	}
	return out.Bytes(), nil
}

// copyObjects passes a file's objects on, each Ingress with its hosts in the domain.
func copyObjects(encoder *yaml.Encoder, data []byte, domain string) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var object map[string]any
		if err := decoder.Decode(&object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("decoding: %w", err)
		}
		if object["kind"] == "Ingress" {
			if err := absoluteHosts(object, domain); err != nil {
				return err
			}
		}
		if err := encoder.Encode(object); err != nil {
			return fmt.Errorf("encoding: %w", err)
		}
	}
}

func absoluteHosts(ingress map[string]any, domain string) error {
	spec, _ := ingress["spec"].(map[string]any)
	rules, _ := spec["rules"].([]any)
	if len(rules) == 0 {
		return errors.New("an Ingress without rules")
	}
	for _, r := range rules {
		rule, _ := r.(map[string]any)
		host, _ := rule["host"].(string)
		switch host {
		case "":
			return errors.New("an Ingress rule without a host")
		case zoneApex:
			rule["host"] = domain
		default:
			rule["host"] = strings.Join([]string{host, domain}, ".")
		}
	}
	return nil
}
