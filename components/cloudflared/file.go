package cloudflared

import (
	"fmt"
	"strings"
)

// File is something in the connector's container that a rule makes cloudflared
// open. Without it, cloudflared doesn't start, or a rule answers nothing.
type File struct {
	// Argument is the argument that names it, such as originRequest.caPool.
	Argument string
	// Path is the path as the argument has it.
	Path string
	// Socket reports whether it is a Unix socket, which somebody has to listen on.
	Socket bool
}

// Files lists what the rules make cloudflared open, by each argument that names it.
// Origin is never a socket.
func (r Routing) Files() []File {
	var all []File
	caPool := func(request string, o *OriginRequest) {
		if o != nil && o.CAPool != nil && *o.CAPool != "" {
			all = append(all, File{Argument: request + ".caPool", Path: *o.CAPool})
		}
	}
	caPool("originRequest", r.OriginRequest)
	for i, rule := range r.Ingress {
		path := fmt.Sprintf("ingress[%d]", i)
		for _, prefix := range []string{unixPrefix, unixTLSPrefix} {
			if socket, ok := strings.CutPrefix(rule.Service, prefix); ok && socket != "" {
				all = append(all, File{Argument: path + ".service", Path: socket, Socket: true})
			}
		}
		caPool(path+".originRequest", rule.OriginRequest)
	}
	return all
}
