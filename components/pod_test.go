package components

import (
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/stretchr/testify/require"
)

func TestCloudflareTunnel_Pod(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Namespace = "web"
	args.Pod = &PodArgs{
		Labels:           map[string]string{"example.com/team": "home"},
		Annotations:      map[string]string{"example.com/contact": "me"},
		NodeSelector:     map[string]string{"kubernetes.io/arch": "arm64"},
		Tolerations:      []corev1.Toleration{{Key: new("dedicated"), Operator: new("Exists"), Effect: new("NoSchedule")}},
		Affinity:         &corev1.Affinity{NodeAffinity: &corev1.NodeAffinity{}},
		SpreadRequired:   true,
		PriorityClass:    "edge",
		ImagePullSecrets: []string{"registry"},
		Resources:        &ResourcesArgs{Requests: map[string]string{"memory": "48Mi"}, Limits: map[string]string{"cpu": ""}},
	}
	var deployment struct {
		Spec struct {
			Selector struct{ MatchLabels map[string]string }
			Template struct {
				Metadata struct{ Labels, Annotations map[string]string }
				Spec     struct {
					NodeSelector              map[string]string
					Tolerations               []map[string]string
					Affinity                  map[string]any
					PriorityClassName         string
					ImagePullSecrets          []map[string]string
					TopologySpreadConstraints []struct{ WhenUnsatisfiable, NodeTaintsPolicy string }
					Containers                []struct {
						Resources struct{ Requests, Limits map[string]string }
					}
				}
			}
		}
	}
	declare(t, args).Find(t, "edge-cloudflared").Decode(t, &deployment)
	template := deployment.Spec.Template
	require.Equal(t, "home", template.Metadata.Labels["example.com/team"])
	require.NotContains(t, deployment.Spec.Selector.MatchLabels, "example.com/team")
	for key, value := range deployment.Spec.Selector.MatchLabels {
		require.Equal(t, value, template.Metadata.Labels[key])
	}
	require.Equal(t, args.Pod.Annotations, template.Metadata.Annotations)
	require.Equal(t, map[string]string{"kubernetes.io/arch": "arm64", "kubernetes.io/os": "linux"}, template.Spec.NodeSelector)
	require.NotContains(t, args.Pod.NodeSelector, "kubernetes.io/os", "the arguments are the caller's")
	require.Equal(t, []map[string]string{{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}}, template.Spec.Tolerations)
	require.Contains(t, template.Spec.Affinity, "nodeAffinity")
	require.Equal(t, "edge", template.Spec.PriorityClassName)
	require.Equal(t, []map[string]string{{"name": "registry"}}, template.Spec.ImagePullSecrets)
	require.Equal(t, "DoNotSchedule", template.Spec.TopologySpreadConstraints[0].WhenUnsatisfiable)
	require.Equal(t, "Honor", template.Spec.TopologySpreadConstraints[0].NodeTaintsPolicy)
	resources := template.Spec.Containers[0].Resources
	require.Equal(t, map[string]string{"cpu": "50m", "memory": "48Mi", "ephemeral-storage": "16Mi"}, resources.Requests)
	require.Equal(t, map[string]string{"memory": "256Mi", "ephemeral-storage": "256Mi"}, resources.Limits)
}
