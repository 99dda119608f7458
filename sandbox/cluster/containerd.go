package cluster

import "k8s-tunnel/sandbox/cluster/image"

// containerdConfig is the part of containerd's configuration, version 3, that differs from its
// defaults.
type containerdConfig struct {
	Version int               `toml:"version"`
	Root    string            `toml:"root"`
	State   string            `toml:"state"`
	GRPC    containerdGRPC    `toml:"grpc"`
	Plugins containerdPlugins `toml:"plugins"`
}

type containerdGRPC struct {
	Address string `toml:"address"`
}

type containerdPlugins struct {
	Images  criImages  `toml:"io.containerd.cri.v1.images"`
	Runtime criRuntime `toml:"io.containerd.cri.v1.runtime"`
	Opt     pluginPath `toml:"io.containerd.internal.v1.opt"`
	NRI     pluginOff  `toml:"io.containerd.nri.v1.nri"`
}

type criImages struct {
	Snapshotter  string            `toml:"snapshotter"`
	PinnedImages map[string]string `toml:"pinned_images"`
}

type criRuntime struct {
	RestrictOOMScoreAdj      bool          `toml:"restrict_oom_score_adj"`
	DisableAppArmor          bool          `toml:"disable_apparmor"`
	EnableUnprivilegedPorts  bool          `toml:"enable_unprivileged_ports"`
	EnableUnprivilegedICMP   bool          `toml:"enable_unprivileged_icmp"`
	NetNSMountsUnderStateDir bool          `toml:"netns_mounts_under_state_dir"`
	CNI                      criCNI        `toml:"cni"`
	Containerd               criContainerd `toml:"containerd"`
}

type criCNI struct {
	BinDirs []string `toml:"bin_dirs"`
	ConfDir string   `toml:"conf_dir"`
}

type criContainerd struct {
	DefaultRuntimeName string                    `toml:"default_runtime_name"`
	Runtimes           map[string]runtimeHandler `toml:"runtimes"`
}

type runtimeHandler struct {
	Type    string         `toml:"runtime_type"`
	Path    string         `toml:"runtime_path"`
	Options runtimeOptions `toml:"options"`
}

type runtimeOptions struct {
	BinaryName    string
	SystemdCgroup bool
}

type pluginPath struct {
	Path string `toml:"path"`
}

type pluginOff struct {
	Disable bool `toml:"disable"`
}

func newContainerdConfig(c Config) containerdConfig {
	return containerdConfig{
		Version: 3,
		Root:    c.path("containerd"),
		State:   containerdState,
		GRPC:    containerdGRPC{Address: containerdSocket},
		Plugins: containerdPlugins{
			Images: criImages{
				Snapshotter:  "overlayfs",
				PinnedImages: map[string]string{"sandbox": image.Pause},
			},
			Runtime: criRuntime{
				RestrictOOMScoreAdj:      true, // lowering the score takes a capability that root may lack
				DisableAppArmor:          true, // profiles are loaded into the machine's kernel, which must stay as it is
				EnableUnprivilegedPorts:  true, // as in most clusters: pods that aren't root may use port 80
				EnableUnprivilegedICMP:   true,
				NetNSMountsUnderStateDir: true,
				CNI:                      criCNI{BinDirs: []string{c.BinDir}, ConfDir: c.path(configDir, "cni")},
				Containerd: criContainerd{
					DefaultRuntimeName: "runc",
					Runtimes: map[string]runtimeHandler{"runc": {
						Type:    "io.containerd.runc.v2",
						Path:    c.bin("containerd-shim-runc-v2"),
						Options: runtimeOptions{BinaryName: c.bin("runc")},
					}},
				},
			},
			Opt: pluginPath{Path: containerdState + "/opt"},
			NRI: pluginOff{Disable: true},
		},
	}
}
