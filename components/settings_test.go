package components

import (
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
)

func TestCloudflareTunnelArgs_ValidateBlocks(t *testing.T) {
	t.Parallel()
	pod := func(p PodArgs) func(*CloudflareTunnelArgs) { return func(a *CloudflareTunnelArgs) { a.Pod = &p } }
	toleration := func(v corev1.Toleration) func(*CloudflareTunnelArgs) {
		return pod(PodArgs{Tolerations: []corev1.Toleration{v}})
	}
	policy := func(p NetworkPolicyArgs) func(*CloudflareTunnelArgs) {
		return func(a *CloudflareTunnelArgs) { a.NetworkPolicy = &p }
	}
	to := func(peers ...PeerArgs) func(*CloudflareTunnelArgs) {
		return policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "ingress-nginx-controller.ingress-nginx", To: peers}}})
	}
	scaling := func(a AutoscalingArgs) func(*CloudflareTunnelArgs) {
		return func(args *CloudflareTunnelArgs) { args.Autoscaling = &a }
	}
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"empty blocks", func(a *CloudflareTunnelArgs) {
			a.Pod, a.NetworkPolicy, a.Monitoring = &PodArgs{}, &NetworkPolicyArgs{}, &MonitoringArgs{Dashboard: &DashboardArgs{}}
		}, ""},
		{"a label", pod(PodArgs{Labels: map[string]string{"example.com/team": "home"}}), ""},
		{"a label's key", pod(PodArgs{Labels: map[string]string{"my team": "home"}}), `pod.labels: "my team"`},
		{"a label's value", pod(PodArgs{Labels: map[string]string{"team": "at home"}}), `pod.labels[team]: "at home"`},
		{"a label of the selector", pod(PodArgs{Labels: map[string]string{labelName: "other"}}), "pod.labels: app.kubernetes.io/name is the component's own"},
		{"the tunnel's label", pod(PodArgs{Labels: map[string]string{labelTunnelID: "other"}}), "pod.labels: k8s-tunnel/tunnel-id is the component's own"},
		{"an annotation's key", pod(PodArgs{Annotations: map[string]string{"/": ""}}), `pod.annotations: "/"`},
		{"a node selector", pod(PodArgs{NodeSelector: map[string]string{"a b": "c"}}), `pod.nodeSelector: "a b"`},
		{"every taint", toleration(corev1.Toleration{Operator: ptr("Exists")}), ""},
		{"a toleration's operator", toleration(corev1.Toleration{Key: ptr("a"), Operator: ptr("exists")}), `pod.tolerations[0].operator: "exists"`},
		{"a toleration's effect", toleration(corev1.Toleration{Key: ptr("a"), Effect: ptr("Never")}), `pod.tolerations[0].effect: "Never"`},
		{"a toleration without a key", toleration(corev1.Toleration{Effect: ptr("NoExecute")}), "pod.tolerations[0].key: not set"},
		{"a toleration's idle value", toleration(corev1.Toleration{Key: ptr("a"), Operator: ptr("Exists"), Value: ptr("b")}), "pod.tolerations[0].value"},
		{"a toleration's idle seconds", toleration(corev1.Toleration{Key: ptr("a"), TolerationSeconds: ptr(5)}), "pod.tolerations[0].tolerationSeconds"},
		{"a priority class", pod(PodArgs{PriorityClass: "Very High"}), `pod.priorityClass: "Very High"`},
		{"pull secrets in a new namespace", pod(PodArgs{ImagePullSecrets: []string{"registry"}}), "pod.imagePullSecrets: a new namespace"},
		{"pull secrets", func(a *CloudflareTunnelArgs) {
			a.Namespace, a.Pod = "web", &PodArgs{ImagePullSecrets: []string{"registry"}}
		}, ""},
		{"a pull secret's name", pod(PodArgs{ImagePullSecrets: []string{"My Secret"}}), `pod.imagePullSecrets[0]: "My Secret"`},
		{"a quantity", pod(PodArgs{Resources: &ResourcesArgs{Limits: map[string]string{"memory": "64 MB"}}}), `pod.resources.limits[memory]: "64 MB"`},

		{"autoscaling", scaling(AutoscalingArgs{MaxReplicas: 24, CPU: "250m"}), ""},
		{"autoscaling without a maximum", scaling(AutoscalingArgs{}), "autoscaling.maxReplicas: not set; use 2 to 24"},
		{"autoscaling beyond the limit", scaling(AutoscalingArgs{MaxReplicas: 25}), "autoscaling.maxReplicas: 25 is too many"},
		{"autoscaling below the replicas", scaling(AutoscalingArgs{MaxReplicas: 1}), "autoscaling.maxReplicas: 1 is fewer than the 2"},
		{"autoscaling by a bad quantity", scaling(AutoscalingArgs{MaxReplicas: 3, CPU: "half"}), `autoscaling.cpu: "half"`},

		{"another edge", policy(NetworkPolicyArgs{Edge: []string{"192.0.2.0/24", "2001:db8::/32"}}), ""},
		{"an edge without a length", policy(NetworkPolicyArgs{Edge: []string{"192.0.2.1"}}), `networkPolicy.edge[0]: "192.0.2.1"`},
		{"an edge with host bits", policy(NetworkPolicyArgs{Edge: []string{"192.0.2.1/24"}}), "write 192.0.2.0/24"},
		{"another DNS", policy(NetworkPolicyArgs{DNS: []PeerArgs{{CIDR: "169.254.20.10/32"}}}), ""},
		{"a DNS of nothing", policy(NetworkPolicyArgs{DNS: []PeerArgs{{Ports: []int{53}}}}), "networkPolicy.dns[0]: has neither a cidr nor a namespace"},
		{"a scraping namespace", policy(NetworkPolicyArgs{MetricsFrom: []string{"Monitoring"}}), `networkPolicy.metricsFrom[0]: "Monitoring"`},
		{"an origin's pods", to(PeerArgs{Namespace: "web", Pods: map[string]string{"app": "web"}, Ports: []int{8080}}), ""},
		{"an origin that no rule has", policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{Host: "nas.lan", To: []PeerArgs{{CIDR: "192.0.2.1/32"}}}}}), `networkPolicy.origins[0].host: "nas.lan" is no rule's service`},
		{"an origin without a host", policy(NetworkPolicyArgs{Origins: []PolicyOriginArgs{{To: []PeerArgs{{CIDR: "192.0.2.1/32"}}}}}), "networkPolicy.origins[0].host: not set"},
		{"an origin without a destination", to(), "networkPolicy.origins[0].to: not set"},
		{"an origin that is both", to(PeerArgs{CIDR: "192.0.2.1/32", Namespace: "web"}), "networkPolicy.origins[0].to[0]: has both"},
		{"an origin's namespace", to(PeerArgs{Namespace: "Web"}), `networkPolicy.origins[0].to[0].namespace: "Web"`},
		{"an origin's port", to(PeerArgs{Namespace: "web", Ports: []int{0}}), "networkPolicy.origins[0].to[0].ports[0]: 0"},

		{"a monitor that nobody lets in", func(a *CloudflareTunnelArgs) { a.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{}} }, "monitoring.podMonitor: nobody may scrape"},
		{"a monitor's interval", func(a *CloudflareTunnelArgs) {
			a.NetworkPolicy = &NetworkPolicyArgs{MetricsFrom: []string{"monitoring"}}
			a.Monitoring = &MonitoringArgs{PodMonitor: &PodMonitorArgs{Interval: "often"}}
		}, `monitoring.podMonitor.interval: "often"`},
		{"a dashboard's namespace", func(a *CloudflareTunnelArgs) {
			a.Monitoring = &MonitoringArgs{Dashboard: &DashboardArgs{Namespace: "a b"}}
		}, `monitoring.dashboard.namespace: "a b"`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_ = requireVerdict(t, test.change, test.wantErr)
		})
	}
}
