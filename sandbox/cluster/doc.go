// Package cluster runs one real Kubernetes node on this machine.
//
// Nothing is imitated: API server, controllers, scheduler, etcd, kubelet, kube-proxy, containerd,
// runc and CoreDNS are upstream's programs, built from their modules. What is written here is what
// an installer and an init system do on other machines: keys, configuration files, namespaces, an
// order of start, restarts, and a clean end.
//
// The node lives in mount, pid, network, UTS and IPC namespaces of its own. Process 1 in them is
// this very binary, started again as a hidden command (see [InitCommand]); it supervises the
// others, and with it everything in the node ends, because that is what the kernel does with a pid
// namespace. The node's root is a tmpfs that shows the system's programs read-only, so it can write
// nowhere but into its own directory.
//
// From the machine the node is one veth pair away: pod and service addresses are routed into it,
// and pods reach programs here on the machine's end of the pair. There is no default route, no
// masquerading and no bridge: what isn't in the cluster or on the pair is unreachable at once,
// rather than after a timeout. A firewall on the machine that refuses input (ufw, firewalld) must
// allow it on the interface k8st<slot>.
//
// It differs from a node made by kubeadm or k3s in that control plane and pods share the only node
// (it carries no taint), etcd listens without TLS inside the node's network namespace and doesn't
// wait for the disk, images come from files alone, and certificates live for ten years because
// nothing renews them.
package cluster
