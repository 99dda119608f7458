package cluster

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"k8s-tunnel/sandbox/cluster/image"
	"k8s-tunnel/sandbox/wait"
)

// testSlot is one that worlds rarely use.
const testSlot = 29

// nodeTest is a real node on this machine.
type nodeTest struct {
	*testing.T
	Config
	began time.Time
}

// newNodeTest skips the test where no node can run: that takes root, and the tools that the sandbox
// has built.
func newNodeTest(t *testing.T) *nodeTest {
	bin := os.Getenv("SANDBOX_BIN")
	if bin == "" || os.Geteuid() != 0 {
		t.Skip("needs root, and SANDBOX_BIN with the directory of the tools")
	}
	// The strictest that a user may have. Node tests aren't parallel, so no other test sees it.
	usual := unix.Umask(0o077)
	t.Cleanup(func() { unix.Umask(usual) })
	// A path as long as no socket's may be, and with other characters than ASCII's.
	dir := filepath.Join(t.TempDir(), strings.Repeat("änother-", 12))
	images := func() (Images, error) {
		tars, err := image.All(image.Options{BinDir: bin, CA: []byte("none"), Dir: filepath.Join(dir, "images")})
		return Images{Node: tars.Node, Others: slices.Concat(tars.Connectors, tars.Sites)}, err
	}
	n := &nodeTest{T: t, began: time.Now(), Config: Config{
		Slot: testSlot, Dir: filepath.Join(dir, "node"), BinDir: bin, Images: images,
	}}
	n.Progress = func(line string) { t.Logf("%6.2f  %s", time.Since(n.began).Seconds(), line) }
	t.Cleanup(func() { require.NoError(t, Wipe(context.Background(), n.Config)) })
	return n
}

func (n *nodeTest) start() time.Duration {
	n.Helper()
	began := time.Now()
	require.NoError(n, Start(n.Context(), n.Config))
	return time.Since(began)
}

func (n *nodeTest) status() Status {
	n.Helper()
	s, err := Inspect(n.Context(), n.Config)
	require.NoError(n, err)
	return s
}

// pid is the number of the node's process 1.
func (n *nodeTest) pid() int {
	n.Helper()
	id, running := findInit(n.Config)
	require.True(n, running)
	return id.PID
}

// components are the node's programs in order of start, with the numbers of their processes on this machine. All are
// children of process 1, but any of its threads may have started them.
func (n *nodeTest) components() []componentState {
	n.Helper()
	var list []componentState
	require.NoError(n, readJSON(n.path(statusFile), &list))
	numbers := map[int]int{}
	files, err := filepath.Glob(filepath.Join("/proc", strconv.Itoa(n.pid()), "task", "*", "children"))
	require.NoError(n, err)
	for _, file := range files {
		raw, _ := os.ReadFile(file) // a thread that ends in the meantime has passed on its children
		for _, field := range strings.Fields(string(raw)) {
			pid, err := strconv.Atoi(field)
			require.NoError(n, err)
			numbers[pidInNamespace(pid)] = pid
		}
	}
	delete(numbers, 0)
	for i := range list {
		list[i].PID = numbers[list[i].PID]
	}
	return list
}

func (n *nodeTest) kubectl(args ...string) string {
	n.Helper()
	out, err := n.tryKubectl(args...)
	require.NoError(n, err, "%s", out)
	return out
}

func (n *nodeTest) tryKubectl(args ...string) (string, error) {
	cmd := exec.Command(n.bin("kube"), append([]string{"kubectl", "--kubeconfig", n.Kubeconfig(), "--cache-dir", n.path("kubectl")}, args...)...)
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// leftovers lists everything on this machine that bears the node's name.
func (n *nodeTest) leftovers() []string {
	n.Helper()
	var found []string
	used, err := usedNetworks()
	require.NoError(n, err)
	for _, u := range used {
		for _, own := range []fmt.Stringer{n.LinkSubnet(), n.PodSubnet(), n.ServiceSubnet()} {
			if u.prefix.Bits() > 0 && u.prefix.String() == own.String() || u.link == n.Name() {
				found = append(found, "network "+u.prefix.String()+" on "+u.link)
			}
		}
	}
	if _, exists := linkLabel(n.Name()); exists {
		found = append(found, "interface "+n.Name())
	}
	for _, pattern := range []string{cgroupRoot + "/" + n.Name(), cgroupRoot + "/*/" + n.Name()} {
		groups, err := filepath.Glob(pattern)
		require.NoError(n, err)
		found = append(found, groups...)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	require.NoError(n, err)
	if strings.Contains(string(mounts), n.Dir) {
		found = append(found, "mounts below "+n.Dir)
	}
	return append(found, n.processes()...)
}

// processes lists the processes that have the node's directory mounted: all of the node's,
// containers included.
func (n *nodeTest) processes() []string {
	var found []string
	files, err := filepath.Glob("/proc/[0-9]*/mountinfo")
	require.NoError(n, err)
	for _, file := range files {
		mounts, _ := os.ReadFile(file)
		if strings.Contains(string(mounts), strings.TrimPrefix(n.Dir, "/")) {
			name, _ := os.ReadFile(filepath.Join(filepath.Dir(file), "cmdline"))
			found = append(found, "process "+strings.ReplaceAll(string(name), "\x00", " "))
		}
	}
	return found
}

// machine holds settings that nodes are known to change. They must be the same before, during and
// after the test.
func (n *nodeTest) machine() map[string]string {
	values := map[string]string{}
	for name := range kernelTunables {
		raw, _ := os.ReadFile("/proc/sys/" + name)
		values[name] = string(raw)
	}
	for _, name := range []string{"net/ipv4/ip_forward", "kernel/hostname", "net/netfilter/nf_conntrack_max"} {
		raw, _ := os.ReadFile("/proc/sys/" + name)
		values[name] = string(raw)
	}
	for _, path := range []string{"/var/lib/kubelet", "/var/lib/cni", "/var/lib/containerd", "/opt/containerd", "/run/containerd", "/var/log/pods", "/usr/libexec/kubernetes"} {
		_, err := os.Lstat(path)
		values[path] = fmt.Sprint(err == nil)
	}
	return values
}

const testPods = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: default}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
        - {name: web, image: "` + image.Webapp + `", args: [serve, -drain, 0s], readinessProbe: {tcpSocket: {port: 8080}, periodSeconds: 1}}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {clusterIP: 10.123.0.80, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`

// requireWeb waits until the pod behind the service answers this machine.
func (n *nodeTest) requireWeb() {
	n.Helper()
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	require.Eventually(n, func() bool {
		resp, err := client.Get("http://10.123.0.80/")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK && len(body) > 0
	}, 60*time.Second, 50*time.Millisecond)
}

// requireNames asks the cluster's DNS what cloudflared asks, and for names that don't exist.
func (n *nodeTest) requireNames() {
	n.Helper()
	resolver := net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, n.DNSAddr().String()+":53")
	}}
	ctx := n.Context()
	_, regions, err := resolver.LookupSRV(ctx, "v2-origintunneld", "tcp", "argotunnel.com")
	require.NoError(n, err)
	var addrs []string
	for _, region := range regions {
		require.EqualValues(n, 7844, region.Port)
		found, err := resolver.LookupHost(ctx, region.Target)
		require.NoError(n, err)
		require.Len(n, found, 2)
		addrs = append(addrs, found...)
	}
	require.ElementsMatch(n, []string{"10.255.29.11", "10.255.29.12", "10.255.29.13", "10.255.29.14"}, addrs)

	protocol, err := resolver.LookupTXT(ctx, "protocol-v2.argotunnel.com.")
	require.NoError(n, err)
	require.JSONEq(n, `[{"protocol": "quic", "percentage": 100}]`, strings.Join(protocol, ""))

	began := time.Now()
	for _, name := range []string{"api.cloudflare.com.", "example.org.", "home.localhost.", "update.argotunnel.com.", "nobody.default.svc.cluster.local."} {
		_, err := resolver.LookupHost(ctx, name)
		var failure *net.DNSError
		require.ErrorAs(n, err, &failure)
		require.True(n, failure.IsNotFound, "%s: %v", name, err)
	}
	_, err = resolver.LookupTXT(ctx, "other.argotunnel.com.")
	require.ErrorContains(n, err, "no such host")
	require.Less(n, time.Since(began), time.Second, "names that don't exist are refused at once")
}

// requireBack waits until every program is ready and has been restarted once.
func (n *nodeTest) requireBack(name string, restarts int) {
	n.Helper()
	wait.Until(n, 60*time.Second, name+" is back", func() bool {
		for _, c := range n.components() {
			if c.Name == name && c.Restarts < restarts {
				return false
			}
		}
		return n.status().Healthy()
	})
}

// requireForward fetches a page through kubectl port-forward.
func (n *nodeTest) requireForward() {
	n.Helper()
	cmd := exec.Command(n.bin("kube"), "kubectl", "--kubeconfig", n.Kubeconfig(), "--cache-dir", n.path("kubectl"), "port-forward", "deployment/web", "18329:8080")
	require.NoError(n, cmd.Start())
	defer func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }()
	require.Eventually(n, func() bool {
		resp, err := http.Get("http://127.0.0.1:18329/")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	}, 30*time.Second, 100*time.Millisecond)
}

// requirePolicies cuts the pod off from DNS and reconnects it.
func (n *nodeTest) requirePolicies() {
	n.Helper()
	resolves := func() bool {
		_, err := n.tryKubectl("exec", "deployment/web", "--", "/usr/bin/webapp", "resolve", "-timeout", "1s", "web.default")
		return err == nil
	}
	require.True(n, resolves())
	require.NoError(n, Apply(n.Context(), n.Config, []byte(`
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: nothing-out, namespace: default}
spec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress]}
`)))
	require.Eventually(n, func() bool { return !resolves() }, 20*time.Second, 200*time.Millisecond, "the policy must be enforced")
	n.requireWeb() // the policy is about outgoing traffic only
	n.kubectl("delete", "networkpolicy", "nothing-out")
	require.Eventually(n, resolves, 20*time.Second, 200*time.Millisecond)
}
