package cluster

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"time"
)

// How long the parts of the node may take to stop before they are killed.
const (
	componentGrace = 5 * time.Second
	podGrace       = 2 * time.Second
	initGrace      = 20 * time.Second // more than stopping takes in all
)

// netpolReadyFile appears when the first network policies are in force.
const netpolReadyFile = "/run/netpol.ready"

// productionEdge and productionEdgeUS are two of the address ranges of Cloudflare's edge, everywhere
// and in the United States, as its documentation on firewalls lists them. A policy that allows pods
// to reach one of them also allows them to reach this machine's edge, so that a policy written for
// production works here unchanged; the ranges themselves are unreachable.
const (
	productionEdge   = "198.41.192.0/24"
	productionEdgeUS = "198.41.218.0/24"
)

// components are the node's programs in order of start.
func components(c Config) []component {
	config := func(name string) string { return filepath.Join(c.path(configDir), name) }
	return []component{
		{
			name: "control", path: c.bin("kube"), args: []string{"control", config("control.json")},
			ready: func(ctx context.Context) error { return apiReady(ctx, c) }, grace: componentGrace,
		},
		{
			name: "containerd", path: c.bin("containerd"), args: []string{"--config", config("containerd.toml"), "--log-level", "warn"},
			ready: func(ctx context.Context) error { return accepts(ctx, containerdSocket) }, grace: componentGrace,
		},
		{
			name: "kubelet", path: c.bin("kube"), after: []string{"control", "containerd"}, grace: componentGrace,
			args: []string{
				"kubelet", "--config", config("kubelet.json"), "--kubeconfig", c.kubeconfigPath("kubelet"),
				"--root-dir", kubeletRoot, "--hostname-override", c.Name(), "--node-ip", c.NodeAddr().String(),
			},
		},
		{
			name: "kube-proxy", path: c.bin("kube"), after: []string{"control"}, grace: componentGrace,
			args: []string{"kube-proxy", "--config", config("kube-proxy.json")},
		},
		{
			name: "netpol", path: c.bin("netpol"), after: []string{"control"}, grace: componentGrace,
			args: []string{
				"--kubeconfig", c.kubeconfigPath("netpol"), "--pod-subnet", c.PodSubnet().String(), "--ready-file", netpolReadyFile,
				"--stand-in", productionEdge + "=" + c.edgeRange().String(),
				"--stand-in", productionEdgeUS + "=" + c.edgeRange().String(),
			},
			ready: func(context.Context) error { _, err := os.Stat(netpolReadyFile); return err },
		},
	}
}

// accepts returns nil if something listens on a socket.
func accepts(ctx context.Context, socket string) error {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", socket)
	if err != nil {
		return err
	}
	return conn.Close()
}
