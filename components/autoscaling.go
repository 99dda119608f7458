package components

import (
	"errors"
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	autoscalingv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/autoscaling/v2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// AutoscalingArgs let the cluster choose the number of connectors by their
// load, between CloudflareTunnelArgs.Replicas and MaxReplicas. It needs a
// metrics server. Taken away again, the connectors stay as many as they are
// until `pulumi up --refresh`.
//
// It is off by default, as Cloudflare advises against it: a connector that goes
// cuts the long-lived connections that it carries (WebSockets, streams, SSH), and
// new connectors take load over only from new requests. Connectors are there for
// availability; a single one carries more than a home's uplink. See
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/configure-tunnels/tunnel-availability/
type AutoscalingArgs struct {
	// MaxReplicas is the most connectors there may be, at least
	// CloudflareTunnelArgs.Replicas and at most the constant MaxReplicas.
	// Required.
	MaxReplicas int `pulumi:"maxReplicas"`
	// CPU is the average use of a connector, as a Kubernetes quantity, above
	// which there should be more of them. Defaults to DefaultAutoscalingCPU.
	CPU string `pulumi:"cpu"`
}

// DefaultAutoscalingCPU is half of what a connector may use by default.
const DefaultAutoscalingCPU = "500m"

// scaleDownSeconds is how long the cluster waits between taking two connectors
// away. It is longer than a connector takes to drain, so that only one of them
// ever does.
const scaleDownSeconds = 2 * terminationSeconds

func validateAutoscaling(path string, args *CloudflareTunnelArgs) error {
	a := args.Autoscaling
	if a == nil {
		return nil
	}
	var problems []error
	least := args.withDefaults("").Replicas
	switch {
	case a.MaxReplicas == 0:
		problems = append(problems, fmt.Errorf("%s.maxReplicas: not set; use %d to %d", path, least, MaxReplicas))
	case a.MaxReplicas > MaxReplicas:
		problems = append(problems, fmt.Errorf("%s.maxReplicas: %d is too many; a tunnel takes at most %d connectors, one of which is kept free for rolling updates, so use %d to %d",
			path, a.MaxReplicas, maxConnectors, least, MaxReplicas))
	case a.MaxReplicas < least:
		problems = append(problems, fmt.Errorf("%s.maxReplicas: %d is fewer than the %d replicas that there are at least", path, a.MaxReplicas, least))
	}
	if a.CPU != "" && !quantityPattern.MatchString(a.CPU) {
		problems = append(problems, fmt.Errorf("%s.cpu: %q is not a quantity, such as %s", path, a.CPU, DefaultAutoscalingCPU))
	}
	return errors.Join(problems...)
}

// autoscaler declares the HorizontalPodAutoscaler, if there is to be one.
func (t *CloudflareTunnel) autoscaler(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, deployment *appsv1.Deployment,
) error {
	if args.Autoscaling == nil {
		return nil
	}
	_, err := autoscalingv2.NewHorizontalPodAutoscaler(ctx, name+"-autoscaler", &autoscalingv2.HorizontalPodAutoscalerArgs{
		Metadata: objectMeta(args, namespace),
		Spec: &autoscalingv2.HorizontalPodAutoscalerSpecArgs{
			ScaleTargetRef: &autoscalingv2.CrossVersionObjectReferenceArgs{
				ApiVersion: pulumi.String("apps/v1"),
				Kind:       pulumi.String("Deployment"),
				Name:       deployment.Metadata.Name().Elem(),
			},
			MinReplicas: pulumi.Int(args.Replicas),
			MaxReplicas: pulumi.Int(args.Autoscaling.MaxReplicas),
			Metrics: autoscalingv2.MetricSpecArray{&autoscalingv2.MetricSpecArgs{
				Type: pulumi.String("Resource"),
				Resource: &autoscalingv2.ResourceMetricSourceArgs{
					Name: pulumi.String("cpu"),
					Target: &autoscalingv2.MetricTargetArgs{
						Type:         pulumi.String("AverageValue"),
						AverageValue: pulumi.String(args.Autoscaling.CPU),
					},
				},
			}},
			Behavior: &autoscalingv2.HorizontalPodAutoscalerBehaviorArgs{
				ScaleDown: &autoscalingv2.HPAScalingRulesArgs{
					StabilizationWindowSeconds: pulumi.Int(5 * scaleDownSeconds),
					Policies: autoscalingv2.HPAScalingPolicyArray{&autoscalingv2.HPAScalingPolicyArgs{
						Type: pulumi.String("Pods"), Value: pulumi.Int(1), PeriodSeconds: pulumi.Int(scaleDownSeconds),
					}},
				},
			},
		},
	}, pulumi.Parent(t))
	if err != nil {
		return fmt.Errorf("creating autoscaler: %w", err)
	}
	return nil
}

// replicasOptions leaves the number of replicas to the autoscaler, once it has
// been set at first.
func replicasOptions(args *CloudflareTunnelArgs) []pulumi.ResourceOption {
	if args.Autoscaling == nil {
		return nil
	}
	return []pulumi.ResourceOption{pulumi.IgnoreChanges([]string{"spec.replicas"})}
}
