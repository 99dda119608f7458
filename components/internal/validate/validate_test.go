package validate_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/validate"
)

func TestValidate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		got     error
		wantErr string // empty: valid
	}{
		{"port", validate.Port("port", 65535), ""},
		{"no port", validate.Port("port", 0), "port: 0 is not a port"},
		{"port too high", validate.Port("port", 65536), "port: 65536 is not a port"},
		{"range", validate.CIDR("cidr", "10.0.0.0/8"), ""},
		{"address", validate.CIDR("cidr", "10.0.0.1"), `cidr: "10.0.0.1" is not a range`},
		{"host in a range", validate.CIDR("cidr", "10.0.0.1/8"), "use 10.0.0.0/8"},
		{"namespace", validate.Namespace("namespace", "web-1"), ""},
		{"namespace with a dot", validate.Namespace("namespace", "web.1"), `namespace: "web.1" is not a namespace's name`},
		{"long namespace", validate.Namespace("namespace", strings.Repeat("a", 64)), "at most 63"},
		{"object", validate.ObjectName("name", "web.1", "a Secret"), ""},
		{"object with an empty label", validate.ObjectName("name", "a..b", "a Secret"), `name: "a..b" is not the name of a Secret`},
		{"key", validate.Key("keys[0]", "ca.crt"), ""},
		{"key with a slash", validate.Key("keys[0]", "ca/ca.crt"), `keys[0]: "ca/ca.crt" is not a key`},
		{"labels", validate.Labels("labels", map[string]string{"example.com/team": "Home_1", "x": ""}), ""},
		{"label's key", validate.Labels("labels", map[string]string{"a..b/c": "x"}), `labels: "a..b/c" is not a label's key`},
		{"label's value", validate.Labels("labels", map[string]string{"a": "-"}), `labels[a]: "-" is not a label's value`},
		{"annotation", validate.Annotations("annotations", map[string]string{"a": "any text"}), ""},
		{"annotation of a domain in capitals", validate.Annotations("annotations", map[string]string{"Example.com/team": "x"}), ""},
		{"label of a domain in capitals", validate.Labels("labels", map[string]string{"Example.com/team": "x"}), `labels: "Example.com/team" is not a label's key`},
		{"annotation's key", validate.Annotations("annotations", map[string]string{"a b": "x"}), `annotations: "a b" is not an annotation's key`},
		{"milli", validate.Quantity("cpu", "100m"), ""},
		{"binary", validate.Quantity("memory", "128Mi"), ""},
		{"exponent", validate.Quantity("memory", "1e3"), ""},
		{"unit that isn't", validate.Quantity("memory", "128MB"), `memory: "128MB" is not a quantity`},
		{"negative", validate.Quantity("memory", "-1"), "is not a quantity"},
		{"nothing", validate.Quantity("memory", ""), "is not a quantity"},
		{"resource", validate.Resource("limits", "ephemeral-storage"), ""},
		{"pages", validate.Resource("limits", "hugepages-2Mi"), ""},
		{"resource of a domain", validate.Resource("limits", "example.com/gpu"), ""},
		{"resource of a bad domain", validate.Resource("limits", "a..b/gpu"), `limits: "a..b/gpu" is not a resource`},
		{"abbreviated resource", validate.Resource("limits", "mem"), "; did you mean memory?"},
		{"resource in capitals", validate.Resource("limits", "CPU"), "; did you mean cpu?"},
		{"resource that isn't", validate.Resource("limits", "ram"), "such as example.com/gpu"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			if test.wantErr == "" {
				require.NoError(t, test.got)
				return
			}
			require.ErrorContains(t, test.got, test.wantErr)
		})
	}
}
