package cluster

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"text/template"

	"k8s-tunnel/sandbox/cluster/image"
)

var (
	//go:embed Corefile.tmpl coredns.yaml.tmpl
	dnsFiles     embed.FS
	dnsTemplates = template.Must(template.ParseFS(dnsFiles, "*.tmpl"))
)

// The names of cloudflared's two regions, as its SRV record has them in production
// (github.com/cloudflare/cloudflared/edgediscovery/allregions).
const (
	edgeRegion1 = "region1.v2.argotunnel.com"
	edgeRegion2 = "region2.v2.argotunnel.com"
)

// edgeRegion is one of the two regions over which cloudflared spreads its connections.
type edgeRegion struct {
	Priority int
	Name     string
	Addrs    []netip.Addr
}

// Pattern is the name as part of a regular expression.
func (r edgeRegion) Pattern() string { return regexp.QuoteMeta(r.Name) }

// corefile writes CoreDNS's configuration. cloudflared refuses an edge of a single region, so the
// addresses are divided evenly, the first half to region 1.
func corefile(edge []netip.Addr, protocol string) (string, error) {
	half := (len(edge) + 1) / 2
	var out strings.Builder
	err := dnsTemplates.ExecuteTemplate(&out, "Corefile.tmpl", struct {
		ClusterDomain, Protocol string
		Regions                 []edgeRegion
	}{clusterDomain, cmp.Or(protocol, "quic"), []edgeRegion{{1, edgeRegion1, edge[:half]}, {2, edgeRegion2, edge[half:]}}})
	if err != nil {
		return "", fmt.Errorf("writing the Corefile: %w", err)
	}
	return out.String(), nil
}

// dnsManifests are CoreDNS's objects with this node's values in them, as a YAML stream.
func dnsManifests(c Config) ([]byte, error) {
	config, err := corefile(c.EdgeAddrs(), c.EdgeProtocol)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(config))
	var out bytes.Buffer
	err = dnsTemplates.ExecuteTemplate(&out, "coredns.yaml.tmpl", struct{ Corefile, Checksum, Image, Addr string }{
		config, hex.EncodeToString(sum[:8]), image.CoreDNS, c.DNSAddr().String(),
	})
	if err != nil {
		return nil, fmt.Errorf("writing CoreDNS's objects: %w", err)
	}
	return out.Bytes(), nil
}
