// Package apps holds what the local world exposes: an ingress controller and two
// small sites behind it, as manifests.
//
// The controller is skipper, and it is real. Its Service has the name, and its pods have the labels
// and the port, of the ingress-nginx project's manifests, since that is what a tunnel's default
// origin points at; a NetworkPolicy written for ingress-nginx fits as well.
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

// Hosts returns the names under which the sites answer: the domain, and photos below it.
func Hosts(domain string) []string { return []string{domain, "photos." + domain} }

// Manifests returns everything as one YAML stream for kubectl apply, with hosts in the
// domain.
func Manifests(domain string) ([]byte, error) {
	var out bytes.Buffer
	for _, name := range []string{"ingress-controller.yaml.tmpl", "sites.yaml.tmpl"} {
		out.WriteString("---\n")
		if err := templates.ExecuteTemplate(&out, name, struct{ Domain string }{domain}); err != nil {
			return nil, fmt.Errorf("filling in %s: %w", name, err)
		}
	}
	return out.Bytes(), nil
}
