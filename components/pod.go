package components

import (
	"maps"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

const (
	// nonrootID is the user and group that cloudflared's image runs as. It is
	// given as a number: older images name it, and then runAsNonRoot alone
	// keeps the pod from starting.
	nonrootID = 65532
	// groupReadable lets the pod's group read a file, and nobody write it.
	groupReadable = 0o440
)

// podMeta is the metadata of the connectors' pods.
func podMeta(args *CloudflareTunnelArgs, generation pulumi.StringMap) *metav1.ObjectMetaArgs {
	meta := &metav1.ObjectMetaArgs{Labels: podLabels(args.TunnelName, generation)}
	if args.Pod != nil {
		labels := pulumi.ToStringMap(args.Pod.Labels)
		maps.Copy(labels, podLabels(args.TunnelName, generation))
		meta.Labels = labels
		meta.Annotations = pulumi.ToStringMap(args.Pod.Annotations)
	}
	return meta
}

// podSpec is the connector's pod. It is as locked down as the restricted Pod
// Security Standard asks for, and more: a read-only root, no token of the
// cluster's API, nothing writable.
func podSpec(
	args *CloudflareTunnelArgs, tunnel *tunnelRef, config, credentials pulumi.StringPtrInput,
) *corev1.PodSpecArgs {
	spec := &corev1.PodSpecArgs{
		AutomountServiceAccountToken:  pulumi.Bool(false),
		EnableServiceLinks:            pulumi.Bool(false),
		TerminationGracePeriodSeconds: pulumi.Int(terminationSeconds),
		SecurityContext: &corev1.PodSecurityContextArgs{
			RunAsNonRoot:   pulumi.Bool(true),
			RunAsUser:      pulumi.Int(nonrootID),
			RunAsGroup:     pulumi.Int(nonrootID),
			FsGroup:        pulumi.Int(nonrootID),
			SeccompProfile: &corev1.SeccompProfileArgs{Type: pulumi.String("RuntimeDefault")},
		},
		TopologySpreadConstraints: corev1.TopologySpreadConstraintArray{spread(args, tunnel)},
		Containers:                corev1.ContainerArray{container(args)},
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
	schedule(spec, args.Pod)
	return spec
}

// schedule adds what the arguments say about where connectors run.
func schedule(spec *corev1.PodSpecArgs, pod *PodArgs) {
	if pod == nil {
		return
	}
	spec.NodeSelector = pulumi.ToStringMap(pod.NodeSelector)
	if pod.PriorityClass != "" {
		spec.PriorityClassName = pulumi.String(pod.PriorityClass)
	}
	secrets := corev1.LocalObjectReferenceArray{}
	for _, name := range pod.ImagePullSecrets {
		secrets = append(secrets, &corev1.LocalObjectReferenceArgs{Name: pulumi.String(name)})
	}
	spec.ImagePullSecrets = secrets
	// What is only handed on goes in as plain values, which the SDK takes in
	// outputs alone.
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

// resources are the defaults with what the arguments override.
func resources(pod *PodArgs) *corev1.ResourceRequirementsArgs {
	over := ResourcesArgs{}
	if pod != nil && pod.Resources != nil {
		over = *pod.Resources
	}
	return &corev1.ResourceRequirementsArgs{
		Requests: pulumi.ToStringMap(overriding(defaultRequests, over.Requests)),
		Limits:   pulumi.ToStringMap(overriding(defaultLimits, over.Limits)),
	}
}

// spread puts the connectors on different nodes where there are several. It is
// soft unless the arguments say otherwise, so that one node is enough.
func spread(args *CloudflareTunnelArgs, tunnel *tunnelRef) *corev1.TopologySpreadConstraintArgs {
	unsatisfiable := "ScheduleAnyway"
	if args.Pod != nil && args.Pod.SpreadRequired {
		unsatisfiable = "DoNotSchedule"
	}
	return &corev1.TopologySpreadConstraintArgs{
		MaxSkew:           pulumi.Int(1),
		TopologyKey:       pulumi.String("kubernetes.io/hostname"),
		WhenUnsatisfiable: pulumi.String(unsatisfiable),
		LabelSelector:     &metav1.LabelSelectorArgs{MatchLabels: selectorLabels(tunnel.id)},
		// Only pods of the same generation count, or a rolling update would
		// spread the new pods around the old ones.
		MatchLabelKeys: pulumi.ToStringArray([]string{"pod-template-hash"}),
	}
}

func container(args *CloudflareTunnelArgs) *corev1.ContainerArgs {
	return &corev1.ContainerArgs{
		Name:  pulumi.String(applicationName),
		Image: pulumi.String(args.Image),
		Args:  pulumi.ToStringArray([]string{"tunnel", "--config", configDir + "/" + configFile, "run"}),
		Ports: corev1.ContainerPortArray{
			&corev1.ContainerPortArgs{Name: pulumi.String("metrics"), ContainerPort: pulumi.Int(metricsPort)},
		},
		Resources: resources(args.Pod),
		SecurityContext: &corev1.SecurityContextArgs{
			AllowPrivilegeEscalation: pulumi.Bool(false),
			Privileged:               pulumi.Bool(false),
			ReadOnlyRootFilesystem:   pulumi.Bool(true),
			Capabilities:             &corev1.CapabilitiesArgs{Drop: pulumi.ToStringArray([]string{"ALL"})},
		},
		// A slow uplink may take minutes to give up QUIC for HTTP/2, and a pod
		// that starts during an outage waits as long as one that runs.
		StartupProbe: probe(2, 210),
		// Out of rotation while no connection to Cloudflare is up.
		ReadinessProbe: probe(5, 3),
		// Restarted only after seven minutes without a connection: the home's
		// uplink may be down, and a restart doesn't bring it back.
		LivenessProbe: probe(15, 28),
		Lifecycle: &corev1.LifecycleArgs{
			// The kubelet's own sleep: the image has no shell. Needs
			// Kubernetes 1.30 or later.
			PreStop: &corev1.LifecycleHandlerArgs{Sleep: &corev1.SleepActionArgs{Seconds: pulumi.Int(drainSeconds)}},
		},
		VolumeMounts: corev1.VolumeMountArray{
			mount("config", configDir),
			mount("credentials", credentialsDir),
		},
	}
}

func mount(volume, path string) *corev1.VolumeMountArgs {
	return &corev1.VolumeMountArgs{
		Name:      pulumi.String(volume),
		MountPath: pulumi.String(path),
		ReadOnly:  pulumi.Bool(true),
	}
}

// probe asks whether at least one connection to Cloudflare is up. It says
// nothing about the origin, on purpose: a restart doesn't mend that.
func probe(periodSeconds, failureThreshold int) *corev1.ProbeArgs {
	return &corev1.ProbeArgs{
		HttpGet:          &corev1.HTTPGetActionArgs{Path: pulumi.String("/ready"), Port: pulumi.String("metrics")},
		PeriodSeconds:    pulumi.Int(periodSeconds),
		TimeoutSeconds:   pulumi.Int(5),
		FailureThreshold: pulumi.Int(failureThreshold),
	}
}
