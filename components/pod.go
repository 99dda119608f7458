package components

import (
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/cloudflared"
)

// How long a connector may be without a connection before it is restarted. Either is
// for a process that hangs: a restart doesn't bring a home's uplink back.
const (
	// startSeconds is that of a pod that starts. With a slow uplink, falling back from
	// QUIC to HTTP/2 may take minutes.
	startSeconds = 7 * 60
	// outageSeconds is that of a connector that was connected. It would lose by a
	// restart in an outage: cloudflared exits at its start if it can't look up the edge,
	// and the kubelet then waits up to five minutes before it tries again.
	outageSeconds = 60 * 60
)

const (
	// nonrootID is the user and group of cloudflared's image. Older images have a
	// user's name instead of a number, with which runAsNonRoot alone would keep
	// the pod from starting.
	nonrootID = 65532
	// metricsPortName is the name of cloudflared.MetricsPort.
	metricsPortName = "metrics"
	// ndots is the number of dots from which on a name is looked up as it is
	// before it is looked up in the search domains. Kubernetes' own value, 5, looks
	// up full names of Services in the nodes' search domains as well: if one of these
	// is the exposed zone, its wildcard answers.
	ndots = "2"
	// groupReadable is a mode with which the pod's group can read a file.
	groupReadable = 0o440
)

// podLabels are a connector's labels, but for those that tell its tunnel and its network.
func podLabels(args *CloudflareTunnelArgs) map[string]string {
	all := map[string]string{}
	maps.Copy(all, args.Pod.Labels)
	maps.Copy(all, objectLabels(args.TunnelName))
	return all
}

func podMeta(args *CloudflareTunnelArgs, labels, files pulumi.StringMap) *metav1.ObjectMetaArgs {
	all := pulumi.ToStringMap(podLabels(args))
	maps.Copy(all, labels)
	meta := &metav1.ObjectMetaArgs{Labels: all}
	if annotations := pulumi.ToStringMap(args.Pod.Annotations); len(annotations)+len(files) > 0 {
		maps.Copy(annotations, files)
		meta.Annotations = annotations
	}
	return meta
}

// podSpec is the connector's pod. It meets the restricted Pod Security Standard,
// and more: no service account token, and no writable file system.
func podSpec(
	args *CloudflareTunnelArgs, tunnel *tunnelRef, config, credentials pulumi.StringPtrInput,
) *corev1.PodSpecArgs {
	connector := container(args)
	spec := &corev1.PodSpecArgs{
		AutomountServiceAccountToken:  pulumi.Bool(false),
		EnableServiceLinks:            pulumi.Bool(false),
		TerminationGracePeriodSeconds: pulumi.Int(args.Connector.terminationSeconds()),
		DnsConfig: &corev1.PodDNSConfigArgs{Options: corev1.PodDNSConfigOptionArray{
			&corev1.PodDNSConfigOptionArgs{Name: pulumi.String("ndots"), Value: pulumi.String(ndots)},
		}},
		SecurityContext: &corev1.PodSecurityContextArgs{
			RunAsNonRoot:   pulumi.Bool(true),
			RunAsUser:      pulumi.Int(nonrootID),
			RunAsGroup:     pulumi.Int(nonrootID),
			FsGroup:        pulumi.Int(nonrootID),
			SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
		},
		TopologySpreadConstraints: corev1.TopologySpreadConstraintArray{spread(args, tunnel)},
		Containers:                corev1.ContainerArray{connector},
		Volumes: corev1.VolumeArray{
			&corev1.VolumeArgs{
				Name: pulumi.String("config"),
				ConfigMap: &corev1.ConfigMapVolumeSourceArgs{
					Name:        config,
					DefaultMode: pulumi.Int(groupReadable),
				},
			},
			&corev1.VolumeArgs{
				Name: pulumi.String("credentials"),
				Secret: &corev1.SecretVolumeSourceArgs{
					SecretName:  credentials,
					DefaultMode: pulumi.Int(groupReadable),
				},
			},
		},
	}
	addFiles(spec, connector, args.Files)
	schedule(spec, args.Pod)
	return spec
}

func schedule(spec *corev1.PodSpecArgs, pod *PodArgs) {
	spec.NodeSelector = pulumi.ToStringMap(pod.NodeSelector)
	if pod.PriorityClass != "" {
		spec.PriorityClassName = pulumi.String(pod.PriorityClass)
	}
	if len(pod.ImagePullSecrets) > 0 {
		secrets := corev1.LocalObjectReferenceArray{}
		for _, name := range pod.ImagePullSecrets {
			secrets = append(secrets, &corev1.LocalObjectReferenceArgs{Name: pulumi.String(name)})
		}
		spec.ImagePullSecrets = secrets
	}
	// The SDK accepts plain values of these types only in outputs.
	if len(pod.Tolerations) > 0 {
		spec.Tolerations = pulumi.ToOutput(pulumi.Bool(true)).ApplyT(func(any) []corev1.Toleration {
			return pod.Tolerations
		}).(corev1.TolerationArrayOutput)
	}
	if pod.Affinity != nil {
		spec.Affinity = pulumi.ToOutput(pulumi.Bool(true)).ApplyT(func(any) corev1.Affinity {
			return *pod.Affinity
		}).(corev1.AffinityOutput).ToAffinityPtrOutput()
	}
}

// spread puts the connectors on different nodes if there are several. One node is
// enough unless the arguments require the spread.
func spread(args *CloudflareTunnelArgs, tunnel *tunnelRef) *corev1.TopologySpreadConstraintArgs {
	unsatisfiable := "ScheduleAnyway"
	if args.Pod.SpreadRequired {
		unsatisfiable = "DoNotSchedule"
	}
	return &corev1.TopologySpreadConstraintArgs{
		MaxSkew:           pulumi.Int(1),
		TopologyKey:       pulumi.String("kubernetes.io/hostname"),
		WhenUnsatisfiable: pulumi.String(unsatisfiable),
		LabelSelector:     &metav1.LabelSelectorArgs{MatchLabels: selectorLabels(tunnel.id)},
		// A node counts only if it can run a connector.
		NodeTaintsPolicy: pulumi.String("Honor"),
		// Only pods of the same template count, or a rolling update would spread
		// the new pods around the old ones.
		MatchLabelKeys: pulumi.ToStringArray([]string{"pod-template-hash"}),
	}
}

func container(args *CloudflareTunnelArgs) *corev1.ContainerArgs {
	connector := &corev1.ContainerArgs{
		Name:  pulumi.String(applicationName),
		Image: pulumi.String(args.Image),
		Args:  pulumi.ToStringArray([]string{"tunnel", "--config", cloudflared.ConfigDir + "/" + cloudflared.ConfigFile, "run"}),
		Ports: corev1.ContainerPortArray{
			&corev1.ContainerPortArgs{Name: pulumi.String(metricsPortName), ContainerPort: pulumi.Int(cloudflared.MetricsPort)},
		},
		Resources: &corev1.ResourceRequirementsArgs{
			Requests: pulumi.ToStringMap(args.Pod.Resources.Requests),
			Limits:   pulumi.ToStringMap(args.Pod.Resources.Limits),
		},
		SecurityContext: &corev1.SecurityContextArgs{
			AllowPrivilegeEscalation: pulumi.Bool(false),
			Privileged:               pulumi.Bool(false),
			ReadOnlyRootFilesystem:   pulumi.Bool(true),
			Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
		},
		StartupProbe: probe(1, startSeconds),
		// Not ready once no connection to Cloudflare has been up for a quarter of a
		// minute. Asked every two seconds, because updates wait for the answer.
		ReadinessProbe: probe(2, 8),
		LivenessProbe:  probe(15, outageSeconds/15),
		Lifecycle: &corev1.LifecycleArgs{
			// The image has no shell, so the kubelet sleeps (Kubernetes 1.30 or later).
			PreStop: &corev1.LifecycleHandlerArgs{Sleep: &corev1.SleepActionArgs{Seconds: pulumi.Int(drainSeconds)}},
		},
		VolumeMounts: corev1.VolumeMountArray{
			mount("config", cloudflared.ConfigDir),
			mount("credentials", cloudflared.CredentialsDir),
		},
	}
	if environment := args.Connector.environment(); len(environment) > 0 {
		connector.Env = environment
	}
	return connector
}

func mount(volume, path string) *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{
		Name:      pulumi.String(volume),
		MountPath: pulumi.String(path),
		ReadOnly:  pulumi.Bool(true),
	}
}

// probe checks that at least one connection to Cloudflare is up. It deliberately
// ignores the origin, which a restart doesn't repair.
func probe(periodSeconds, failureThreshold int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String("/ready"), Port: pulumi.String(metricsPortName)},
		PeriodSeconds:    pulumi.Int(periodSeconds),
		TimeoutSeconds:   pulumi.Int(5),
		FailureThreshold: pulumi.Int(failureThreshold),
	}
}
