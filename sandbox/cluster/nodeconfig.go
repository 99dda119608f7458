package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/pelletier/go-toml/v2"
)

const (
	clusterDomain    = "cluster.local"
	containerdSocket = "/run/containerd/containerd.sock" // in the node's own /run
	containerdState  = "/run/containerd"
	etcdClientURL    = "http://127.0.0.1:2379"
	etcdPeerURL      = "http://127.0.0.1:2380"

	// Upstream's clients limit themselves to a few calls a second, for clusters with hundreds of
	// them. Here that would only add five seconds to the start.
	clientQPS   = 1000
	clientBurst = 2000
)

// writeConfig writes all files that the node's programs read when they start.
func writeConfig(c Config) error {
	// Anew each time, because a file left by another version of this package would be read too.
	if err := os.RemoveAll(c.path(configDir)); err != nil {
		return fmt.Errorf("preparing the node's directory: %w", err)
	}
	for _, dir := range []string{c.path(configDir), c.path(configDir, "cni"), c.LogDir(), c.path("etcd"), c.path(kubeletDir), c.path(podLogsDir), c.path(rootDir)} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("preparing the node's directory: %w", err)
		}
	}
	if err := ensurePKI(c); err != nil {
		return err
	}
	if err := writeKubeconfigs(c); err != nil {
		return err
	}
	// Pods that want the node's resolver get none: there is nothing outside to ask.
	if err := writeFile(c.path(configDir, "resolv.conf"), nil, 0o644); err != nil {
		return err
	}
	files, err := configFiles(c)
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := writeFile(c.path(configDir, filepath.FromSlash(name)), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}

// configFiles are the configurations of the node's programs, by their names below the config
// directory.
func configFiles(c Config) (map[string][]byte, error) {
	files := map[string][]byte{}
	for name, value := range map[string]any{
		"control.json":         newControlConfig(c),
		"kubelet.json":         newKubeletConfig(c),
		"kube-proxy.json":      newProxyConfig(c),
		"cni/10-pods.conflist": newCNIConfig(c),
	} {
		data, err := json.MarshalIndent(value, "", "  ") // JSON is also YAML, which these programs expect
		if err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
		files[name] = append(data, '\n')
	}
	data, err := toml.Marshal(newContainerdConfig(c))
	if err != nil {
		return nil, fmt.Errorf("writing containerd.toml: %w", err)
	}
	files["containerd.toml"] = data
	return files, nil
}

// controlConfig is the file that `kube control` reads; see its source in node/cmd/kube.
type controlConfig struct {
	Etcd              etcdConfig        `json:"etcd"`
	APIServer         map[string]string `json:"apiServer"`
	ControllerManager map[string]string `json:"controllerManager"`
	Scheduler         map[string]string `json:"scheduler"`
}

type etcdConfig struct {
	Dir       string `json:"dir"`
	ClientURL string `json:"clientURL"`
	PeerURL   string `json:"peerURL"`
}

func newControlConfig(c Config) controlConfig {
	pki := func(name string) string { return c.path(pkiDir, name) }
	return controlConfig{
		Etcd: etcdConfig{Dir: c.path("etcd"), ClientURL: etcdClientURL, PeerURL: etcdPeerURL},
		APIServer: map[string]string{
			"etcd-servers":                     etcdClientURL,
			"bind-address":                     "0.0.0.0", // the loopback for the node's programs, eth0 for all others
			"secure-port":                      "6443",
			"advertise-address":                c.NodeAddr().String(),
			"service-cluster-ip-range":         c.ServiceSubnet().String(),
			"tls-cert-file":                    pki("apiserver.crt"),
			"tls-private-key-file":             pki("apiserver.key"),
			"client-ca-file":                   pki("ca.crt"),
			"service-account-key-file":         pki("service-accounts.pub"),
			"service-account-signing-key-file": pki("service-accounts.key"),
			"service-account-issuer":           "https://kubernetes.default.svc." + clusterDomain,
			"authorization-mode":               "Node,RBAC",
			"enable-admission-plugins":         "NodeRestriction",
			"allow-privileged":                 "true", // pods may be privileged where Pod Security allows it
			"kubelet-client-certificate":       pki("apiserver-kubelet.crt"),
			"kubelet-client-key":               pki("apiserver-kubelet.key"),
			"kubelet-certificate-authority":    pki("ca.crt"),
			"kubelet-preferred-address-types":  "InternalIP",
			// Extension API servers such as metrics-server expect these of every cluster.
			"requestheader-client-ca-file":       pki("ca.crt"),
			"requestheader-allowed-names":        "front-proxy-client",
			"requestheader-username-headers":     "X-Remote-User",
			"requestheader-group-headers":        "X-Remote-Group",
			"requestheader-extra-headers-prefix": "X-Remote-Extra-",
			"proxy-client-cert-file":             pki("front-proxy.crt"),
			"proxy-client-key-file":              pki("front-proxy.key"),
			"profiling":                          "false",
		},
		ControllerManager: clientFlags(c, "controller-manager", map[string]string{
			"service-account-private-key-file": pki("service-accounts.key"),
			"root-ca-file":                     pki("ca.crt"),
			"use-service-account-credentials":  "true",
			"allocate-node-cidrs":              "true",
			"cluster-cidr":                     c.PodSubnet().String(),
			"service-cluster-ip-range":         c.ServiceSubnet().String(),
		}),
		Scheduler: clientFlags(c, "scheduler", nil),
	}
}

// clientFlags are the flags that the controller manager and the scheduler share.
func clientFlags(c Config, user string, more map[string]string) map[string]string {
	file := c.kubeconfigPath(user)
	flags := map[string]string{
		"kubeconfig":                file,
		"authentication-kubeconfig": file,
		"authorization-kubeconfig":  file,
		"leader-elect":              "false", // there is only one
		"bind-address":              "127.0.0.1",
		"kube-api-qps":              fmt.Sprint(clientQPS),
		"kube-api-burst":            fmt.Sprint(clientBurst),
		"profiling":                 "false",
	}
	for name, value := range more {
		flags[name] = value
	}
	return flags
}

// cniConfig is a list of network plugins as the CNI specification has it.
type cniConfig struct {
	Version string      `json:"cniVersion"`
	Name    string      `json:"name"`
	Plugins []cniPlugin `json:"plugins"`
}

type cniPlugin struct {
	Type   string   `json:"type"`
	IPMasq bool     `json:"ipMasq,omitempty"`
	IPAM   *cniIPAM `json:"ipam,omitempty"`
}

type cniIPAM struct {
	Type    string       `json:"type"`
	DataDir string       `json:"dataDir"`
	Ranges  [][]cniRange `json:"ranges"`
	Routes  []cniRoute   `json:"routes"`
}

type cniRange struct {
	Subnet string `json:"subnet"`
}

type cniRoute struct {
	Destination string `json:"dst"`
}

// newCNIConfig routes every pod through a veth pair of its own, without masquerading. The record of
// addresses in use is lost when the node stops, like the pods' network namespaces. The second
// plugin holds a pod back until its network policies are in force.
func newCNIConfig(c Config) cniConfig {
	return cniConfig{Version: "1.0.0", Name: c.Name(), Plugins: []cniPlugin{
		{Type: "ptp", IPAM: &cniIPAM{
			Type:    "host-local",
			DataDir: "/run/cni",
			Ranges:  [][]cniRange{{{Subnet: c.nodePodSubnet().String()}}},
			Routes:  []cniRoute{{Destination: "0.0.0.0/0"}},
		}},
		{Type: "netpol"},
	}}
}
