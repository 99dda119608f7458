package cluster

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"text/template"

	"go.yaml.in/yaml/v3"
)

var (
	//go:embed coredns.yaml
	corednsManifest []byte
	//go:embed Corefile.tmpl
	corefileTemplate string
)

// The names of cloudflared's two regions, as its SRV record has them in production
// (github.com/cloudflare/cloudflared/edgediscovery/allregions).
const (
	edgeRegion1 = "region1.v2.argotunnel.com"
	edgeRegion2 = "region2.v2.argotunnel.com"
)

// edgeRegion is one of the two places that cloudflared spreads its connections over.
type edgeRegion struct {
	Priority int
	Name     string
	Addrs    []netip.Addr
}

// Pattern is the name as part of a regular expression.
func (r edgeRegion) Pattern() string { return regexp.QuoteMeta(r.Name) }

// corefile writes CoreDNS's configuration. cloudflared refuses an edge of a single region, so the addresses are
// shared out evenly, the first half to region 1.
func corefile(edge []netip.Addr, protocol string) (string, error) {
	t, err := template.New("Corefile").Parse(corefileTemplate)
	if err != nil {
		return "", fmt.Errorf("writing the Corefile: %w", err)
	}
	half := (len(edge) + 1) / 2
	var out strings.Builder
	err = t.Execute(&out, struct {
		ClusterDomain, Protocol string
		Regions                 []edgeRegion
	}{clusterDomain, cmp.Or(protocol, "quic"), []edgeRegion{{1, edgeRegion1, edge[:half]}, {2, edgeRegion2, edge[half:]}}})
	if err != nil {
		return "", fmt.Errorf("writing the Corefile: %w", err)
	}
	return out.String(), nil
}

// dnsManifests are CoreDNS's objects with this node's values in them, as a stream of JSON documents.
func dnsManifests(c Config) ([]byte, error) {
	config, err := corefile(c.EdgeAddrs, c.EdgeProtocol)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(config))
	values := map[string]func(object map[string]any) error{
		"ConfigMap": func(o map[string]any) error { return setField(o, config, "data", "Corefile") },
		"Service":   func(o map[string]any) error { return setField(o, c.DNSAddr().String(), "spec", "clusterIP") },
		"Deployment": func(o map[string]any) error {
			return errors.Join(
				setField(o, hex.EncodeToString(sum[:8]), "spec", "template", "metadata", "annotations", "k8s-tunnel/corefile"),
				setField(o, ImageCoreDNS, "spec", "template", "spec", "containers", 0, "image"),
			)
		},
	}
	var out bytes.Buffer
	documents := yaml.NewDecoder(bytes.NewReader(corednsManifest))
	for {
		var object map[string]any
		if err := documents.Decode(&object); errors.Is(err, io.EOF) {
			return out.Bytes(), nil
		} else if err != nil {
			return nil, fmt.Errorf("reading coredns.yaml: %w", err)
		}
		kind, _ := object["kind"].(string)
		if set, ok := values[kind]; ok {
			if err := set(object); err != nil {
				return nil, fmt.Errorf("filling in coredns.yaml, %s: %w", kind, err)
			}
		}
		doc, err := json.Marshal(object)
		if err != nil {
			return nil, fmt.Errorf("writing CoreDNS's objects: %w", err)
		}
		out.WriteString("---\n")
		out.Write(append(doc, '\n'))
	}
}

// setField sets the value at a path of map keys and list indexes. Everything on the way must be there.
func setField(node any, value any, path ...any) error {
	for i, step := range path {
		last := i == len(path)-1
		switch key := step.(type) {
		case string:
			m, ok := node.(map[string]any)
			if !ok {
				return fmt.Errorf("%v: not an object", path[:i])
			}
			if last {
				m[key] = value
				return nil
			}
			node = m[key]
		case int:
			l, ok := node.([]any)
			if !ok || key >= len(l) {
				return fmt.Errorf("%v: not a list with an element %d", path[:i], key)
			}
			node = l[key]
		}
	}
	return fmt.Errorf("%v: does not end with a key", path)
}
