package cloudflare_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"
)

// loopback returns n addresses of the loopback network that no other test uses.
func loopback(n int) []netip.Addr {
	a := netip.AddrFrom4([4]byte{127, byte(1 + rand.IntN(254)), byte(rand.IntN(255)), 1})
	var out []netip.Addr
	for range n {
		out = append(out, a)
		a = a.Next()
	}
	return out
}

// edgeAddrs returns four addresses with a common port, as the real edge has them.
func edgeAddrs(t *testing.T) (addrs []string, hosts []netip.Addr, port uint16) {
	t.Helper()
	hosts = loopback(4)
	l, err := net.Listen("tcp", net.JoinHostPort(hosts[0].String(), "0"))
	require.NoError(t, err)
	port = uint16(l.Addr().(*net.TCPAddr).Port)
	require.NoError(t, l.Close())
	for _, host := range hosts {
		addrs = append(addrs, netip.AddrPortFrom(host, port).String())
	}
	return addrs, hosts, port
}

// discovery answers cloudflared's look-up of the edge like the cluster's DNS does, and
// everything else with "no such name", so that cloudflared has no reason to ask a
// resolver on the internet. It returns a resolv.conf.
func discovery(t *testing.T, edge []netip.Addr, port uint16) string {
	t.Helper()
	at := loopback(1)[0]
	conn, err := net.ListenPacket("udp", net.JoinHostPort(at.String(), "53"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	go func() {
		query := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(query)
			if err != nil {
				return
			}
			if answer, err := resolve(query[:n], edge, port); err == nil {
				_, _ = conn.WriteTo(answer, from)
			}
		}
	}()
	file := filepath.Join(t.TempDir(), "resolv.conf")
	require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "nameserver %s\n", at), 0o644))
	return file
}

func resolve(query []byte, edge []netip.Addr, port uint16) ([]byte, error) {
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil {
		return nil, err
	}
	m.Response, m.Authoritative, m.Additionals = true, true, nil
	question := m.Questions[0]
	header := dnsmessage.ResourceHeader{Name: question.Name, Type: question.Type, Class: question.Class, TTL: 1}
	add := func(body dnsmessage.ResourceBody) {
		m.Answers = append(m.Answers, dnsmessage.Resource{Header: header, Body: body})
	}
	regions := map[string][]netip.Addr{
		"region1.v2.argotunnel.com.": edge[:len(edge)/2],
		"region2.v2.argotunnel.com.": edge[len(edge)/2:],
	}
	addresses, known := regions[question.Name.String()]
	switch {
	case known && question.Type == dnsmessage.TypeA:
		for _, a := range addresses {
			add(&dnsmessage.AResource{A: a.As4()})
		}
	case known: // and it has no IPv6 address
	case question.Name.String() == "_v2-origintunneld._tcp.argotunnel.com." && question.Type == dnsmessage.TypeSRV:
		for region := range regions {
			add(&dnsmessage.SRVResource{Priority: 1, Weight: 1, Port: port, Target: dnsmessage.MustNewName(region)})
		}
	default:
		m.RCode = dnsmessage.RCodeNameError
	}
	return m.Pack()
}
