package main

import (
	"net/netip"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"k8s-tunnel/sandbox/node/policy"
)

// sandbox is one network namespace of a pod, as the CNI plugin reports it. A
// pod gets another one when its first is lost, with another address.
type sandbox struct {
	// ID is the container runtime's.
	ID        string     `json:"id"`
	Namespace string     `json:"namespace"`
	Name      string     `json:"name"`
	UID       types.UID  `json:"uid"`
	Addr      netip.Addr `json:"addr"`
}

// claim is a pod's hold on an address.
type claim struct {
	uid  types.UID
	addr netip.Addr
}

// book knows which pod has which address. What the plugin says counts first: it
// is there before the pod runs and gone when the pod is. What the pods' status says fills
// the gap for pods that started before the agent did.
type book struct {
	sandboxes map[string]sandbox
	// released are claims that a pod's status may still make although its
	// sandbox is gone.
	released map[claim]bool
}

func newBook() *book {
	return &book{sandboxes: map[string]sandbox{}, released: map[claim]bool{}}
}

// add enters a sandbox. Whoever held its address before has lost it: the
// runtime doesn't give an address twice.
func (b *book) add(s sandbox) {
	for id, other := range b.sandboxes {
		if other.Addr == s.Addr {
			delete(b.sandboxes, id)
			b.released[claim{other.UID, other.Addr}] = true
		}
	}
	b.sandboxes[s.ID] = s
	delete(b.released, claim{s.UID, s.Addr})
}

// remove strikes a sandbox out. The runtime repeats itself, and also removes
// sandboxes from before the agent's time: those are known by what the caller says.
func (b *book) remove(s sandbox) {
	if known, ok := b.sandboxes[s.ID]; ok {
		s = known
	}
	delete(b.sandboxes, s.ID)
	b.released[claim{s.UID, s.Addr}] = true
}

// forget undoes an add whose rules could not be applied.
func (b *book) forget(id string) { delete(b.sandboxes, id) }

// endpoints joins the book with the pods that exist. A pod that is being
// deleted keeps its address, and its rules, until its sandbox or the pod itself is gone.
func (b *book) endpoints(pods []*corev1.Pod) []policy.Endpoint {
	byUID := make(map[types.UID]*corev1.Pod, len(pods))
	for _, p := range pods {
		byUID[p.UID] = p
	}
	var out []policy.Endpoint
	taken := map[netip.Addr]bool{}
	for _, s := range b.sandboxes {
		if pod := byUID[s.UID]; pod != nil {
			out = append(out, policy.Endpoint{Pod: pod, Addr: s.Addr})
		}
		taken[s.Addr] = true
	}
	for _, p := range pods {
		for _, addr := range reported(p) {
			if !taken[addr] && !b.released[claim{p.UID, addr}] {
				out = append(out, policy.Endpoint{Pod: p, Addr: addr})
				taken[addr] = true
			}
		}
	}
	for c := range b.released {
		if byUID[c.uid] == nil {
			delete(b.released, c)
		}
	}
	return out
}

// reported returns the addresses of a pod's own network, according to its status. A pod that
// has ended has none, whatever its status remembers.
func reported(p *corev1.Pod) []netip.Addr {
	if p.Spec.HostNetwork || p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed {
		return nil
	}
	var out []netip.Addr
	for _, ip := range p.Status.PodIPs {
		if addr, err := netip.ParseAddr(ip.IP); err == nil && addr.Is4() {
			out = append(out, addr)
		}
	}
	return out
}
