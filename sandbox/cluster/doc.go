// Package cluster runs one real Kubernetes node on this machine.
//
// Nothing is imitated: API server, controllers, scheduler, etcd, kubelet, kube-proxy, containerd,
// runc and CoreDNS are upstream's programs, built from their modules. This package does what an
// installer and an init system do on other machines: keys, configuration files, namespaces, the
// order of starting, restarts, and a clean shutdown.
//
// The node lives in mount, pid, network, UTS and IPC namespaces of its own. Process 1 in them is
// this same binary, started again as a hidden command (see [InitCommand]). It supervises the other
// processes, and when it ends, so does everything in the node, because that is what the kernel does
// with a pid namespace. The node's root is a tmpfs that shows the system's programs read-only, so
// it can write to its own directory only.
//
// A veth pair connects the machine and the node: pod and service addresses are routed into the
// node, and pods reach programs of the machine at its end of the pair. There is no default route,
// no masquerading and no bridge: what isn't in the cluster or on the pair is unreachable at once,
// rather than after a timeout. A firewall on the machine that refuses input (ufw, firewalld) must
// allow it on the interface k8st<slot>.
//
// It differs from a node made by kubeadm or k3s: control plane and pods share the only node (it has
// no taint), etcd listens without TLS inside the node's network namespace and doesn't wait for the
// disk, images come from files only, and certificates last ten years because nothing renews them.
package cluster
