package components

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	apiextensionsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// MonitoringArgs are what Prometheus and Grafana need of a tunnel. Each part is
// off unless it is there.
type MonitoringArgs struct {
	// PodMonitor lets the Prometheus operator scrape the connectors.
	PodMonitor *PodMonitorArgs `pulumi:"podMonitor"`
	// Dashboard adds a dashboard for Grafana.
	Dashboard *DashboardArgs `pulumi:"dashboard"`
}

// PodMonitorArgs declare a PodMonitor, by which the Prometheus operator scrapes
// the connectors. The operator has to be installed, and its Prometheus has to be
// let in by NetworkPolicyArgs.MetricsFrom.
type PodMonitorArgs struct {
	// Labels are those by which a Prometheus selects its monitors, such as
	// release: kube-prometheus-stack.
	Labels map[string]string `pulumi:"labels"`
	// Interval is the time between two scrapes. Defaults to
	// DefaultScrapeInterval.
	Interval string `pulumi:"interval"`
	// AssumeInstalled declares the PodMonitor without looking whether the operator
	// is there, for a cluster that is about to get it. Off by default.
	AssumeInstalled bool `pulumi:"assumeInstalled"`
}

// DashboardArgs declare a ConfigMap with a dashboard, which Grafana's sidecar
// picks up by its label.
type DashboardArgs struct {
	// Namespace is the name of the existing namespace that the sidecar watches.
	// Defaults to the connectors' own.
	Namespace string `pulumi:"namespace"`
	// Labels are added to the sidecar's usual one, grafana_dashboard: "1".
	Labels map[string]string `pulumi:"labels"`
}

// DefaultScrapeInterval is that of most installations of Prometheus.
const DefaultScrapeInterval = "30s"

// podMonitorCRD defines what a PodMonitor is.
const podMonitorCRD = "podmonitors.monitoring.coreos.com"

// intervalPattern is a duration as Prometheus reads it.
var intervalPattern = regexp.MustCompile(`^([0-9]+h)?([0-9]+m)?([0-9]+s)?$`)

func validateMonitoring(path string, args *CloudflareTunnelArgs) error {
	if args.Monitoring == nil {
		return nil
	}
	return errors.Join(
		validatePodMonitor(path+".podMonitor", args.Monitoring.PodMonitor, args.NetworkPolicy),
		validateDashboard(path+".dashboard", args.Monitoring.Dashboard),
	)
}

func validatePodMonitor(path string, m *PodMonitorArgs, policy *NetworkPolicyArgs) error {
	if m == nil {
		return nil
	}
	problems := []error{validateLabels(path+".labels", m.Labels)}
	if m.Interval != "" && !intervalPattern.MatchString(m.Interval) {
		problems = append(problems, fmt.Errorf("%s.interval: %q is not a duration, such as %s", path, m.Interval, DefaultScrapeInterval))
	}
	if policy == nil || len(policy.MetricsFrom) == 0 {
		problems = append(problems, fmt.Errorf("%s: nobody may scrape the connectors; name Prometheus' namespace in networkPolicy.metricsFrom", path))
	}
	return errors.Join(problems...)
}

func validateDashboard(path string, d *DashboardArgs) error {
	if d == nil {
		return nil
	}
	return errors.Join(
		matches(path+".namespace", d.Namespace, labelPattern, 63, "the name of an existing namespace"),
		validateLabels(path+".labels", d.Labels),
	)
}

// monitoring declares what the arguments want of it.
func (t *CloudflareTunnel) monitoring(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, tunnel *tunnelRef,
) error {
	wanted := args.Monitoring
	if wanted == nil {
		return nil
	}
	if wanted.PodMonitor != nil {
		if err := t.podMonitor(ctx, name, args, namespace, tunnel); err != nil {
			return err
		}
	}
	if wanted.Dashboard != nil {
		return t.dashboard(ctx, name, args, namespace)
	}
	return nil
}

// operatorMissing ends the logical name under which the PodMonitor's definition is
// read. When there is none, the engine's error shows that name and nothing else of
// ours, so the name says which setting it is about and what is missing.
const operatorMissing = "-monitoring.podMonitor-needs-the-Prometheus-operator"

// podMonitor declares the PodMonitor. Its definition is read first, so that a
// cluster without the operator is an error of the preview.
func (t *CloudflareTunnel) podMonitor(
	ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef, tunnel *tunnelRef,
) error {
	opts := []pulumi.ResourceOption{pulumi.Parent(t)}
	if !args.Monitoring.PodMonitor.AssumeInstalled {
		definition := &apiextensionsv1.CustomResourceDefinition{}
		crd := existing{"apiextensions.k8s.io/v1", "apiextensions.k8s.io/v1", "CustomResourceDefinition", "", podMonitorCRD}
		if err := crd.read(ctx, name+operatorMissing, definition, pulumi.Parent(t)); err != nil {
			return fmt.Errorf("reading %s, which the Prometheus operator brings: %w", podMonitorCRD, err)
		}
		opts = append(opts, pulumi.DependsOn([]pulumi.Resource{definition}))
	}
	_, err := apiextensions.NewCustomResource(ctx, name+"-pod-monitor", &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("monitoring.coreos.com/v1"),
		Kind:       pulumi.String("PodMonitor"),
		Metadata:   labelledMeta(args, namespace.name, args.Monitoring.PodMonitor.Labels),
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"selector": pulumi.Map{"matchLabels": selectorLabels(tunnel.id)},
			"podMetricsEndpoints": pulumi.Array{pulumi.Map{
				"port":     pulumi.String("metrics"),
				"path":     pulumi.String("/metrics"),
				"interval": pulumi.String(cmp.Or(args.Monitoring.PodMonitor.Interval, DefaultScrapeInterval)),
			}},
		}},
	}, opts...)
	if err != nil {
		return fmt.Errorf("creating pod monitor: %w", err)
	}
	return nil
}

// dashboard declares the ConfigMap with Grafana's dashboard.
func (t *CloudflareTunnel) dashboard(ctx *pulumi.Context, name string, args *CloudflareTunnelArgs, namespace *namespaceRef) error {
	text, err := renderDashboard(args.TunnelName)
	if err != nil {
		return err
	}
	in := namespace.name
	if args.Monitoring.Dashboard.Namespace != "" {
		in = pulumi.String(args.Monitoring.Dashboard.Namespace).ToStringOutput()
	}
	labels := map[string]string{"grafana_dashboard": "1"}
	for k, v := range args.Monitoring.Dashboard.Labels {
		labels[k] = v
	}
	_, err = corev1.NewConfigMap(ctx, name+"-dashboard", &corev1.ConfigMapArgs{
		Metadata: labelledMeta(args, in, labels),
		Data:     pulumi.StringMap{args.TunnelName + ".json": pulumi.String(text)},
	}, pulumi.Parent(t))
	if err != nil {
		return fmt.Errorf("creating dashboard: %w", err)
	}
	return nil
}

// labelledMeta is objectMeta in a namespace, with further labels.
func labelledMeta(args *CloudflareTunnelArgs, namespace pulumi.StringInput, labels map[string]string) *metav1.ObjectMetaArgs {
	all := pulumi.ToStringMap(labels)
	for k, v := range objectLabels(args.TunnelName) {
		all[k] = pulumi.String(v)
	}
	return &metav1.ObjectMetaArgs{Namespace: namespace.ToStringOutput(), Labels: all}
}
