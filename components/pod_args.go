package components

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
)

// PodArgs say where connectors run and what they may use. For what they don't
// say, pass pulumi.Transforms to NewCloudflareTunnel and patch the Deployment's
// pod template there.
type PodArgs struct {
	// Labels are added to the pods; those that the component sets itself can't
	// be changed.
	Labels map[string]string `pulumi:"labels"`
	// Annotations are added to the pods.
	Annotations map[string]string `pulumi:"annotations"`
	// NodeSelector are labels that a node must have to run a connector.
	NodeSelector map[string]string `pulumi:"nodeSelector"`
	// Tolerations are taints of nodes that don't keep connectors away, such as
	// that of a control plane.
	Tolerations []corev1.Toleration `pulumi:"tolerations"`
	// Affinity attracts connectors to nodes and to pods, or keeps them apart,
	// beyond the spread over nodes.
	Affinity *corev1.Affinity `pulumi:"affinity"`
	// SpreadRequired makes the spread over nodes a condition: a connector waits
	// rather than share a node while another node has fewer. Without it, the
	// default, a single node is enough.
	SpreadRequired bool `pulumi:"spreadRequired"`
	// PriorityClass is the name of the connectors' priority class.
	PriorityClass string `pulumi:"priorityClass"`
	// ImagePullSecrets are names of Secrets in the connectors' namespace, so
	// this needs CloudflareTunnelArgs.Namespace.
	ImagePullSecrets []string `pulumi:"imagePullSecrets"`
	// Resources overrides the defaults one by one.
	Resources *ResourcesArgs `pulumi:"resources"`
}

// ResourcesArgs are Kubernetes quantities by resource (cpu, memory,
// ephemeral-storage). An empty quantity takes a default away.
type ResourcesArgs struct {
	// Requests are what the scheduler sets aside for a connector. Defaults to
	// 50m of cpu, 64Mi of memory and 16Mi of ephemeral-storage.
	Requests map[string]string `pulumi:"requests"`
	// Limits are what a connector may use at most. Defaults to 1 cpu and 256Mi of
	// memory, enough for some hundred requests a second on a Raspberry Pi. A connector
	// on its way out takes all the cpu that it can get until its last request is done
	// (cloudflared 2026.3.0 waits for that without a pause); where others need it, the
	// small request leaves them theirs. The limit of ephemeral-storage is 256Mi: the
	// kubelet counts the log as such and evicts a pod that has more than its limit. Of
	// the log it keeps containerLogMaxFiles times containerLogMaxSize, 50Mi by default.
	Limits map[string]string `pulumi:"limits"`
}

var (
	defaultRequests = map[string]string{"cpu": "50m", "memory": "64Mi", "ephemeral-storage": "16Mi"}
	defaultLimits   = map[string]string{"cpu": "1", "memory": "256Mi", "ephemeral-storage": "256Mi"}
)

// Patterns of Kubernetes' own rules for names, labels and quantities.
var (
	subdomainPattern  = regexp.MustCompile(`^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$`)
	labelKeyPattern   = regexp.MustCompile(`^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$`)
	labelValuePattern = regexp.MustCompile(`^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$`)
	quantityPattern   = regexp.MustCompile(`^[0-9]+(\.[0-9]+)?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$`)
)

func validatePod(path string, args *CloudflareTunnelArgs) error {
	p := args.Pod
	if p == nil {
		return nil
	}
	var problems []error
	report := func(err error) { problems = append(problems, err) }
	report(validateLabels(path+".labels", p.Labels))
	for _, key := range slices.Sorted(maps.Keys(p.Labels)) {
		if _, own := objectLabels("")[key]; own || key == labelTunnelID || key == labelNetwork {
			report(fmt.Errorf("%s.labels: %s is the component's own, by which it finds its pods; choose another key", path, key))
		}
	}
	for _, key := range slices.Sorted(maps.Keys(p.Annotations)) {
		if !labelKeyPattern.MatchString(key) {
			report(fmt.Errorf("%s.annotations: %q is not the key of an annotation, such as example.com/team", path, key))
		}
	}
	report(validateLabels(path+".nodeSelector", p.NodeSelector))
	for i, toleration := range p.Tolerations {
		report(validateToleration(fmt.Sprintf("%s.tolerations[%d]", path, i), toleration))
	}
	report(matches(path+".priorityClass", p.PriorityClass, subdomainPattern, 253, "the name of a priority class"))
	for i, name := range p.ImagePullSecrets {
		if !subdomainPattern.MatchString(name) {
			report(fmt.Errorf("%s.imagePullSecrets[%d]: %q is not the name of a Secret", path, i, name))
		}
	}
	if len(p.ImagePullSecrets) > 0 && args.Namespace == "" {
		report(fmt.Errorf("%s.imagePullSecrets: a new namespace holds no Secret yet; set namespace to the one that does", path))
	}
	if p.Resources != nil {
		report(validateQuantities(path+".resources.requests", p.Resources.Requests))
		report(validateQuantities(path+".resources.limits", p.Resources.Limits))
	}
	return errors.Join(problems...)
}

func validateLabels(path string, labels map[string]string) error {
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		if !labelKeyPattern.MatchString(key) {
			problems = append(problems, fmt.Errorf("%s: %q is not the key of a label, such as example.com/team", path, key))
		}
		if !labelValuePattern.MatchString(labels[key]) {
			problems = append(problems, fmt.Errorf("%s[%s]: %q is not the value of a label: letters, digits, inner dots, hyphens and underscores, at most 63", path, key, labels[key]))
		}
	}
	return errors.Join(problems...)
}

func validateToleration(path string, t corev1.Toleration) error {
	operator, effect := valueOr(t.Operator, "Equal"), valueOr(t.Effect, "")
	switch {
	case operator != "Equal" && operator != "Exists":
		return fmt.Errorf("%s.operator: %q is neither Equal nor Exists", path, operator)
	case !slices.Contains([]string{"", "NoSchedule", "PreferNoSchedule", "NoExecute"}, effect):
		return fmt.Errorf("%s.effect: %q is none of NoSchedule, PreferNoSchedule, NoExecute", path, effect)
	case valueOr(t.Key, "") == "" && operator != "Exists":
		return fmt.Errorf("%s.key: not set; name the taint, or set the operator to Exists to tolerate every taint", path)
	case valueOr(t.Value, "") != "" && operator == "Exists":
		return fmt.Errorf("%s.value: has no meaning with the operator Exists", path)
	case t.TolerationSeconds != nil && effect != "NoExecute":
		return fmt.Errorf("%s.tolerationSeconds: has a meaning only with the effect NoExecute", path)
	}
	return nil
}

func validateQuantities(path string, quantities map[string]string) error {
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(quantities)) {
		if value := quantities[key]; value != "" && !quantityPattern.MatchString(value) {
			problems = append(problems, fmt.Errorf("%s[%s]: %q is not a quantity, such as 100m or 128Mi", path, key, value))
		}
	}
	return errors.Join(problems...)
}

// overriding returns base with what over sets; an empty value takes away.
func overriding(base, over map[string]string) map[string]string {
	out := maps.Clone(base)
	maps.Copy(out, over)
	maps.DeleteFunc(out, func(_, value string) bool { return value == "" })
	return out
}

func valueOr[T any](value *T, otherwise T) T {
	if value == nil {
		return otherwise
	}
	return *value
}
