package components

import (
	"fmt"

	appsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apps/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	policyv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/policy/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/cloudflared"
)

// unprotected is an option of the children that a change of arguments replaces.
// They don't inherit the component's Protect; otherwise a protected stack could
// never change. The records, which depend on all of them, stay protected, and a
// destroy deletes nothing that other resources depend on.
var unprotected = pulumi.Protect(false)

// connector declares cloudflared: its configuration, its credentials, its
// network policy, the Deployment, the disruption budget and the autoscaler.
func (d *declaration) connector() (*appsv1.Deployment, error) {
	files, err := d.mounted()
	if err != nil {
		return nil, err
	}
	egress, err := d.egress()
	if err != nil {
		return nil, err
	}
	labels := connectorLabels(d.tunnel.id, d.networkLabel(egress))
	policy, err := d.networkPolicy(labels, egress)
	if err != nil {
		return nil, err
	}
	budget, err := d.disruptionBudget(labels)
	if err != nil {
		return nil, err
	}
	config, err := d.config()
	if err != nil {
		return nil, err
	}
	credentials, err := d.credentials()
	if err != nil {
		return nil, err
	}
	pod := &corev1.PodTemplateSpecArgs{
		Metadata: podMeta(d.args, labels, files),
		Spec:     podSpec(d.args, d.tunnel, config.Metadata.Name(), credentials.Metadata.Name()),
	}
	// No connector runs without the policy and the budget.
	deployment, err := d.deployment(labels, pod, policy, budget)
	if err != nil {
		return nil, err
	}
	return deployment, d.autoscaler(deployment)
}

func (d *declaration) deployment(labels pulumi.StringMap, pod *corev1.PodTemplateSpecArgs, dependsOn ...pulumi.Resource) (*appsv1.Deployment, error) {
	opts := []pulumi.ResourceOption{pulumi.Parent(d.component), unprotected, rolloutTimeout(d.args), pulumi.DependsOn(dependsOn)}
	opts = append(opts, replicasOptions(d.args)...)
	metadata := d.namespace.objectMeta(deploymentRole, nil, labels[labelTunnelID], labels[labelNetwork])
	if d.component.Deleted != nil {
		// Without a tunnel, no connector gets ready.
		metadata.Annotations.(pulumi.StringMap)[skipAwaitAnnotation] = pulumi.String("true")
	}
	deployment, err := appsv1.NewDeployment(d.ctx, logicalName(d.name, deploymentRole), &appsv1.DeploymentArgs{
		Metadata: metadata,
		Spec: &appsv1.DeploymentSpecArgs{
			Replicas: pulumi.Int(replicas(d.args)),
			Selector: &metav1.LabelSelectorArgs{MatchLabels: labels},
			Strategy: &appsv1.DeploymentStrategyArgs{
				Type: pulumi.String("RollingUpdate"),
				RollingUpdate: &appsv1.RollingUpdateDeploymentArgs{
					MaxUnavailable: pulumi.Int(0),
					MaxSurge:       pulumi.Int(maxSurge),
				},
			},
			MinReadySeconds: pulumi.Int(minReadySeconds),
			Template:        pod,
		},
	}, opts...)
	if err != nil {
		return nil, fmt.Errorf("creating deployment: %w", err)
	}
	d.recordDependencies = append(d.recordDependencies, deployment)
	return deployment, nil
}

// rolloutTimeout limits the wait for the connectors. The Kubernetes provider
// doesn't stop waiting when the Deployment reports that it makes no progress, only
// after this time; its default, ten minutes for any number of connectors, is long
// for a misspelt image and short for two dozen connectors.
func rolloutTimeout(args *CloudflareTunnelArgs) pulumi.ResourceOption {
	seconds := fmt.Sprintf("%ds", pullSeconds+perConnectorSeconds*peakReplicas(args))
	return pulumi.Timeouts(&pulumi.CustomTimeouts{Create: seconds, Update: seconds})
}

// peakReplicas is the largest number of connectors, apart from those that are
// starting or stopping.
func peakReplicas(args *CloudflareTunnelArgs) int {
	if args.Autoscaling != nil {
		return args.Autoscaling.MaxReplicas
	}
	return args.Replicas
}

// config declares config.yaml. The object is named after its data, so that changed
// data becomes a new object beside the old one. cloudflared reads the file only
// once; the new name is what makes the Deployment roll.
func (d *declaration) config() (*corev1.ConfigMap, error) {
	data := d.tunnel.id.ApplyT(func(id string) (string, error) {
		return configFile(d.args, id).YAML()
	}).(pulumi.StringOutput)
	config, err := corev1.NewConfigMap(d.ctx, logicalName(d.name, configRole), &corev1.ConfigMapArgs{
		Metadata:  d.namespace.objectMeta(configRole, nil, data),
		Data:      pulumi.StringMap{cloudflared.ConfigFile: data},
		Immutable: pulumi.Bool(true),
	}, pulumi.Parent(d.component), unprotected, d.afterPrevious())
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", cloudflared.ConfigFile, err)
	}
	d.previous = []pulumi.Resource{config}
	return config, nil
}

// configFile is what config.yaml has for these arguments.
func configFile(args *CloudflareTunnelArgs, tunnelID string) cloudflared.Config {
	c, routing := args.Connector, args.routing()
	return cloudflared.Config{
		TunnelID: tunnelID, Protocol: c.Protocol, EdgeIPVersion: c.EdgeIPVersion, Region: c.Region, PostQuantum: c.PostQuantum,
		DisablePathMTUDiscovery: c.DisablePathMTUDiscovery, GracePeriod: fmt.Sprintf("%ds", c.graceSeconds()),
		LogLevel: c.LogLevel, TransportLogLevel: c.TransportLogLevel,
		OriginRequest: routing.OriginRequest, Ingress: routing.Rules(),
	}
}

// credentials declares credentials.json, named after the tunnel that it is for. The
// secret of an existing tunnel can change, which has to make the Deployment roll.
func (d *declaration) credentials() (*corev1.Secret, error) {
	data := pulumi.All(d.args.AccountID, d.tunnel.id, d.tunnel.secret).ApplyT(func(v []any) (string, error) {
		return cloudflared.Credentials{AccountTag: v[0].(string), TunnelID: v[1].(string), TunnelSecret: v[2].(string)}.JSON()
	}).(pulumi.StringOutput)
	named := []pulumi.StringInput{d.args.AccountID, d.tunnel.id}
	if d.args.ExistingTunnel != "" {
		contents := pulumi.Unsecret(data).(pulumi.StringOutput).ApplyT(func(data string) string { return hash([]any{data}) })
		named = append(named, contents.(pulumi.StringOutput))
	}
	credentials, err := corev1.NewSecret(d.ctx, logicalName(d.name, credentialsRole), &corev1.SecretArgs{
		Metadata:   d.namespace.objectMeta(credentialsRole, nil, named...),
		StringData: pulumi.StringMap{cloudflared.CredentialsFile: data},
		Immutable:  pulumi.Bool(true),
	}, pulumi.Parent(d.component), unprotected, d.afterPrevious())
	if err != nil {
		return nil, fmt.Errorf("creating %s: %w", cloudflared.CredentialsFile, err)
	}
	d.previous = []pulumi.Resource{credentials}
	return credentials, nil
}

// disruptionBudget lets the drain of a node evict one connector at a time. Connectors that
// come up beside the old ones have a budget of their own.
func (d *declaration) disruptionBudget(labels pulumi.StringMap) (pulumi.Resource, error) {
	budget, err := policyv1.NewPodDisruptionBudget(d.ctx, logicalName(d.name, budgetRole), &policyv1.PodDisruptionBudgetArgs{
		Metadata: d.namespace.objectMeta(budgetRole, nil, labels[labelTunnelID], labels[labelNetwork]),
		Spec: &policyv1.PodDisruptionBudgetSpecArgs{
			MaxUnavailable: pulumi.Int(1),
			Selector:       &metav1.LabelSelectorArgs{MatchLabels: labels},
			// A pod that isn't ready serves nothing, so it may always be evicted.
			UnhealthyPodEvictionPolicy: pulumi.String("AlwaysAllow"),
		},
	}, pulumi.Parent(d.component), unprotected, d.afterPrevious())
	if err != nil {
		return nil, fmt.Errorf("creating disruption budget: %w", err)
	}
	d.previous = []pulumi.Resource{budget}
	return budget, nil
}
