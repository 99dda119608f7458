package cluster

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cluster/image"
)

// testSlot is one that nobody's world has by habit.
const testSlot = 29

// nodeTest is a real node on this machine.
type nodeTest struct {
	*testing.T
	Config
	began time.Time
}

// newNodeTest skips where no node can be: it takes root, and the tools that the sandbox has built.
func newNodeTest(t *testing.T) *nodeTest {
	bin := os.Getenv("SANDBOX_BIN")
	if bin == "" || os.Geteuid() != 0 {
		t.Skip("needs root, and SANDBOX_BIN with the folder of the tools")
	}
	dir := t.TempDir()
	images, err := image.All(image.Options{BinDir: bin, CA: []byte("none"), Dir: filepath.Join(dir, "images")})
	require.NoError(t, err)
	n := &nodeTest{T: t, began: time.Now(), Config: Config{
		Slot: testSlot, Dir: filepath.Join(dir, "node"), BinDir: bin, Images: images, EdgeAddrs: edgeAddrs(testSlot),
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
	s, err := Inspect(n.Config)
	require.NoError(n, err)
	return s
}

func (n *nodeTest) kubectl(args ...string) string {
	n.Helper()
	cmd := exec.Command(n.bin("kube"), append([]string{"kubectl", "--kubeconfig", n.Kubeconfig(), "--cache-dir", n.path("kubectl")}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(n, err, "%s", out)
	return string(out)
}

// leftovers lists everything on this machine that names the node.
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

// processes lists those that have the node's folder mounted, which is all of them, containers too.
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

// machine is what must be the same before, during and after: settings that a node is known to change.
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
spec: {clusterIP: 10.187.0.80, selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
`

// requireWeb waits for an answer of the pod behind the service, asked from this machine.
func (n *nodeTest) requireWeb() {
	n.Helper()
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	require.Eventually(n, func() bool {
		resp, err := client.Get("http://10.187.0.80/")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return err == nil && resp.StatusCode == http.StatusOK && len(body) > 0
	}, 60*time.Second, 50*time.Millisecond)
}

// requireNames asks the cluster's DNS what cloudflared asks, and what nobody can answer.
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

	began := time.Now()
	for _, name := range []string{"api.cloudflare.com.", "example.org.", "home.localhost.", "update.argotunnel.com.", "nobody.default.svc.cluster.local."} {
		_, err := resolver.LookupHost(ctx, name)
		var failure *net.DNSError
		require.ErrorAs(n, err, &failure)
		require.True(n, failure.IsNotFound, "%s: %v", name, err)
	}
	_, err = resolver.LookupTXT(ctx, "protocol-v2.argotunnel.com.")
	require.ErrorContains(n, err, "no such host")
	require.Less(n, time.Since(began), time.Second, "names that don't exist are refused at once")
}

// requireBack waits until every program is ready and has been restarted once.
func (n *nodeTest) requireBack(name string, restarts int) {
	n.Helper()
	require.Eventually(n, func() bool {
		s := n.status()
		for _, c := range s.Components {
			if c.Name == name && c.Restarts < restarts {
				return false
			}
		}
		return s.Healthy()
	}, 60*time.Second, 100*time.Millisecond, "%s", name)
}

func TestNode_Lifecycle(t *testing.T) {
	n := newNodeTest(t)
	require.Empty(t, n.leftovers())
	require.Empty(t, Check(n.Config))
	require.NoError(t, Stop(t.Context(), n.Config), "where there is nothing to stop")
	require.NoDirExists(t, n.Dir)
	before := n.machine()

	t.Logf("FIGURE first start: %s", n.start())
	first := n.status()
	require.True(t, first.Healthy(), first.Problem)
	require.Len(t, first.Components, 5)
	for _, c := range first.Components {
		require.NotZero(t, c.PID, c.Name)
	}
	took := n.start()
	t.Logf("FIGURE start of a running node: %s", took)
	require.Less(t, took, time.Second)
	require.Equal(t, first.PID, n.status().PID, "a healthy node stays as it is")
	require.Equal(t, before, n.machine())

	n.requireNames()
	require.NoError(t, Apply(t.Context(), n.Config, []byte(testPods)))
	n.requireWeb()
	n.kubectl("rollout", "status", "deployment/web", "--timeout=60s")
	require.Contains(t, n.kubectl("exec", "deployment/web", "--", "/usr/bin/webapp", "resolve", "web.default"), "10.187.0.80")
	require.NotEmpty(t, n.kubectl("logs", "deployment/web"))
	n.requireForward()

	t.Run("programs that are killed come back", func(t *testing.T) {
		for _, c := range first.Components {
			require.NoError(t, syscall.Kill(c.PID, syscall.SIGKILL))
			n.requireBack(c.Name, 1)
		}
		n.requireWeb()
		require.Equal(t, first.PID, n.status().PID)
	})
	t.Run("a killed node leaves no process and comes back with its objects", func(t *testing.T) {
		require.NoError(t, syscall.Kill(n.status().PID, syscall.SIGKILL))
		require.Eventually(t, func() bool { return len(n.processes()) == 0 }, 10*time.Second, 10*time.Millisecond)
		require.False(t, n.status().Running)
		t.Logf("FIGURE start after kill -9: %s", n.start())
		n.requireWeb()
	})
	t.Run("a stopped node leaves nothing and comes back with its objects", func(t *testing.T) {
		began := time.Now()
		require.NoError(t, Stop(t.Context(), n.Config))
		t.Logf("FIGURE stop: %s", time.Since(began))
		require.Empty(t, n.leftovers())
		require.NoError(t, Stop(t.Context(), n.Config), "again")
		t.Logf("FIGURE start again: %s", n.start())
		n.requireWeb()
	})
	t.Run("a node whose folder is gone can still be stopped", func(t *testing.T) {
		require.NoError(t, os.RemoveAll(n.Dir))
		began := time.Now()
		require.NoError(t, Wipe(t.Context(), n.Config))
		t.Logf("FIGURE wipe: %s", time.Since(began))
		require.Empty(t, n.leftovers())
		require.NoDirExists(t, n.Dir)
	})
	require.Equal(t, before, n.machine())
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

func TestNode_StartKilledAtAnyMoment(t *testing.T) {
	n := newNodeTest(t)
	raw, err := json.Marshal(n.Config)
	require.NoError(t, err)
	startAndKill := func(after time.Duration) {
		starter := exec.Command("/proc/self/exe")
		starter.Env = append(os.Environ(), startInstead+"="+string(raw))
		require.NoError(t, starter.Start())
		time.Sleep(after)
		require.NoError(t, starter.Process.Kill())
		require.Error(t, starter.Wait())
	}
	for _, after := range []time.Duration{20, 60, 100, 150, 250, 400, 700, 1500, 3000} {
		after *= time.Millisecond
		startAndKill(after)
		running := n.status().Running
		require.NoError(t, Stop(t.Context(), n.Config))
		require.Empty(t, n.leftovers(), "start killed after %s", after)
		t.Logf("killed after %s, node was running: %v", after, running)
	}
	t.Run("the next start goes on", func(t *testing.T) {
		startAndKill(time.Second)
		running := n.status()
		require.True(t, running.Running)
		n.start()
		require.True(t, n.status().Healthy())
		require.Equal(t, running.PID, n.status().PID)
		require.NoError(t, Stop(t.Context(), n.Config))
	})
	t.Run("two at once", func(t *testing.T) {
		other := make(chan error, 1)
		go func() { other <- Start(t.Context(), n.Config) }()
		n.start()
		require.NoError(t, <-other)
		require.True(t, n.status().Healthy())
	})
	t.Run("another clone with the same slot keeps away", func(t *testing.T) {
		clone := n.Config
		clone.Dir = filepath.Join(t.TempDir(), "node")
		clone.Progress = nil
		require.ErrorContains(t, Start(t.Context(), clone), "choose another slot")
		require.NoError(t, Wipe(t.Context(), clone))
		require.True(t, n.status().Healthy(), "stopping a node that isn't there leaves the other alone")
	})
}
