// Package apps holds what the local world exposes: an ingress controller and two
// small sites behind it, as manifests.
//
// The controller is the real skipper. The name of its Service, and the labels and the port of its
// pods, are those of the ingress-nginx project's manifests, because a tunnel's default origin
// points there; a NetworkPolicy written for ingress-nginx fits too.
package apps

import (
	"bytes"
	"embed"
	"fmt"
	"text/template"
)

var (
	//go:embed manifests/*.tmpl
	files     embed.FS
	templates = template.Must(template.ParseFS(files, "manifests/*.tmpl"))
)

// Hosts returns the names of the sites: the domain, and photos below it.
func Hosts(domain string) []string { return []string{domain, "photos." + domain} }

// IngressController returns the controller as a YAML stream for kubectl apply.
func IngressController() ([]byte, error) { return manifests("ingress-controller.yaml.tmpl", "") }

// Sites returns the sites, with hosts in the domain, as a YAML stream for kubectl apply.
func Sites(domain string) ([]byte, error) { return manifests("sites.yaml.tmpl", domain) }

func manifests(name, domain string) ([]byte, error) {
	var out bytes.Buffer
	if err := templates.ExecuteTemplate(&out, name, struct{ Domain string }{domain}); err != nil {
		return nil, fmt.Errorf("filling in %s: %w", name, err)
	}
	return out.Bytes(), nil
}
