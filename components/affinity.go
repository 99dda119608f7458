package components

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"

	"k8s-tunnel/components/internal/validate"
)

// How Kubernetes calls the lists of an affinity.
const (
	requiredTerms  = "requiredDuringSchedulingIgnoredDuringExecution"
	preferredTerms = "preferredDuringSchedulingIgnoredDuringExecution"
)

// The operators that compare labels of pods, labels of nodes, and fields of nodes.
var (
	labelOperators = []string{"In", "NotIn", "Exists", "DoesNotExist"}
	nodeOperators  = append(slices.Clone(labelOperators), "Gt", "Lt")
	fieldOperators = labelOperators[:2]
)

// validateAffinity checks an affinity as the API server does once the tunnel exists, and
// numbers as the scheduler does, which places no pod without them.
func validateAffinity(path string, affinity *corev1.Affinity) error {
	if affinity == nil {
		return nil
	}
	var problems []error
	if node := affinity.NodeAffinity; node != nil {
		problems = append(problems, validateNodeAffinity(path+".nodeAffinity", node))
	}
	if pod := affinity.PodAffinity; pod != nil {
		problems = append(problems, validatePodTerms(path+".podAffinity", pod.RequiredDuringSchedulingIgnoredDuringExecution, pod.PreferredDuringSchedulingIgnoredDuringExecution))
	}
	if pod := affinity.PodAntiAffinity; pod != nil {
		problems = append(problems, validatePodTerms(path+".podAntiAffinity", pod.RequiredDuringSchedulingIgnoredDuringExecution, pod.PreferredDuringSchedulingIgnoredDuringExecution))
	}
	return errors.Join(problems...)
}

func validateNodeAffinity(path string, affinity *corev1.NodeAffinity) error {
	var problems []error
	if required := affinity.RequiredDuringSchedulingIgnoredDuringExecution; required != nil {
		at := path + "." + requiredTerms + ".nodeSelectorTerms"
		if len(required.NodeSelectorTerms) == 0 {
			problems = append(problems, fmt.Errorf("%s: not set; list what nodes need", at))
		}
		for i, term := range required.NodeSelectorTerms {
			at := fmt.Sprintf("%s[%d]", at, i)
			problems = append(problems, validateNodeTerm(at, term))
			for j, expression := range term.MatchExpressions {
				for k, value := range expression.Values { // those of preferred terms may be anything
					problems = append(problems, validate.LabelValue(fmt.Sprintf("%s.matchExpressions[%d].values[%d]", at, j, k), value))
				}
			}
		}
	}
	for i, term := range affinity.PreferredDuringSchedulingIgnoredDuringExecution {
		at := fmt.Sprintf("%s.%s[%d]", path, preferredTerms, i)
		problems = append(problems, validateWeight(at, term.Weight), validateNodeTerm(at+".preference", term.Preference))
	}
	return errors.Join(problems...)
}

func validateNodeTerm(path string, term corev1.NodeSelectorTerm) error {
	var problems []error
	for i, expression := range term.MatchExpressions {
		at := fmt.Sprintf("%s.matchExpressions[%d]", path, i)
		problems = append(problems, validateRequirement(at, metav1.LabelSelectorRequirement(expression), nodeOperators), validate.LabelKey(at+".key", expression.Key))
	}
	for i, field := range term.MatchFields {
		at := fmt.Sprintf("%s.matchFields[%d]", path, i)
		problems = append(problems, validateRequirement(at, metav1.LabelSelectorRequirement(field), fieldOperators))
		if field.Key != "metadata.name" {
			problems = append(problems, fmt.Errorf("%s.key: %q is not metadata.name, the only field of nodes that can be matched", at, field.Key))
		}
		if len(field.Values) > 1 {
			problems = append(problems, fmt.Errorf("%s.values: has several names; use a term for each", at))
		}
		for j, name := range field.Values {
			problems = append(problems, validate.ObjectName(fmt.Sprintf("%s.values[%d]", at, j), name, "a node"))
		}
	}
	return errors.Join(problems...)
}

// validatePodTerms checks an affinity to other pods, or from them.
func validatePodTerms(path string, required []corev1.PodAffinityTerm, preferred []corev1.WeightedPodAffinityTerm) error {
	var problems []error
	for i, term := range required {
		problems = append(problems, validatePodTerm(fmt.Sprintf("%s.%s[%d]", path, requiredTerms, i), term))
	}
	for i, term := range preferred {
		at := fmt.Sprintf("%s.%s[%d]", path, preferredTerms, i)
		problems = append(problems, validateWeight(at, term.Weight), validatePodTerm(at+".podAffinityTerm", term.PodAffinityTerm))
	}
	return errors.Join(problems...)
}

func validatePodTerm(path string, term corev1.PodAffinityTerm) error {
	problems := []error{
		validateSelector(path+".labelSelector", term.LabelSelector), validateSelector(path+".namespaceSelector", term.NamespaceSelector),
	}
	for i, namespace := range term.Namespaces {
		problems = append(problems, validate.Namespace(fmt.Sprintf("%s.namespaces[%d]", path, i), namespace))
	}
	for _, keys := range []struct {
		field string
		keys  []string
	}{{"matchLabelKeys", term.MatchLabelKeys}, {"mismatchLabelKeys", term.MismatchLabelKeys}} {
		if len(keys.keys) > 0 && term.LabelSelector == nil {
			problems = append(problems, fmt.Errorf("%s.%s: needs a labelSelector", path, keys.field))
		}
		for i, key := range keys.keys {
			problems = append(problems, validate.LabelKey(fmt.Sprintf("%s.%s[%d]", path, keys.field, i), key))
		}
	}
	for _, key := range term.MatchLabelKeys {
		if slices.Contains(term.MismatchLabelKeys, key) {
			problems = append(problems, fmt.Errorf("%s: %q is in both matchLabelKeys and mismatchLabelKeys", path, key))
		}
	}
	if term.TopologyKey == "" {
		problems = append(problems, fmt.Errorf("%s.topologyKey: not set; it is a label of nodes, such as kubernetes.io/hostname", path))
	} else {
		problems = append(problems, validate.LabelKey(path+".topologyKey", term.TopologyKey))
	}
	return errors.Join(problems...)
}

func validateSelector(path string, selector *metav1.LabelSelector) error {
	if selector == nil {
		return nil
	}
	problems := []error{validate.Labels(path+".matchLabels", selector.MatchLabels)}
	for i, expression := range selector.MatchExpressions {
		at := fmt.Sprintf("%s.matchExpressions[%d]", path, i)
		problems = append(problems, validateRequirement(at, expression, labelOperators), validate.LabelKey(at+".key", expression.Key))
		for j, value := range expression.Values {
			problems = append(problems, validate.LabelValue(fmt.Sprintf("%s.values[%d]", at, j), value))
		}
	}
	return errors.Join(problems...)
}

// validateRequirement checks the operator, and whether it has the values that it needs.
func validateRequirement(path string, r metav1.LabelSelectorRequirement, operators []string) error {
	if !slices.Contains(operators, r.Operator) {
		return fmt.Errorf("%s.operator: %q is none of %s", path, r.Operator, strings.Join(operators, ", "))
	}
	problem := ""
	switch r.Operator {
	case "In", "NotIn":
		if len(r.Values) == 0 {
			problem = "needs at least one"
		}
	case "Exists", "DoesNotExist":
		if len(r.Values) > 0 {
			problem = "takes none; remove them"
		}
	default:
		if len(r.Values) != 1 {
			problem = "needs a single whole number"
		} else if !isInteger(r.Values[0]) {
			return fmt.Errorf("%s.values[0]: %q is not a whole number, which the operator %s needs", path, r.Values[0], r.Operator)
		}
	}
	if problem != "" {
		return fmt.Errorf("%s.values: the operator %s %s", path, r.Operator, problem)
	}
	return nil
}

func isInteger(text string) bool {
	_, err := strconv.ParseInt(text, 10, 64)
	return err == nil
}

func validateWeight(path string, weight int) error {
	if weight < 1 || weight > 100 {
		return fmt.Errorf("%s.weight: %d is not from 1 to 100", path, weight)
	}
	return nil
}
