package components

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// replaceable is an option of the children that a change of settings replaces.
// They don't inherit the component's Protect, or a protected stack could be
// changed no longer. They need it not: the records, which depend on all of them,
// stay protected, and a destroy deletes nothing that others still depend on.
var replaceable = pulumi.Protect(false)

// connector declares cloudflared: its configuration, its credentials, its
// network policy, the Deployment, the disruption budget and the autoscaler.
func (t *CloudflareTunnel) connector(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, tunnel *tunnelRef,
) (*appsv1.Deployment, error) {
	config, err := t.config(ctx, name, args, namespace, tunnel)
	if err != nil {
		return nil, err
	}
	credentials, err := t.credentials(ctx, name, args, namespace, tunnel)
	if err != nil {
		return nil, err
	}
	egress, err := t.egress(ctx, name, args)
	if err != nil {
		return nil, err
	}
	generation := generationLabels(tunnel.id, networkLabel(args, egress))
	budget, err := t.disruptionBudget(ctx, name, args, namespace, generation)
	if err != nil {
		return nil, err
	}
	policy, err := t.networkPolicy(ctx, name, args, namespace, generation, egress)
	if err != nil {
		return nil, err
	}
	// No connector runs without the policy and the budget, on the way up or down.
	opts := []pulumi.ResourceOption{pulumi.Parent(t), replaceable, rolloutTimeout(args), pulumi.DependsOn([]pulumi.Resource{policy, budget})}
	opts = append(opts, replicasOptions(args)...)
	metadata := objectMeta(args, namespace)
	if args.LostTunnel != "" {
		// Nobody gets ready without a tunnel, so there is nothing to wait for.
		metadata.Annotations = pulumi.StringMap{"pulumi.com/skipAwait": pulumi.String("true")}
	}
	deployment, err := appsv1.NewDeployment(ctx, name+"-cloudflared", &appsv1.DeploymentArgs{
		Metadata: metadata,
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(args.Replicas),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: generation},
			Strategy: &appsv1.DeploymentStrategyArgs{
				Type: pulumi.String("RollingUpdate"),
				RollingUpdate: &appsv1.RollingUpdateDeploymentArgs{
					MaxUnavailable: pulumi.Int(0),
					MaxSurge:       pulumi.Int(maxSurge),
				},
			},
			MinReadySeconds: pulumi.Int(minReadySeconds),
			Template: &corev1.PodTemplateSpecArgs{
				Metadata: podMeta(args, generation),
				Spec:     podSpec(args, tunnel, config.Metadata.Name(), credentials.Metadata.Name()),
			},
		},
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating deployment: %w", err)
	}
	return deployment, t.autoscaler(ctx, name, args, namespace, deployment)
}

// rolloutTimeout bounds the wait for the connectors. The Kubernetes provider
// doesn't give up when the Deployment says that it makes no progress, only when
// this time is over; its own default, ten minutes however many there are, is
// long for a misspelt image and short for two dozen connectors.
func rolloutTimeout(args *CloudflareTunnelArgs) pulumi.ResourceOption {
	seconds := fmt.Sprintf("%ds", pullSeconds+perConnectorSeconds*mostReplicas(args))
	return pulumi.Timeouts(&pulumi.CustomTimeouts{Create: seconds, Update: seconds})
}

// mostReplicas is how many connectors there may be, but for those on their way in
// or out.
func mostReplicas(args *CloudflareTunnelArgs) int {
	if args.Autoscaling != nil {
		return args.Autoscaling.MaxReplicas
	}
	return args.Replicas
}

// config declares config.yaml. It has no name of its own: Pulumi names it, and
// changed data becomes a new object beside the old one. cloudflared reads the
// file once, and the new name is what makes the Deployment roll.
func (t *CloudflareTunnel) config(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, tunnel *tunnelRef,
) (*corev1.ConfigMap, error) {
	data := tunnel.id.ApplyT(func(id string) (string, error) { return renderConfig(id, args) }).(pulumi.StringOutput)
	config, err := corev1.NewConfigMap(ctx, name+"-config", &corev1.ConfigMapArgs{
		Metadata:  objectMeta(args, namespace),
		Data:      pulumi.StringMap{configFile: data},
		Immutable: pulumi.Bool(true),
	}, pulumi.Parent(t), replaceable)
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", configFile, err)
	}
	return config, nil
}

// credentials declares credentials.json, named by Pulumi as the config is.
func (t *CloudflareTunnel) credentials(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, tunnel *tunnelRef,
) (*corev1.Secret, error) {
	data := pulumi.All(args.AccountID, tunnel.id, tunnel.secret).ApplyT(func(v []any) (string, error) {
		return renderCredentials(v[0].(string), v[1].(string), v[2].(string))
	}).(pulumi.StringOutput)
	credentials, err := corev1.NewSecret(ctx, name+"-credentials", &corev1.SecretArgs{
		Metadata:   objectMeta(args, namespace),
		StringData: pulumi.StringMap{credentialsFile: data},
		Immutable:  pulumi.Bool(true),
	}, pulumi.Parent(t), replaceable)
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", credentialsFile, err)
	}
	return credentials, nil
}

// disruptionBudget lets a node's drain take one connector at a time. That of a
// new generation is a new one, beside the old generation's.
func (t *CloudflareTunnel) disruptionBudget(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, generation pulumi.StringMap,
) (pulumi.Resource, error) {
	budget, err := policyv1.NewPodDisruptionBudget(ctx, name+"-disruption-budget", &policyv1.PodDisruptionBudgetArgs{
		Metadata: objectMeta(args, namespace),
		Spec: &policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Int(1),
			Selector:       &metav1.LabelSelectorArgs{MatchLabels: generation},
			// A pod that isn't ready serves nothing, so it may always go.
			UnhealthyPodEvictionPolicy: pulumi.String("AlwaysAllow"),
		},
	}, pulumi.Parent(t), replaceable, pulumi.ReplaceOnChanges([]string{"spec.selector"}))
	if err != nil {
		return nil, fmt.Errorf("creating disruption budget: %w", err)
	}
	return budget, nil
}

// objectMeta is the metadata of a namespaced object that Pulumi names.
func objectMeta(args *CloudflareTunnelArgs, namespace *namespaceRef) *metav1.ObjectMetaArgs {
	return &metav1.ObjectMetaArgs{
		Namespace: namespace.name,
		Labels:    pulumi.ToStringMap(objectLabels(args.TunnelName)),
	}
}
