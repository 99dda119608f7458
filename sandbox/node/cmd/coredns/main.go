// Command coredns is CoreDNS with only the plugins that the sandbox's cluster uses.
//
// Upstream's own main links every plugin there is, cloud vendors' clients included. Leaving those out makes a
// quarter of the binary, and an order of directives short enough to be read. The server itself is upstream's.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/template"
)

func main() {
	// The order in which plugins see a query, whatever the order in the Corefile. Upstream's list has the same
	// relative order.
	dnsserver.Directives = []string{"errors", "log", "health", "cache", "template", "kubernetes"}
	coremain.Run()
}
