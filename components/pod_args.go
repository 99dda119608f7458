package components

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"

	"k8s-tunnel/components/internal/validate"
)

// PodArgs say where the connectors run and which resources they get. For anything
// else, pass pulumi.Transforms to NewCloudflareTunnel and change the Deployment's
// pod template there.
type PodArgs struct {
	// Labels are added to the pods. The component's own labels can't be changed.
	Labels map[string]string `pulumi:"labels"`
	// Annotations are added to the pods.
	Annotations map[string]string `pulumi:"annotations"`
	// NodeSelector are labels that a node needs to run a connector, beside
	// kubernetes.io/os: linux. cloudflared's image is for amd64 and arm64 only.
	NodeSelector map[string]string `pulumi:"nodeSelector"`
	// Tolerations are Kubernetes tolerations, such as of a control plane's taint.
	Tolerations []corev1.Toleration `pulumi:"tolerations"`
	// Affinity is a Kubernetes affinity, in addition to the spread over nodes.
	Affinity *corev1.Affinity `pulumi:"affinity"`
	// SpreadRequired lets a connector wait rather than share a node while another
	// node has fewer. Otherwise one node is enough. Defaults to false.
	SpreadRequired bool `pulumi:"spreadRequired"`
	// PriorityClass is the name of the pods' priority class.
	PriorityClass string `pulumi:"priorityClass"`
	// ImagePullSecrets are names of Secrets in the connectors' namespace, which
	// has to exist: set [CloudflareTunnelArgs.Namespace].
	ImagePullSecrets []string `pulumi:"imagePullSecrets"`
	// Resources are the resource requests and limits.
	Resources *ResourcesArgs `pulumi:"resources"`
}

// ResourcesArgs are Kubernetes quantities by resource: cpu, memory and
// ephemeral-storage. Each one overrides its default; an empty quantity removes it.
//
// The limits suffice for some hundred requests a second on a Raspberry Pi. A
// connector that is stopping takes all the cpu that it can get until its last
// request is done (cloudflared 2026.3.0 waits for that without a pause); the small
// request leaves other pods theirs. Ephemeral storage is the log: the kubelet evicts
// a pod that exceeds its limit, and keeps containerLogMaxFiles times
// containerLogMaxSize of the log, 50Mi by default.
type ResourcesArgs struct {
	// Requests are what the scheduler reserves for a connector. Defaults to cpu
	// 50m, memory 64Mi and ephemeral-storage 16Mi.
	Requests map[string]string `numeric:"true" pulumi:"requests"`
	// Limits are the most that a connector may use. Defaults to cpu 1, memory 256Mi
	// and ephemeral-storage 256Mi.
	Limits map[string]string `numeric:"true" pulumi:"limits"`
}

func validatePod(path string, args *CloudflareTunnelArgs) error {
	p := args.Pod
	problems := []error{
		validate.Labels(path+".labels", p.Labels),
		validate.Annotations(path+".annotations", p.Annotations),
		validate.Labels(path+".nodeSelector", p.NodeSelector),
		validateResources(path+".resources", p.Resources),
	}
	for _, key := range slices.Sorted(maps.Keys(p.Labels)) {
		if slices.Contains(ownLabels, key) {
			problems = append(problems, fmt.Errorf("%s.labels: %s is one of the component's own labels, by which it finds its pods; use another key", path, key))
		}
	}
	for i, toleration := range p.Tolerations {
		problems = append(problems, validateToleration(fmt.Sprintf("%s.tolerations[%d]", path, i), toleration))
	}
	problems = append(problems, validateAffinity(path+".affinity", p.Affinity))
	if p.PriorityClass != "" {
		problems = append(problems, validate.ObjectName(path+".priorityClass", p.PriorityClass, "a priority class"))
	}
	for i, name := range p.ImagePullSecrets {
		problems = append(problems, validate.ObjectName(fmt.Sprintf("%s.imagePullSecrets[%d]", path, i), name, "a Secret"))
	}
	if len(p.ImagePullSecrets) > 0 && args.Namespace == "" {
		problems = append(problems, fmt.Errorf("%s.imagePullSecrets: a new namespace has no Secrets yet; set namespace to one that has them", path))
	}
	return errors.Join(problems...)
}

// validateResources checks requests and limits, with which defaults are merged, as the
// API server does once the tunnel exists.
func validateResources(path string, r *ResourcesArgs) error {
	err := errors.Join(validateQuantities(path+".requests", r.Requests), validateQuantities(path+".limits", r.Limits))
	if err != nil {
		return err
	}
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(r.Requests)) {
		request, limit := r.Requests[key], r.Limits[key]
		if limit == "" || validate.Compare(request, limit) <= 0 {
			continue
		}
		problem := fmt.Errorf("%s.requests[%s]: %s is more than the limit, %s; request less, or raise the limit", path, key, request, limit)
		switch {
		case request == defaultRequests[key]:
			problem = fmt.Errorf("%s.limits[%s]: %s is less than what is requested by default, %s; set %s.requests[%s] as well, to %s or less", path, key, limit, request, path, key, limit)
		case limit == defaultLimits[key]:
			problem = fmt.Errorf("%s.requests[%s]: %s is more than the default limit, %s; set %s.limits[%s] as well, to %s or more", path, key, request, limit, path, key, request)
		}
		problems = append(problems, problem)
	}
	return errors.Join(problems...)
}

func validateQuantities(path string, quantities map[string]string) error {
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(quantities)) {
		problems = append(problems, validate.Resource(path, key), validate.Quantity(fmt.Sprintf("%s[%s]", path, key), quantities[key]))
	}
	return errors.Join(problems...)
}

func validateToleration(path string, t corev1.Toleration) error {
	operator, effect := deref(t.Operator, "Equal"), deref(t.Effect, "")
	switch {
	case operator != "Equal" && operator != "Exists":
		return fmt.Errorf("%s.operator: %q is neither Equal nor Exists", path, operator)
	case !slices.Contains([]string{"", "NoSchedule", "PreferNoSchedule", "NoExecute"}, effect):
		return fmt.Errorf("%s.effect: %q is none of NoSchedule, PreferNoSchedule, NoExecute", path, effect)
	case deref(t.Key, "") == "" && operator != "Exists":
		return fmt.Errorf("%s.key: not set; set it to the taint's key, or set the operator to Exists to tolerate every taint", path)
	case deref(t.Value, "") != "" && operator == "Exists":
		return fmt.Errorf("%s.value: has no effect with the operator Exists; remove it", path)
	case t.TolerationSeconds != nil && effect != "NoExecute":
		return fmt.Errorf("%s.tolerationSeconds: has an effect only with the effect NoExecute; remove it", path)
	}
	return nil
}
