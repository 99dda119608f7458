package components

import (
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
)

func TestCloudflareTunnelArgs_ValidatePod(t *testing.T) {
	t.Parallel()
	pod := func(p PodArgs) func(*CloudflareTunnelArgs) { return func(a *CloudflareTunnelArgs) { a.Pod = &p } }
	toleration := func(v corev1.Toleration) func(*CloudflareTunnelArgs) {
		return pod(PodArgs{Tolerations: []corev1.Toleration{v}})
	}
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"a label", pod(PodArgs{Labels: map[string]string{"example.com/team": "home"}}), ""},
		{"a label's key", pod(PodArgs{Labels: map[string]string{"my team": "home"}}), `pod.labels: "my team"`},
		{"a label's value", pod(PodArgs{Labels: map[string]string{"team": "at home"}}), `pod.labels[team]: "at home"`},
		{"a label of the selector", pod(PodArgs{Labels: map[string]string{labelName: "other"}}), "pod.labels: app.kubernetes.io/name is one of the component's own labels"},
		{"the tunnel's label", pod(PodArgs{Labels: map[string]string{labelTunnelID: "other"}}), "pod.labels: k8s-tunnel/tunnel-id is one of the component's own labels"},
		{"an annotation's key", pod(PodArgs{Annotations: map[string]string{"/": ""}}), `pod.annotations: "/"`},
		{"a node selector", pod(PodArgs{NodeSelector: map[string]string{"a b": "c"}}), `pod.nodeSelector: "a b"`},
		{"every taint", toleration(corev1.Toleration{Operator: new("Exists")}), ""},
		{"a toleration's operator", toleration(corev1.Toleration{Key: new("a"), Operator: new("exists")}), `pod.tolerations[0].operator: "exists"`},
		{"a toleration's effect", toleration(corev1.Toleration{Key: new("a"), Effect: new("Never")}), `pod.tolerations[0].effect: "Never"`},
		{"a toleration without a key", toleration(corev1.Toleration{Effect: new("NoExecute")}), "pod.tolerations[0].key: not set"},
		{"a toleration's idle value", toleration(corev1.Toleration{Key: new("a"), Operator: new("Exists"), Value: new("b")}), "pod.tolerations[0].value"},
		{"a toleration's idle seconds", toleration(corev1.Toleration{Key: new("a"), TolerationSeconds: new(5)}), "pod.tolerations[0].tolerationSeconds"},
		{"a priority class", pod(PodArgs{PriorityClass: "Very High"}), `pod.priorityClass: "Very High"`},
		{"pull secrets in a new namespace", pod(PodArgs{ImagePullSecrets: []string{"registry"}}), "pod.imagePullSecrets: a new namespace"},
		{"pull secrets", func(a *CloudflareTunnelArgs) {
			a.Namespace, a.Pod = "web", &PodArgs{ImagePullSecrets: []string{"registry"}}
		}, ""},
		{"a pull secret's name", pod(PodArgs{ImagePullSecrets: []string{"My Secret"}}), `pod.imagePullSecrets[0]: "My Secret"`},
		{"a quantity", pod(PodArgs{Resources: &ResourcesArgs{Limits: map[string]string{"memory": "64 MB"}}}), `pod.resources.limits[memory]: "64 MB"`},
		{"a resource", pod(PodArgs{Resources: &ResourcesArgs{Requests: map[string]string{"mem": "64Mi"}}}), `pod.resources.requests: "mem" is not a resource`},
		{"more than the limit", pod(PodArgs{Resources: &ResourcesArgs{Requests: map[string]string{"memory": "1Gi"}, Limits: map[string]string{"memory": "1000Mi"}}}), "pod.resources.requests[memory]: 1Gi is more than the limit, 1000Mi; request less, or raise the limit"},
		{"more than the default limit", pod(PodArgs{Resources: &ResourcesArgs{Requests: map[string]string{"cpu": "1500m"}}}), "pod.resources.requests[cpu]: 1500m is more than the default limit, 1; set pod.resources.limits[cpu] as well, to 1500m or more"},
		{"less than the default request", pod(PodArgs{Resources: &ResourcesArgs{Limits: map[string]string{"memory": "32Mi"}}}), "pod.resources.limits[memory]: 32Mi is less than what is requested by default, 64Mi; set pod.resources.requests[memory] as well, to 32Mi or less"},
		{"as much as the limit", pod(PodArgs{Resources: &ResourcesArgs{Requests: map[string]string{"cpu": "1000m"}}}), ""},
		{"more than a limit that is gone", pod(PodArgs{Resources: &ResourcesArgs{Requests: map[string]string{"cpu": "2"}, Limits: map[string]string{"cpu": ""}}}), ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_ = requireVerdict(t, test.change, test.wantErr)
		})
	}
}
