package front_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/websocket"

	"k8s-tunnel/sandbox/cloudflare/edge/edgetest"
)

// TestFront_ChosenDestinations has visitors who ask for an address of the connector's own machine,
// where its metrics and its configuration are served. What the program demands of its settings, and
// what it adds to them, has to keep stock cloudflared from connecting them.
func TestFront_ChosenDestinations(t *testing.T) {
	t.Parallel()
	edgetest.Binary(t)
	rule := func(prefix string, allow bool, ports ...int) map[string]any {
		return map[string]any{"prefix": prefix, "ports": ports, "allow": allow}
	}
	var asked atomic.Int64
	itself := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(itself.Close)
	address := netip.MustParseAddrPort(itself.Listener.Addr().String())
	port := int(address.Port())
	anywhere := rule("0.0.0.0/0", true)

	for _, test := range []struct {
		name    string
		service string
		request map[string]any
		connect func(t *testing.T, ws *websocket.Conn, to netip.AddrPort) bool
		want    bool
	}{
		{"bastion", "bastion", nil, nil, true},
		{"bastion behind Access", "bastion", map[string]any{"access": map[string]any{"required": true, "teamName": "home", "audTag": []string{"tag"}}}, nil, false},
		{"bastion behind Access without a team", "bastion", map[string]any{"access": map[string]any{"required": true}}, nil, false},
		{"SOCKS", "socks-proxy", map[string]any{"ipRules": []any{anywhere}}, connectSOCKS, true},
		{"SOCKS without the port", "socks-proxy", map[string]any{"ipRules": []any{rule("0.0.0.0/0", false, port), rule("::/0", false, port), anywhere}}, connectSOCKS, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := newSiteOf(t, "http2", test.service, test.request)
			for _, to := range []string{"127.0.0.1", "0.0.0.0", "::ffff:127.0.0.1"} {
				before := asked.Load()
				get(t, s, netip.AddrPortFrom(netip.MustParseAddr(to), address.Port()), test.connect)
				require.Equal(t, test.want, asked.Load() > before, to)
			}
		})
	}
}

// get asks for a destination as `cloudflared access` does, and sends a request there if it is
// connected.
func get(t *testing.T, s *site, to netip.AddrPort, connect func(*testing.T, *websocket.Conn, netip.AddrPort) bool) {
	t.Helper()
	config, err := websocket.NewConfig("ws://"+host+"/", "http://"+host)
	require.NoError(t, err)
	config.Header.Set("Cf-Access-Jump-Destination", to.String())
	conn, err := net.Dial("tcp", s.front.Listener.Addr().String())
	require.NoError(t, err)
	defer conn.Close()
	require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Second)))
	ws, err := websocket.NewClient(config, conn)
	if err != nil {
		return // refused
	}
	ws.PayloadType = websocket.BinaryFrame
	if connect != nil && !connect(t, ws, to) {
		return
	}
	fmt.Fprintf(ws, "GET /config HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", to)
	resp, err := http.ReadResponse(bufio.NewReader(ws), nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

// connectSOCKS asks a SOCKS proxy for a destination, and reports whether it is connected.
func connectSOCKS(t *testing.T, ws *websocket.Conn, to netip.AddrPort) bool {
	t.Helper()
	const noAuthentication, ipv4, ipv6 = 0, 1, 4
	send := func(message ...byte) {
		_, err := ws.Write(message)
		require.NoError(t, err)
	}
	receive := func(n int) []byte {
		answer := make([]byte, n)
		_, err := io.ReadFull(ws, answer)
		require.NoError(t, err)
		return answer
	}
	send(5, 1, noAuthentication)
	require.Equal(t, []byte{5, noAuthentication}, receive(2))
	kind := byte(ipv4)
	if to.Addr().Is4In6() {
		kind = ipv6
	}
	send(append(append([]byte{5, 1, 0, kind}, to.Addr().AsSlice()...), byte(to.Port()>>8), byte(to.Port()))...)
	status := receive(2)[1]
	if status == 0 {
		rest := receive(2)
		length := map[byte]int{ipv4: 4, ipv6: 16}[rest[1]]
		require.Positive(t, length)
		receive(length + 2)
	}
	return status == 0
}
