package edgetest

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// isolated returns a command that runs the one after it with a resolver on this
// machine. Without it, cloudflared would look for the real edge and, told that there is
// none, ask one of Cloudflare's resolvers over TLS; with it, cloudflared finds the
// local world's edge under production's names, and nothing else.
func isolated(t *testing.T, dir string) []string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root, to keep cloudflared's look-ups on this machine")
	}
	path := filepath.Join(dir, "resolv.conf")
	require.NoError(t, os.WriteFile(path, []byte("nameserver "+startResolver(t)+"\n"), 0o644))
	return []string{"unshare", "--mount", "sh", "-c", `mount --bind "$0" /etc/resolv.conf && exec "$@"`, path}
}

// startResolver serves DNS on port 53 of some loopback address.
func startResolver(t *testing.T) string {
	t.Helper()
	var conn net.PacketConn
	var host string
	var err error
	for range 10 { // the address may be taken
		host = fmt.Sprintf("127.%d.%d.%d", 64+rand.IntN(64), rand.IntN(256), 1+rand.IntN(254))
		if conn, err = net.ListenPacket("udp", net.JoinHostPort(host, "53")); err == nil {
			break
		}
	}
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	go func() {
		buf := make([]byte, 1500)
		for {
			n, peer, err := conn.ReadFrom(buf)
			if err != nil {
				return
			}
			if reply, err := resolve(buf[:n]); err == nil {
				_, _ = conn.WriteTo(reply, peer)
			}
		}
	}()
	return host
}

// resolve answers edge discovery, and says that no other name exists.
func resolve(query []byte) ([]byte, error) {
	var p dnsmessage.Parser
	header, err := p.Start(query)
	if err != nil {
		return nil, err
	}
	q, err := p.Question()
	if err != nil {
		return nil, err
	}
	header.Response, header.Authoritative, header.RecursionAvailable = true, true, true
	reply := dnsmessage.Message{Header: header, Questions: []dnsmessage.Question{q}}
	add := func(body dnsmessage.ResourceBody) {
		h := dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class, TTL: 60}
		reply.Answers = append(reply.Answers, dnsmessage.Resource{Header: h, Body: body})
	}
	name := strings.ToLower(q.Name.String())
	var region int
	switch n, _ := fmt.Sscanf(name, "region%d.v2.argotunnel.com.", &region); {
	case name == "_v2-origintunneld._tcp.argotunnel.com.":
		if q.Type == dnsmessage.TypeSRV {
			for _, target := range []string{"region1.v2.argotunnel.com.", "region2.v2.argotunnel.com."} {
				add(&dnsmessage.SRVResource{Priority: 1, Weight: 1, Port: 7844, Target: dnsmessage.MustNewName(target)})
			}
		}
	case n == 1:
		if q.Type == dnsmessage.TypeA {
			for i := range 2 {
				addr := netip.AddrFrom4([4]byte{127, 0, 0, byte(9 + 2*region + i)})
				add(&dnsmessage.AResource{A: addr.As4()})
			}
		}
	default:
		reply.RCode = dnsmessage.RCodeNameError
	}
	return reply.Pack()
}
