package components

import (
	"errors"
	"fmt"
	"maps"
	"regexp"

	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes"
	"github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions"
	apiextensionsv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/apiextensions/v1"
	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/internal/validate"
)

// MonitoringArgs add objects for Prometheus and Grafana. Each part is off unless it
// is set; {} turns it on with its defaults.
type MonitoringArgs struct {
	// PodMonitor lets the Prometheus operator scrape the connectors; {} does so with the
	// defaults. [NetworkPolicyArgs.MetricsFrom] has to list Prometheus's namespace.
	PodMonitor *PodMonitorArgs `pulumi:"podMonitor"`
	// Dashboard adds a dashboard for Grafana's sidecar; {} does so with the defaults.
	Dashboard *DashboardArgs `pulumi:"dashboard"`
}

// PodMonitorArgs declare a PodMonitor. The Prometheus operator has to be installed,
// and [NetworkPolicyArgs.MetricsFrom] has to list its namespace.
type PodMonitorArgs struct {
	// Labels are added to the PodMonitor, such as the label release:
	// kube-prometheus-stack, by which a Prometheus selects its monitors.
	Labels map[string]string `pulumi:"labels"`
	// Interval is the time between two scrapes. Defaults to [DefaultScrapeInterval].
	Interval string `pulumi:"interval"`
	// AssumeInstalled skips the check that the operator is there, for a cluster that
	// is about to get it. Defaults to false.
	AssumeInstalled bool `pulumi:"assumeInstalled"`
}

// DashboardArgs declare a ConfigMap with a dashboard for Grafana.
type DashboardArgs struct {
	// Namespace is the existing namespace that Grafana's sidecar watches. Defaults to
	// the connectors' namespace.
	Namespace string `pulumi:"namespace"`
	// Labels are added to the ConfigMap, beside the sidecar's usual label,
	// grafana_dashboard: "1".
	Labels map[string]string `pulumi:"labels"`
}

// podMonitorCRD is the CustomResourceDefinition of PodMonitors.
const podMonitorCRD = "podmonitors.monitoring.coreos.com"

// intervalPattern is a duration as Prometheus reads it. An empty one is unset.
var intervalPattern = regexp.MustCompile(`^(0|([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$`)

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
	problems := []error{validate.Labels(path+".labels", m.Labels)}
	if !intervalPattern.MatchString(m.Interval) {
		problems = append(problems, fmt.Errorf("%s.interval: %q is not a duration, such as %s", path, m.Interval, DefaultScrapeInterval))
	}
	if len(policy.MetricsFrom) == 0 {
		problems = append(problems, fmt.Errorf("%s: no namespace may scrape the connectors; add Prometheus's to networkPolicy.metricsFrom", path))
	}
	return errors.Join(problems...)
}

func validateDashboard(path string, d *DashboardArgs) error {
	if d == nil {
		return nil
	}
	return errors.Join(validateNamespace(path+".namespace", d.Namespace), validate.Labels(path+".labels", d.Labels))
}

// monitoring declares the objects that the arguments ask for.
func (d *declaration) monitoring() error {
	wanted := d.args.Monitoring
	if wanted == nil {
		return nil
	}
	if wanted.PodMonitor != nil {
		if err := d.podMonitor(); err != nil {
			return err
		}
	}
	if wanted.Dashboard != nil {
		return d.dashboard()
	}
	return nil
}

// operatorCheck ends the logical name under which the PodMonitor's definition is
// read. If there is none, the engine's error shows only that name, so it says which
// setting needs what.
const operatorCheck = "monitoring.podMonitor-needs-the-Prometheus-operator"

// podMonitor declares the PodMonitor. Its definition is read first, so that the
// preview fails in a cluster without the operator.
func (d *declaration) podMonitor() error {
	if !d.args.Monitoring.PodMonitor.AssumeInstalled {
		definition := &apiextensionsv1.CustomResourceDefinition{}
		crd := clusterObject{group: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition", name: podMonitorCRD}
		if err := crd.read(d.ctx, logicalName(d.name, operatorCheck), definition, pulumi.Parent(d.component), d.namespace.first()); err != nil {
			return fmt.Errorf("reading %s, which the Prometheus operator installs: %w", podMonitorCRD, err)
		}
		d.previous = append(d.previous, definition)
	}
	monitor, err := apiextensions.NewCustomResource(d.ctx, logicalName(d.name, podMonitorRole), &apiextensions.CustomResourceArgs{
		ApiVersion: pulumi.String("monitoring.coreos.com/v1"),
		Kind:       pulumi.String("PodMonitor"),
		Metadata:   d.namespace.objectMeta(podMonitorRole, d.args.Monitoring.PodMonitor.Labels),
		OtherFields: kubernetes.UntypedArgs{"spec": pulumi.Map{
			"selector": pulumi.Map{"matchLabels": selectorLabels(d.tunnel.id)},
			"podMetricsEndpoints": pulumi.Array{pulumi.Map{
				"port":     pulumi.String(metricsPortName),
				"path":     pulumi.String("/metrics"),
				"interval": pulumi.String(d.args.Monitoring.PodMonitor.Interval),
			}},
		}},
	}, pulumi.Parent(d.component), unprotected, d.afterPrevious())
	if err != nil {
		return fmt.Errorf("creating pod monitor: %w", err)
	}
	d.previous = []pulumi.Resource{monitor}
	d.recordDependencies = append(d.recordDependencies, monitor)
	return nil
}

func (d *declaration) dashboard() error {
	interval := ""
	if monitor := d.args.Monitoring.PodMonitor; monitor != nil {
		interval = monitor.Interval
	}
	text, err := renderDashboard(d.args.TunnelName, interval)
	if err != nil {
		return err
	}
	in := *d.namespace
	if d.args.Monitoring.Dashboard.Namespace != "" {
		in.name = pulumi.String(d.args.Monitoring.Dashboard.Namespace).ToStringOutput()
	}
	labels := map[string]string{"grafana_dashboard": "1"}
	maps.Copy(labels, d.args.Monitoring.Dashboard.Labels)
	dashboard, err := corev1.NewConfigMap(d.ctx, logicalName(d.name, dashboardRole), &corev1.ConfigMapArgs{
		Metadata: in.objectMeta(dashboardRole, labels),
		Data:     pulumi.StringMap{d.args.TunnelName + ".json": pulumi.String(text)},
	}, pulumi.Parent(d.component), unprotected, d.afterPrevious())
	if err != nil {
		return fmt.Errorf("creating dashboard: %w", err)
	}
	d.recordDependencies = append(d.recordDependencies, dashboard)
	return nil
}
