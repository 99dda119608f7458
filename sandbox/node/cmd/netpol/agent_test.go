package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

// kernel remembers the ruleset that it was given last.
type kernel struct {
	mu      sync.Mutex
	ruleset string
	broken  bool
}

func (k *kernel) apply(_ context.Context, ruleset string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken {
		return errors.New("no such kernel")
	}
	k.ruleset = ruleset
	return nil
}

func (k *kernel) rules() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.ruleset
}

func (k *kernel) setBroken(b bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.broken = b
}

// start runs an agent against a fake API server and kernel until the test ends.
func start(t *testing.T) (client *fake.Clientset, k *kernel, socket string) {
	t.Helper()
	client, k, socket = fake.NewClientset(), &kernel{}, filepath.Join(t.TempDir(), "s")
	ctx, cancel := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	a := newAgent(client, netip.MustParsePrefix("10.128.0.0/16"), nil, k.apply)
	go func() { ended <- a.run(ctx, socket, func() error { close(ready); return nil }) }()
	t.Cleanup(func() { cancel(); require.NoError(t, <-ended) })
	select {
	case <-ready:
	case err := <-ended:
		require.Fail(t, "agent ended", "%v", err)
	}
	return client, k, socket
}

func denyAll(t *testing.T, client *fake.Clientset) {
	t.Helper()
	_, err := client.NetworkingV1().NetworkPolicies("lab").Create(t.Context(), &networkingv1.NetworkPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: "deny", Namespace: "lab"},
	}, metav1.CreateOptions{})
	require.NoError(t, err)
}

func TestAgent_AddReturnsWithRulesInForce(t *testing.T) {
	t.Parallel()
	client, k, socket := start(t)
	denyAll(t, client)
	// A pod of before shows when the policy has been heard of.
	_, err := client.CoreV1().Pods("lab").Create(t.Context(), pod("api", "10.128.0.4"), metav1.CreateOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool { return strings.Contains(k.rules(), "chain to-10.128.0.4") }, 5*time.Second, time.Millisecond)
	go func() {
		time.Sleep(30 * time.Millisecond) // the watch lags behind the kubelet's
		_, _ = client.CoreV1().Pods("lab").Create(context.Background(), pod("web"), metav1.CreateOptions{})
	}()
	require.NoError(t, call(t.Context(), socket, pathAdd, box("s1", "web", "10.128.0.5")))
	require.Contains(t, k.rules(), "chain to-10.128.0.5")

	require.NoError(t, call(t.Context(), socket, pathRemove, box("s1", "web", "10.128.0.5")))
	require.NotContains(t, k.rules(), "10.128.0.5")
}

func TestAgent_FollowsTheAPI(t *testing.T) {
	t.Parallel()
	client, k, _ := start(t)
	_, err := client.CoreV1().Pods("lab").Create(t.Context(), pod("web", "10.128.0.5"), metav1.CreateOptions{})
	require.NoError(t, err)
	eventually := func(want bool, part string) {
		t.Helper()
		require.Eventually(t, func() bool { return strings.Contains(k.rules(), part) == want }, 5*time.Second, 5*time.Millisecond, "%s", part)
	}
	eventually(true, "elements = { 10.128.0.5 }")
	denyAll(t, client)
	eventually(true, "chain to-10.128.0.5")
	require.NoError(t, client.NetworkingV1().NetworkPolicies("lab").Delete(t.Context(), "deny", metav1.DeleteOptions{}))
	eventually(false, "chain to-10.128.0.5")
	require.NoError(t, client.CoreV1().Pods("lab").Delete(t.Context(), "web", metav1.DeleteOptions{}))
	eventually(false, "10.128.0.5")
}

func TestAgent_RefusesWhatItCannotFilter(t *testing.T) {
	t.Parallel()
	client, k, socket := start(t)
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	require.Error(t, call(ctx, socket, pathAdd, box("s1", "ghost", "10.128.0.5")), "a pod that the API server doesn't know")

	_, err := client.CoreV1().Pods("lab").Create(t.Context(), pod("web"), metav1.CreateOptions{})
	require.NoError(t, err)
	k.setBroken(true)
	require.ErrorContains(t, call(t.Context(), socket, pathAdd, box("s1", "web", "10.128.0.5")), "no such kernel")
	k.setBroken(false)
	require.NoError(t, call(t.Context(), socket, pathAdd, box("s1", "web", "10.128.0.5")), "the runtime tries again")
}

func TestAgent_AppliesLaterWhatFailed(t *testing.T) {
	t.Parallel()
	client, k, _ := start(t)
	k.setBroken(true)
	_, err := client.CoreV1().Pods("lab").Create(t.Context(), pod("web", "10.128.0.5"), metav1.CreateOptions{})
	require.NoError(t, err)
	time.Sleep(100 * time.Millisecond)
	require.NotContains(t, k.rules(), "10.128.0.5")
	k.setBroken(false)
	require.Eventually(t, func() bool { return strings.Contains(k.rules(), "10.128.0.5") }, 5*time.Second, 10*time.Millisecond)
}

const addConfig = `{"cniVersion":"1.0.0","name":"pods","type":"netpol","socket":"%SOCKET%",
 "prevResult":{"cniVersion":"1.0.0","ips":[{"address":"10.128.0.5/32"}],"dns":{}}}`

// plugin runs the binary's CNI half as a container runtime does.
func plugin(t *testing.T, command, config string) (string, error) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "CNI_COMMAND="+command, "CNI_CONTAINERID=s1", "CNI_NETNS=/proc/self/ns/net", "CNI_IFNAME=eth0", "CNI_PATH=/", "CNI_NETNS_OVERRIDE=1",
		"CNI_ARGS=IgnoreUnknown=1;K8S_POD_NAMESPACE=lab;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=s1;K8S_POD_UID=web")
	cmd.Stdin = strings.NewReader(config)
	out, err := cmd.Output()
	return string(out), err
}

func TestMain(m *testing.M) {
	if os.Getenv("CNI_COMMAND") != "" {
		pluginMain()
		return
	}
	os.Exit(m.Run())
}

func TestPlugin_HoldsThePodUntilItsRulesAreInForce(t *testing.T) {
	t.Parallel()
	client, k, socket := start(t)
	denyAll(t, client)
	_, err := client.CoreV1().Pods("lab").Create(t.Context(), pod("web"), metav1.CreateOptions{})
	require.NoError(t, err)
	config := strings.ReplaceAll(addConfig, "%SOCKET%", socket)

	out, err := plugin(t, "ADD", config)
	require.NoError(t, err, out)
	require.Contains(t, out, `"address": "10.128.0.5/32"`, "the result of the plugin before is handed on")
	require.Eventually(t, func() bool { return strings.Contains(k.rules(), "chain to-10.128.0.5") }, time.Second, time.Millisecond)

	out, err = plugin(t, "DEL", config)
	require.NoError(t, err, out)
	require.NotContains(t, k.rules(), "10.128.0.5")
}

func TestPlugin_WithoutAnAgent(t *testing.T) {
	t.Parallel()
	config := strings.ReplaceAll(addConfig, "%SOCKET%", filepath.Join(t.TempDir(), "nobody"))
	out, err := plugin(t, "DEL", config)
	require.NoError(t, err, "a pod can be removed: %s", out)
	out, err = plugin(t, "ADD", `{"cniVersion":"1.0.0","name":"pods","type":"netpol"}`)
	require.Error(t, err)
	require.Contains(t, out, "must come after")
}
