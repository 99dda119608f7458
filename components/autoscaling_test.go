package components

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/golden"
)

func TestCloudflareTunnelArgs_ValidateAutoscaling(t *testing.T) {
	t.Parallel()
	scaling := func(a AutoscalingArgs) func(*CloudflareTunnelArgs) {
		return func(args *CloudflareTunnelArgs) { args.Autoscaling = &a }
	}
	for _, test := range []struct {
		name    string
		change  func(*CloudflareTunnelArgs)
		wantErr string // empty: valid
	}{
		{"autoscaling", scaling(AutoscalingArgs{MaxReplicas: 24, CPU: "250m"}), ""},
		{"autoscaling without a maximum", scaling(AutoscalingArgs{}), "autoscaling.maxReplicas: not set; use 2 to 24"},
		{"autoscaling beyond the limit", scaling(AutoscalingArgs{MaxReplicas: 25}), "autoscaling.maxReplicas: 25 is too many"},
		{"autoscaling below the replicas", scaling(AutoscalingArgs{MaxReplicas: 1}), "autoscaling.maxReplicas: 1 is less than replicas, 2; use 2 to 24, or lower replicas"},
		{"autoscaling by a bad quantity", scaling(AutoscalingArgs{MaxReplicas: 3, CPU: "half"}), `autoscaling.cpu: "half"`},
		{"autoscaling by the default limit", scaling(AutoscalingArgs{MaxReplicas: 3, CPU: "1000m"}), "autoscaling.cpu: 1000m is never exceeded, because pod.resources.limits[cpu] is 1; use less, such as 500m, or raise the limit"},
		{"autoscaling without a limit", func(args *CloudflareTunnelArgs) {
			args.Autoscaling = &AutoscalingArgs{MaxReplicas: 3, CPU: "2"}
			args.Pod = &PodArgs{Resources: &ResourcesArgs{Limits: map[string]string{"cpu": ""}}}
		}, ""},
		{"autoscaling by a bad limit", func(args *CloudflareTunnelArgs) {
			args.Autoscaling = &AutoscalingArgs{MaxReplicas: 3}
			args.Pod = &PodArgs{Resources: &ResourcesArgs{Limits: map[string]string{"cpu": "half"}}}
		}, `pod.resources.limits[cpu]: "half"`},
		{"autoscaling by nothing", scaling(AutoscalingArgs{MaxReplicas: 3, CPU: "0m"}), "autoscaling.cpu: 0m is exceeded by every connector; use more, such as 500m"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_ = requireVerdict(t, test.change, test.wantErr)
		})
	}
}

// A target that the limit of cpu doesn't let a connector reach would never add one.
func TestWithDefaults_AutoscalingCPU(t *testing.T) {
	t.Parallel()
	for limit, want := range map[string]string{"": "500m", "1": "500m", "400m": "200m", "2": "1", "0.25": "125m", "1m": "500m", "half": "500m"} {
		args := &CloudflareTunnelArgs{
			Pod:         &PodArgs{Resources: &ResourcesArgs{Limits: map[string]string{"cpu": limit}}},
			Autoscaling: &AutoscalingArgs{MaxReplicas: 3},
		}
		require.Equal(t, want, args.withDefaults("edge").Autoscaling.CPU, limit)
	}
}

// A wrong number of replicas is no lower limit.
func TestCloudflareTunnelArgs_ValidateAutoscalingOfWrongReplicas(t *testing.T) {
	t.Parallel()
	for _, most := range []int{0, MaxReplicas} {
		err := requireVerdict(t, func(args *CloudflareTunnelArgs) {
			args.Replicas, args.Autoscaling = 30, &AutoscalingArgs{MaxReplicas: most, CPU: "half"}
		}, "replicas: 30 is too many")
		require.NotContains(t, err.Error(), "autoscaling.maxReplicas")
		require.ErrorContains(t, err, `autoscaling.cpu: "half"`)
	}
}

func TestCloudflareTunnel_Autoscaling(t *testing.T) {
	t.Parallel()
	args := validArgs()
	args.Replicas, args.Autoscaling = 3, &AutoscalingArgs{MaxReplicas: 24}
	r := declare(t, args)
	golden.Compare(t, "testdata/edge-autoscaler.json", r.Find(t, "edge-autoscaler").JSON(t))
	require.Equal(t, []string{"spec.replicas"}, r.Find(t, "edge-cloudflared").IgnoreChanges)
	require.Empty(t, declare(t, validArgs()).Find(t, "edge-cloudflared").IgnoreChanges)
	connector := (&ConnectorArgs{}).withDefaults(defaultEdge)
	require.Greater(t, scaleDownSeconds(connector), connector.terminationSeconds(), "one connector stops at a time")
}
