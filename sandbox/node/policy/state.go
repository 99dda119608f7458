package policy

import (
	"cmp"
	"net/netip"
	"slices"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Endpoint is a pod at the address it sends from. The two are given apart
// because an address is in use before the pod's status says so.
type Endpoint struct {
	Pod  *corev1.Pod
	Addr netip.Addr
}

// State is all that the rules of a node depend on.
type State struct {
	// PodSubnet holds every address that a pod of this node can have. Addresses
	// in it that no endpoint has are cut off.
	PodSubnet netip.Prefix
	// Endpoints are the pods that have a network of their own. Pods on the
	// host's network are not among them: policies don't apply to those.
	Endpoints []Endpoint
	// Namespaces are looked up by label when a peer selects namespaces.
	Namespaces []*corev1.Namespace
	// Policies are those of all namespaces.
	Policies []*networkingv1.NetworkPolicy
	// StandIns are ranges of this machine that play ranges of the internet.
	StandIns []StandIn
}

// StandIn is a range of this machine that plays a range of the internet: a
// policy that names the one opens the other too. So a policy written for the
// real world holds here as it stands, and nothing is ever sent to real
// addresses.
type StandIn struct {
	For, Is netip.Prefix
}

// normalized returns s with endpoints and policies in a fixed order, so that
// equal states give equal text, and with each IPv4 address at most once.
func (s State) normalized() State {
	byAddr := func(a, b Endpoint) int { return a.Addr.Compare(b.Addr) }
	endpoints := slices.DeleteFunc(slices.Clone(s.Endpoints), func(e Endpoint) bool { return !e.Addr.Is4() })
	slices.SortStableFunc(endpoints, byAddr)
	s.Endpoints = slices.CompactFunc(endpoints, func(a, b Endpoint) bool { return a.Addr == b.Addr })

	s.Policies = slices.Clone(s.Policies)
	slices.SortFunc(s.Policies, func(a, b *networkingv1.NetworkPolicy) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return s
}

// selected returns the endpoints that a peer of a policy in namespace means. A peer
// without any selector means none of them.
func (s State) selected(namespace string, peer networkingv1.NetworkPolicyPeer) []Endpoint {
	if peer.PodSelector == nil && peer.NamespaceSelector == nil {
		return nil
	}
	inNamespace := func(name string) bool { return name == namespace }
	if peer.NamespaceSelector != nil {
		names := s.namespaces(selector(peer.NamespaceSelector))
		inNamespace = func(name string) bool { return names[name] }
	}
	pods := labels.Everything()
	if peer.PodSelector != nil {
		pods = selector(peer.PodSelector)
	}
	var out []Endpoint
	for _, e := range s.Endpoints {
		if inNamespace(e.Pod.Namespace) && pods.Matches(labels.Set(e.Pod.Labels)) {
			out = append(out, e)
		}
	}
	return out
}

func (s State) namespaces(sel labels.Selector) map[string]bool {
	out := map[string]bool{}
	for _, ns := range s.Namespaces {
		if sel.Matches(labels.Set(ns.Labels)) {
			out[ns.Name] = true
		}
	}
	return out
}

// selector compiles a label selector. One that the API would not have accepted
// selects nothing: as a peer it opens nothing, and a policy without pods is void.
func selector(s *metav1.LabelSelector) labels.Selector {
	out, err := metav1.LabelSelectorAsSelector(s)
	if err != nil {
		return labels.Nothing()
	}
	return out
}
