package policy

import (
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// portRange is a protocol with ports; the zero value is all traffic, of
// protocols without ports too.
type portRange struct {
	protocol    corev1.Protocol
	first, last uint16
}

var anyPort = []portRange{{}}

// portsAt resolves the ports of a rule at the pod that listens. No ports mean
// all of them; names that the pod doesn't have mean none.
func portsAt(ports []networkingv1.NetworkPolicyPort, pod *corev1.Pod) []portRange {
	if len(ports) == 0 {
		return anyPort
	}
	out, names := splitNamed(ports)
	for _, p := range names {
		for _, number := range named(pod, p.Port.StrVal, protocol(p)) {
			out = append(out, portRange{protocol(p), number, number})
		}
	}
	return out
}

// splitNamed separates the ports given by number, or by protocol alone, from
// those given by name.
func splitNamed(ports []networkingv1.NetworkPolicyPort) (numbers []portRange, names []networkingv1.NetworkPolicyPort) {
	for _, p := range ports {
		switch {
		case p.Port == nil:
			numbers = append(numbers, portRange{protocol: protocol(p)})
		case p.Port.Type == intstr.String:
			names = append(names, p)
		default:
			first := uint16(p.Port.IntVal)
			last := first
			if p.EndPort != nil {
				last = uint16(*p.EndPort)
			}
			if first > 0 && last >= first {
				numbers = append(numbers, portRange{protocol(p), first, last})
			}
		}
	}
	return numbers, names
}

func protocol(p networkingv1.NetworkPolicyPort) corev1.Protocol {
	if p.Protocol == nil {
		return corev1.ProtocolTCP
	}
	return *p.Protocol
}

// named returns the numbers of a pod's ports of a name and protocol. Sidecars
// (init containers that go on running) listen too.
func named(pod *corev1.Pod, name string, protocol corev1.Protocol) []uint16 {
	containers := pod.Spec.Containers
	for _, c := range pod.Spec.InitContainers {
		if c.RestartPolicy != nil && *c.RestartPolicy == corev1.ContainerRestartPolicyAlways {
			containers = append(containers[:len(containers):len(containers)], c)
		}
	}
	var out []uint16
	for _, c := range containers {
		for _, p := range c.Ports {
			has := p.Protocol
			if has == "" {
				has = corev1.ProtocolTCP
			}
			if p.Name == name && has == protocol {
				out = append(out, uint16(p.ContainerPort))
			}
		}
	}
	return out
}
