package policy

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// helperEnv makes this test binary a helper inside a network namespace.
const helperEnv = "POLICY_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperEnv) {
	case "serve":
		helperServe(os.Args[1:])
	case "dial":
		helperDial(os.Args[1], os.Args[2])
	default:
		os.Exit(m.Run())
	}
}

// helperServe echoes on the ports, given as tcp/80, until its input ends.
func helperServe(ports []string) {
	for _, p := range ports {
		network, port, _ := strings.Cut(p, "/")
		if network == "udp" {
			conn, err := net.ListenPacket("udp4", ":"+port)
			exitOn(err)
			go func() {
				buf := make([]byte, 16)
				for {
					n, from, err := conn.ReadFrom(buf)
					exitOn(err)
					_, _ = conn.WriteTo(buf[:n], from)
				}
			}()
			continue
		}
		l, err := net.Listen("tcp4", ":"+port)
		exitOn(err)
		go func() {
			for {
				conn, err := l.Accept()
				exitOn(err)
				go func() { _, _ = io.Copy(conn, conn) }()
			}
		}()
	}
	fmt.Println("listening")
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// helperDial prints whether a ping over the network comes back.
func helperDial(network, addr string) {
	conn, err := net.DialTimeout(network, addr, 400*time.Millisecond)
	exitOn(err)
	exitOn(conn.SetDeadline(time.Now().Add(400 * time.Millisecond)))
	_, err = conn.Write([]byte("ping"))
	exitOn(err)
	_, err = io.ReadFull(conn, make([]byte, 4))
	exitOn(err)
	os.Exit(0)
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lab is a router, as a node is, with pods behind veth pairs the way the ptp plugin lays them.
type lab struct {
	t      *testing.T
	prefix string
}

func newLab(t *testing.T) *lab {
	if err := exec.Command("unshare", "--net", "true").Run(); err != nil {
		t.Skip("needs the right to make namespaces: ", err)
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip(err)
		}
	}
	l := &lab{t: t, prefix: fmt.Sprintf("k8st-test-%d-", os.Getpid())}
	l.add("node")
	l.ip("netns", "exec", l.name("node"), "sysctl", "-q", "-w", "net.ipv4.ip_forward=1")
	l.ip("-n", l.name("node"), "addr", "add", places["node"]+"/32", "dev", "lo")
	return l
}

func (l *lab) name(ns string) string { return l.prefix + ns }

func (l *lab) add(ns string) {
	l.t.Helper()
	l.ip("netns", "add", l.name(ns))
	l.t.Cleanup(func() { l.ip("netns", "del", l.name(ns)) })
	l.ip("-n", l.name(ns), "link", "set", "lo", "up")
}

// attach connects a new namespace with an address to the router.
func (l *lab) attach(ns, addr string) {
	l.t.Helper()
	l.add(ns)
	node, veth := l.name("node"), "v-"+ns
	l.ip("-n", node, "link", "add", veth, "type", "veth", "peer", "name", "eth0", "netns", l.name(ns))
	l.ip("-n", node, "addr", "add", "10.128.0.1/32", "dev", veth)
	l.ip("-n", node, "link", "set", veth, "up")
	l.ip("-n", node, "route", "add", addr+"/32", "dev", veth)
	l.ip("-n", l.name(ns), "addr", "add", addr+"/32", "dev", "eth0")
	l.ip("-n", l.name(ns), "link", "set", "eth0", "up")
	l.ip("-n", l.name(ns), "route", "add", "10.128.0.1", "dev", "eth0")
	l.ip("-n", l.name(ns), "route", "add", "default", "via", "10.128.0.1")
}

func (l *lab) ip(args ...string) {
	l.t.Helper()
	out, err := exec.Command("ip", args...).CombinedOutput()
	require.NoError(l.t, err, "ip %s: %s", strings.Join(args, " "), out)
}

// helper prepares this binary to run inside a namespace.
func (l *lab) helper(ns, mode string, args ...string) *exec.Cmd {
	self, err := os.Executable()
	require.NoError(l.t, err)
	cmd := exec.Command("ip", append([]string{"netns", "exec", l.name(ns), self}, args...)...)
	cmd.Env = append(os.Environ(), helperEnv+"="+mode)
	return cmd
}

func (l *lab) serve(ns string, ports ...string) {
	l.t.Helper()
	cmd := l.helper(ns, "serve", ports...)
	in, err := cmd.StdinPipe()
	require.NoError(l.t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(l.t, err)
	require.NoError(l.t, cmd.Start())
	l.t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(l.t, err)
	require.Equal(l.t, "listening\n", line)
}

func (l *lab) load(s State) {
	l.t.Helper()
	cmd := exec.Command("ip", "netns", "exec", l.name("node"), "nft", "-f", "-")
	cmd.Stdin = bytes.NewBufferString(Compile(s).NFT())
	out, err := cmd.CombinedOutput()
	require.NoError(l.t, err, "%s", out)
}

func (l *lab) reaches(from, to string) bool {
	network, addr, _ := strings.Cut(to, "/")
	return l.helper(from, "dial", network, addr).Run() == nil
}

// TestPackets sends real packets through the rendered rules: what the semantic tests hold of
// the model must hold of the kernel.
func TestPackets(t *testing.T) {
	l := newLab(t)
	state := load(t, read(t, "world.yaml"), read(t, "connector.yaml"))
	for ns, addr := range map[string]string{
		"web": "10.128.0.10", "api": "10.128.0.11", "db": "10.128.0.12", "visitor": "10.128.0.20", "dns": "10.128.0.2",
		"unknown": places["unknown"], "outside": places["outside"],
	} {
		l.attach(ns, addr)
	}
	l.serve("web", "tcp/8080", "tcp/9000")
	l.serve("api", "tcp/3000", "tcp/8005", "tcp/8011")
	l.serve("db", "tcp/5432", "udp/8080")
	l.serve("visitor", "tcp/8081")
	l.serve("dns", "udp/53", "tcp/53")
	l.serve("unknown", "tcp/80")
	l.serve("outside", "tcp/7844", "udp/7844", "tcp/443")
	l.serve("node", "tcp/6443")

	type path struct{ from, to string }
	// open without policies; the value says whether the connector's policies leave it so.
	paths := map[path]bool{
		{"web", "udp/10.128.0.2:53"}:        true,
		{"web", "tcp/10.128.0.2:53"}:        true,
		{"web", "udp/203.0.113.9:7844"}:     true,
		{"web", "tcp/203.0.113.9:7844"}:     true,
		{"web", "tcp/203.0.113.9:443"}:      false,
		{"web", "tcp/10.128.0.11:3000"}:     true,
		{"web", "tcp/10.128.0.11:8005"}:     true,
		{"web", "tcp/10.128.0.11:8011"}:     false,
		{"web", "udp/10.128.0.12:8080"}:     false,
		{"web", "tcp/10.128.0.12:5432"}:     false,
		{"web", "tcp/10.128.0.20:8081"}:     false,
		{"web", "tcp/10.255.0.2:6443"}:      false,
		{"web", "tcp/10.128.0.1:6443"}:      false,
		{"web", "tcp/10.128.0.10:9000"}:     true,
		{"api", "tcp/10.255.0.2:6443"}:      true,
		{"api", "tcp/203.0.113.9:443"}:      true,
		{"api", "tcp/10.128.0.10:8080"}:     false,
		{"outside", "tcp/10.128.0.10:8080"}: false,
		{"outside", "tcp/10.128.0.12:5432"}: true,
		{"node", "tcp/10.128.0.10:8080"}:    true,
		{"node", "tcp/10.128.0.20:8081"}:    true,
	}
	open := state
	open.Policies = nil
	l.load(open)
	for p := range paths {
		require.True(t, l.reaches(p.from, p.to), "without policies: %s to %s", p.from, p.to)
	}
	l.load(state)
	for p, want := range paths {
		require.Equal(t, want, l.reaches(p.from, p.to), "%s to %s", p.from, p.to)
	}
	for _, p := range []path{
		{"unknown", "tcp/10.128.0.11:3000"}, {"unknown", "tcp/10.255.0.2:6443"}, {"unknown", "tcp/203.0.113.9:443"}, {"api", "tcp/10.128.0.99:80"},
	} {
		require.False(t, l.reaches(p.from, p.to), "%s to %s", p.from, p.to)
	}
	require.True(t, l.reaches("node", "tcp/10.128.0.99:80"), "the node reaches every pod")
}

// TestPackets_Established shows that a connection outlives the arrival of a policy that forbids it.
func TestPackets_Established(t *testing.T) {
	l := newLab(t)
	state := load(t, read(t, "world.yaml"), read(t, "connector.yaml"))
	l.attach("web", "10.128.0.10")
	l.attach("db", "10.128.0.12")
	l.serve("db", "tcp/5432")
	open := state
	open.Policies = nil
	l.load(open)

	client := exec.Command("ip", "netns", "exec", l.name("web"), "bash", "-c",
		`exec 3<>/dev/tcp/10.128.0.12/5432; echo connected; read -r; echo ping >&3; read -r -t 2 line <&3; echo "$line"`)
	in, err := client.StdinPipe()
	require.NoError(t, err)
	out, err := client.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, client.Start())
	lines := bufio.NewReader(out)
	line, err := lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "connected\n", line)

	l.load(state)
	require.False(t, l.reaches("web", "tcp/10.128.0.12:5432"), "a new connection")
	_, err = io.WriteString(in, "go\n")
	require.NoError(t, err)
	line, err = lines.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "ping\n", line)
	require.NoError(t, client.Wait())
}
