package cluster

// Where the node has the directories kubeletDir and podLogsDir: at upstream's paths rather than at
// their own. The kubelet listens on sockets in the first, whose paths may have 107 bytes only, and it
// refuses a second with other characters than ASCII's, while a clone may lie anywhere.
const (
	kubeletRoot = "/var/lib/kubelet"
	podLogsRoot = "/var/log/pods"
)

// kubeletConfig is the part of kubelet.config.k8s.io/v1beta1 that differs from upstream's defaults.
type kubeletConfig struct {
	APIVersion               string                `json:"apiVersion"`
	Kind                     string                `json:"kind"`
	FailCgroupV1             bool                  `json:"failCgroupV1"`
	FailSwapOn               bool                  `json:"failSwapOn"`
	OOMScoreAdj              int                   `json:"oomScoreAdj"`
	CgroupDriver             string                `json:"cgroupDriver"`
	CgroupRoot               string                `json:"cgroupRoot"`
	EnforceNodeAllocatable   []string              `json:"enforceNodeAllocatable"`
	ContainerRuntimeEndpoint string                `json:"containerRuntimeEndpoint"`
	Authentication           kubeletAuthentication `json:"authentication"`
	Authorization            kubeletAuthorization  `json:"authorization"`
	TLSCertFile              string                `json:"tlsCertFile"`
	TLSPrivateKeyFile        string                `json:"tlsPrivateKeyFile"`
	ClusterDNS               []string              `json:"clusterDNS"`
	ClusterDomain            string                `json:"clusterDomain"`
	ResolverConfig           string                `json:"resolvConf"`
	VolumePluginDir          string                `json:"volumePluginDir"`
	EvictionHard             map[string]string     `json:"evictionHard"`
	ImageGCHigh              int                   `json:"imageGCHighThresholdPercent"`
	ImageGCLow               int                   `json:"imageGCLowThresholdPercent"`
	MakeIPTablesUtilChains   bool                  `json:"makeIPTablesUtilChains"`
	KubeAPIQPS               int                   `json:"kubeAPIQPS"`
	KubeAPIBurst             int                   `json:"kubeAPIBurst"`
}

type kubeletAuthentication struct {
	Anonymous kubeletAnonymous `json:"anonymous"`
	Webhook   kubeletWebhook   `json:"webhook"`
	X509      kubeletX509      `json:"x509"`
}

type kubeletAnonymous struct {
	Enabled bool `json:"enabled"`
}

type kubeletWebhook struct {
	Enabled bool `json:"enabled"`
}

type kubeletX509 struct {
	ClientCAFile string `json:"clientCAFile"`
}

type kubeletAuthorization struct {
	Mode string `json:"mode"`
}

func newKubeletConfig(c Config) kubeletConfig {
	return kubeletConfig{
		APIVersion:               "kubelet.config.k8s.io/v1beta1",
		Kind:                     "KubeletConfiguration",
		FailCgroupV1:             false, // machines with cgroup v1 are supported here
		FailSwapOn:               false, // whether the machine swaps is up to its owner
		OOMScoreAdj:              0,     // lowering it takes a capability that root may lack
		CgroupDriver:             "cgroupfs",
		CgroupRoot:               "/" + c.Name(),
		EnforceNodeAllocatable:   []string{"pods"},
		ContainerRuntimeEndpoint: "unix://" + containerdSocket,
		Authentication: kubeletAuthentication{
			Webhook: kubeletWebhook{Enabled: true},
			X509:    kubeletX509{ClientCAFile: c.path(pkiDir, "ca.crt")},
		},
		Authorization:     kubeletAuthorization{Mode: "Webhook"},
		TLSCertFile:       c.path(pkiDir, "kubelet-server.crt"),
		TLSPrivateKeyFile: c.path(pkiDir, "kubelet-server.key"),
		ClusterDNS:        []string{c.DNSAddr().String()},
		ClusterDomain:     clusterDomain,
		ResolverConfig:    c.path(configDir, "resolv.conf"),
		VolumePluginDir:   kubeletRoot + "/volume-plugins", // upstream's default is in /usr, which is read-only here
		// A full disk is up to the machine's owner: evicting pods and deleting images, which no
		// registry could restore, would only break the node.
		EvictionHard: map[string]string{
			"memory.available": "100Mi", "nodefs.available": "0%", "nodefs.inodesFree": "0%",
			"imagefs.available": "0%", "imagefs.inodesFree": "0%",
		},
		ImageGCHigh:            100,
		ImageGCLow:             99,
		MakeIPTablesUtilChains: false, // there is no iptables here, only nftables
		KubeAPIQPS:             clientQPS,
		KubeAPIBurst:           clientBurst,
	}
}

// proxyConfig is the part of kubeproxy.config.k8s.io/v1alpha1 that differs from upstream's
// defaults.
type proxyConfig struct {
	APIVersion         string          `json:"apiVersion"`
	Kind               string          `json:"kind"`
	Mode               string          `json:"mode"`
	ClientConnection   proxyConnection `json:"clientConnection"`
	ClusterCIDR        string          `json:"clusterCIDR"`
	HostnameOverride   string          `json:"hostnameOverride"`
	OOMScoreAdj        int             `json:"oomScoreAdj"`
	NFTables           proxyNFTables   `json:"nftables"`
	Conntrack          proxyConntrack  `json:"conntrack"`
	HealthzBindAddress string          `json:"healthzBindAddress"`
	MetricsBindAddress string          `json:"metricsBindAddress"`
}

type proxyConnection struct {
	Kubeconfig string `json:"kubeconfig"`
}

type proxyNFTables struct {
	MinSyncPeriod string `json:"minSyncPeriod"`
}

// proxyConntrack is all zero, which leaves these settings alone: they belong to the machine.
type proxyConntrack struct {
	MaxPerCore            int    `json:"maxPerCore"`
	Min                   int    `json:"min"`
	TCPEstablishedTimeout string `json:"tcpEstablishedTimeout"`
	TCPCloseWaitTimeout   string `json:"tcpCloseWaitTimeout"`
}

func newProxyConfig(c Config) proxyConfig {
	return proxyConfig{
		APIVersion:       "kubeproxy.config.k8s.io/v1alpha1",
		Kind:             "KubeProxyConfiguration",
		Mode:             "nftables",
		ClientConnection: proxyConnection{Kubeconfig: c.kubeconfigPath("kube-proxy")},
		ClusterCIDR:      c.PodSubnet().String(),
		HostnameOverride: c.Name(),
		OOMScoreAdj:      0,
		// Upstream's pause of a second between two changes is for clusters with thousands of
		// services.
		NFTables:           proxyNFTables{MinSyncPeriod: "100ms"},
		Conntrack:          proxyConntrack{TCPEstablishedTimeout: "0s", TCPCloseWaitTimeout: "0s"},
		HealthzBindAddress: "127.0.0.1:10256",
		MetricsBindAddress: "127.0.0.1:10249",
	}
}
