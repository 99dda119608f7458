package components

import (
	"errors"
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	autoscalingv2 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/autoscaling/v2"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/internal/validate"
)

// AutoscalingArgs let the cluster choose the number of connectors by their load. It
// needs a metrics server.
//
// The update that removes it scales to [CloudflareTunnelArgs.Replicas] at once: set
// those to the present number first. A Deployment that replaces another one, as in a
// rotation, begins with the number that Pulumi has recorded, which `pulumi refresh`
// brings up to date.
//
// It is off by default, as Cloudflare advises: a connector that stops ends its
// long-lived connections (WebSockets, streams, SSH), and new connectors get new
// requests only. Connectors are there for availability; a single one carries more
// than a home's uplink. See
// https://developers.cloudflare.com/cloudflare-one/networks/connectors/cloudflare-tunnel/configure-tunnels/tunnel-availability/
type AutoscalingArgs struct {
	// MaxReplicas is the largest number of connectors, at least
	// [CloudflareTunnelArgs.Replicas] and at most [MaxReplicas]. Required.
	MaxReplicas int `pulumi:"maxReplicas"`
	// CPU is the average use of a connector, as a Kubernetes quantity, above which
	// the cluster adds one. It has to be less than the limit of cpu. Defaults to half
	// of the limit of cpu, which is [DefaultAutoscalingCPU] by default.
	CPU string `numeric:"true" pulumi:"cpu"`
}

// scaleDownSeconds is how long the cluster waits between removing two connectors.
// It is longer than a connector takes to stop, so that only one is ever stopping.
func scaleDownSeconds(c *ConnectorArgs) int { return 2 * c.terminationSeconds() }

func validateAutoscaling(path string, args *CloudflareTunnelArgs) error {
	a := args.Autoscaling
	if a == nil {
		return nil
	}
	var problems []error
	switch {
	case validateReplicas("replicas", args.Replicas) != nil: // which says what to do
	case a.MaxReplicas == 0:
		problems = append(problems, fmt.Errorf("%s.maxReplicas: not set; use %d to %d", path, args.Replicas, MaxReplicas))
	case a.MaxReplicas > MaxReplicas:
		problems = append(problems, fmt.Errorf("%s.maxReplicas: %d is too many; %s, so use %d to %d",
			path, a.MaxReplicas, connectorLimit, args.Replicas, MaxReplicas))
	case a.MaxReplicas < args.Replicas:
		problems = append(problems, fmt.Errorf("%s.maxReplicas: %d is less than replicas, %d; use %[3]d to %d, or lower replicas", path, a.MaxReplicas, args.Replicas, MaxReplicas))
	}
	return errors.Join(append(problems, validateAutoscalingCPU(path+".cpu", a.CPU, args.Pod.Resources.Limits["cpu"]))...)
}

func validateAutoscalingCPU(path, cpu, limit string) error {
	if err := validate.Quantity(path, cpu); err != nil {
		return err
	}
	if validate.Compare(cpu, "0") == 0 {
		return fmt.Errorf("%s: %s is exceeded by every connector; use more, such as %s", path, cpu, DefaultAutoscalingCPU)
	}
	if half := halfOf(limit); half != "" && validate.Compare(cpu, limit) >= 0 {
		return fmt.Errorf("%s: %s is never exceeded, because pod.resources.limits[cpu] is %s; use less, such as %s, or raise the limit", path, cpu, limit, half)
	}
	return nil
}

// autoscaler declares the HorizontalPodAutoscaler, if autoscaling is on.
func (d *declaration) autoscaler(deployment *appsv1.Deployment) error {
	if d.args.Autoscaling == nil {
		return nil
	}
	pause := scaleDownSeconds(d.args.Connector)
	autoscaler, err := autoscalingv2.NewHorizontalPodAutoscaler(d.ctx, logicalName(d.name, autoscalerRole), &autoscalingv2.HorizontalPodAutoscalerArgs{
		Metadata: d.namespace.objectMeta(autoscalerRole, nil),
		Spec: &autoscalingv2.HorizontalPodAutoscalerSpecArgs{
			ScaleTargetRef: &autoscalingv2.CrossVersionObjectReferenceArgs{
				ApiVersion: pulumi.String("apps/v1"),
				Kind:       pulumi.String("Deployment"),
				Name:       deployment.Metadata.Name().Elem(),
			},
			MinReplicas: pulumi.Int(d.args.Replicas),
			MaxReplicas: pulumi.Int(d.args.Autoscaling.MaxReplicas),
			Metrics: autoscalingv2.MetricSpecArray{&autoscalingv2.MetricSpecArgs{
				Type: pulumi.String("Resource"),
				Resource: &autoscalingv2.ResourceMetricSourceArgs{
					Name: pulumi.String("cpu"),
					Target: &autoscalingv2.MetricTargetArgs{
						Type:         pulumi.String("AverageValue"),
						AverageValue: pulumi.String(d.args.Autoscaling.CPU),
					},
				},
			}},
			Behavior: &autoscalingv2.HorizontalPodAutoscalerBehaviorArgs{
				ScaleDown: &autoscalingv2.HPAScalingRulesArgs{
					// A lull shorter than five pauses removes no connector.
					StabilizationWindowSeconds: pulumi.Int(5 * pause),
					Policies: autoscalingv2.HPAScalingPolicyArray{&autoscalingv2.HPAScalingPolicyArgs{
						Type: pulumi.String("Pods"), Value: pulumi.Int(1), PeriodSeconds: pulumi.Int(pause),
					}},
				},
			},
		},
	}, pulumi.Parent(d.component), unprotected)
	if err != nil {
		return fmt.Errorf("creating autoscaler: %w", err)
	}
	d.recordDependencies = append(d.recordDependencies, autoscaler)
	return nil
}

// replicasOptions leaves the number of replicas to the autoscaler after the first
// update.
func replicasOptions(args *CloudflareTunnelArgs) []pulumi.ResourceOption {
	if args.Autoscaling == nil {
		return nil
	}
	return []pulumi.ResourceOption{pulumi.IgnoreChanges([]string{"spec.replicas"})}
}

// replicas is the number of connectors of a new Deployment. One that replaces another
// begins with as many as the autoscaler has found necessary.
func replicas(args *CloudflareTunnelArgs) int {
	if args.Autoscaling == nil {
		return args.Replicas
	}
	return min(max(args.Replicas, args.found.last.replicas), args.Autoscaling.MaxReplicas)
}
