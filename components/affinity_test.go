package components

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/core/v1"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"k8s-tunnel/components/settings"
)

func TestCloudflareTunnelArgs_ValidateAffinity(t *testing.T) {
	t.Parallel()
	const required, preferred = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
	node := func(term string) string {
		return `{nodeAffinity: {` + required + `: {nodeSelectorTerms: [` + term + `]}}}`
	}
	preferredNode := func(term string) string { return `{nodeAffinity: {` + preferred + `: [` + term + `]}}` }
	pod := func(term string) string { return `{podAffinity: {` + required + `: [` + term + `]}}` }
	const (
		nodeAt      = "pod.affinity.nodeAffinity." + required + ".nodeSelectorTerms"
		preferredAt = "pod.affinity.nodeAffinity." + preferred
		podAt       = "pod.affinity.podAffinity." + required
	)
	for _, test := range []struct {
		name     string
		affinity string // YAML
		want     []string
	}{
		{"nothing", `{}`, nil},
		{"empty kinds", `{nodeAffinity: {}, podAffinity: {}, podAntiAffinity: {}}`, nil},
		{"all operators", node(`{matchExpressions: [
			{key: kubernetes.io/arch, operator: In, values: [amd64, arm64]}, {key: a, operator: NotIn, values: [""]},
			{key: a, operator: Exists}, {key: a, operator: DoesNotExist, values: []}, {key: a, operator: Gt, values: ["0"]}, {key: a, operator: Lt, values: ["4"]}]}`), nil},
		{"a term of nothing", node(`{}`), nil},
		{"a node's name", node(`{matchFields: [{key: metadata.name, operator: NotIn, values: [pi.home.lan]}]}`), nil},
		{"a preference of any value", preferredNode(`{weight: 100, preference: {matchExpressions: [{key: a, operator: In, values: ["no label's value"]}]}}`), nil},
		{"pods", `{podAntiAffinity: {` + required + `: [{topologyKey: kubernetes.io/hostname}], ` + preferred + `: [
			{weight: 1, podAffinityTerm: {topologyKey: topology.kubernetes.io/zone, namespaces: [web], namespaceSelector: {}, matchLabelKeys: [pod-template-hash], mismatchLabelKeys: [a],
				labelSelector: {matchLabels: {app: web}, matchExpressions: [{key: a, operator: In, values: [""]}, {key: b, operator: Exists}]}}}]}}`, nil},

		{"no terms", node(``), []string{nodeAt + ": not set; list what nodes need"}},
		{"an operator in lower case", node(`{matchExpressions: [{key: a, operator: in, values: [b]}]}`), []string{nodeAt + `[0].matchExpressions[0].operator: "in" is none of In, NotIn, Exists, DoesNotExist, Gt, Lt`}},
		{"no operator", node(`{matchExpressions: [{key: a, values: [b]}]}`), []string{nodeAt + `[0].matchExpressions[0].operator: "" is none of`}},
		{"no values", node(`{matchExpressions: [{key: a, operator: NotIn}]}`), []string{nodeAt + "[0].matchExpressions[0].values: the operator NotIn needs at least one"}},
		{"idle values", node(`{matchExpressions: [{key: a, operator: Exists, values: ["true"]}]}`), []string{nodeAt + "[0].matchExpressions[0].values: the operator Exists takes none; remove them"}},
		{"two numbers", node(`{matchExpressions: [{key: a, operator: Gt, values: ["1", "2"]}]}`), []string{nodeAt + "[0].matchExpressions[0].values: the operator Gt needs a single whole number"}},
		{"no whole number", preferredNode(`{weight: 1, preference: {matchExpressions: [{key: a, operator: Lt, values: ["1.5"]}]}}`), []string{preferredAt + "[0].preference.matchExpressions[0].values[0]: \"1.5\" is not a whole number, which the operator Lt needs"}},
		{"a node's label", node(`{matchExpressions: [{key: "a b", operator: Exists}]}`), []string{nodeAt + `[0].matchExpressions[0].key: "a b" is not a label's key`}},
		{"a value of a node's label", node(`{}, {matchExpressions: [{key: a, operator: In, values: [b, "c d"]}]}`), []string{nodeAt + `[1].matchExpressions[0].values[1]: "c d" is not a label's value`}},
		{"a field that can't be matched", node(`{matchFields: [{key: metadata.namespace, operator: In, values: [a]}]}`), []string{nodeAt + `[0].matchFields[0].key: "metadata.namespace" is not metadata.name`}},
		{"a field's operator", node(`{matchFields: [{key: metadata.name, operator: Exists}]}`), []string{nodeAt + `[0].matchFields[0].operator: "Exists" is none of In, NotIn`}},
		{"several names", node(`{matchFields: [{key: metadata.name, operator: In, values: [a, B]}]}`), []string{
			nodeAt + "[0].matchFields[0].values: has several names; use a term for each", nodeAt + `[0].matchFields[0].values[1]: "B" is not the name of a node`,
		}},
		{"no weight", preferredNode(`{preference: {matchExpressions: [{key: a, operator: Exists}]}}`), []string{preferredAt + "[0].weight: 0 is not from 1 to 100"}},
		{"no topology key", pod(`{labelSelector: {matchLabels: {app: web}}}`), []string{podAt + "[0].topologyKey: not set; it is a label of nodes, such as kubernetes.io/hostname"}},
		{"a topology key", pod(`{topologyKey: "a/b/c"}`), []string{podAt + `[0].topologyKey: "a/b/c" is not a label's key`}},
		{"keys of the pods' own labels", pod(`{topologyKey: a, matchLabelKeys: [b, "c d"], mismatchLabelKeys: [b]}`), []string{
			podAt + "[0].matchLabelKeys: needs a labelSelector", podAt + `[0].matchLabelKeys[1]: "c d" is not a label's key`,
			podAt + "[0].mismatchLabelKeys: needs a labelSelector", podAt + `[0]: "b" is in both matchLabelKeys and mismatchLabelKeys`,
		}},
		{"a namespace", pod(`{topologyKey: a, namespaces: [web, "*"]}`), []string{podAt + `[0].namespaces[1]: "*" is not a namespace's name`}},
		{"a selector", pod(`{topologyKey: a, labelSelector: {matchLabels: {app: "a b"}, matchExpressions: [{key: a, operator: Gt, values: ["1"]}, {key: "", operator: In, values: ["c d"]}]}}`), []string{
			podAt + `[0].labelSelector.matchLabels[app]: "a b" is not a label's value`,
			podAt + `[0].labelSelector.matchExpressions[0].operator: "Gt" is none of In, NotIn, Exists, DoesNotExist`,
			podAt + `[0].labelSelector.matchExpressions[1].key: "" is not a label's key`,
			podAt + `[0].labelSelector.matchExpressions[1].values[0]: "c d" is not a label's value`,
		}},
		{"a selector of namespaces", pod(`{topologyKey: a, namespaceSelector: {matchLabels: {"a b": c}}}`), []string{podAt + `[0].namespaceSelector.matchLabels: "a b" is not a label's key`}},
		{"all at once", `{nodeAffinity: {` + preferred + `: [{weight: 101}]}, podAffinity: {` + preferred + `: [{weight: 5}]}, podAntiAffinity: {` + required + `: [{}], ` + preferred + `: [{weight: -1, podAffinityTerm: {}}]}}`, []string{
			preferredAt + "[0].weight: 101 is not from 1 to 100",
			"pod.affinity.podAffinity." + preferred + "[0].podAffinityTerm.topologyKey: not set",
			"pod.affinity.podAntiAffinity." + required + "[0].topologyKey: not set",
			"pod.affinity.podAntiAffinity." + preferred + "[0].weight: -1 is not from 1 to 100",
			"pod.affinity.podAntiAffinity." + preferred + "[0].podAffinityTerm.topologyKey: not set",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var parsed any
			require.NoError(t, yaml.Unmarshal([]byte(strings.ReplaceAll(test.affinity, "\t", " ")), &parsed))
			raw, err := json.Marshal(parsed)
			require.NoError(t, err)
			args := validArgs()
			args.Pod = &PodArgs{Affinity: &corev1.Affinity{}}
			require.NoError(t, settings.Decode("affinity", string(raw), args.Pod.Affinity))
			err = args.Validate()
			if test.want == nil {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			got := strings.Split(err.Error(), "\n")
			require.Len(t, got, len(test.want), err)
			for i, want := range test.want {
				require.True(t, strings.HasPrefix(got[i], want), "%s\n%s", want, got[i])
			}
		})
	}
}
