// Package validate checks values by Kubernetes' own rules. Each function returns
// an error that begins with the path of the argument, says what is wrong and
// what is expected.
package validate

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/util/validation"
)

// Port checks a port number.
func Port(path string, port int) error {
	if port < 1 || port > 65535 {
		return fmt.Errorf("%s: %d is not a port from 1 to 65535", path, port)
	}
	return nil
}

// CIDR checks a range of addresses.
func CIDR(path, cidr string) error {
	prefix, err := netip.ParsePrefix(cidr)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %q is not a range of addresses, such as 192.0.2.10/32", path, cidr)
	case prefix != prefix.Masked():
		return fmt.Errorf("%s: %q has bits set beyond its length; use %s", path, cidr, prefix.Masked())
	}
	return nil
}

// Namespace checks a namespace's name.
func Namespace(path, name string) error {
	if len(validation.IsDNS1123Label(name)) > 0 {
		return fmt.Errorf("%s: %q is not a namespace's name: lower-case letters, digits and inner hyphens, at most 63 characters", path, name)
	}
	return nil
}

// ObjectName checks the name of an object that allows the usual characters. kind
// is the object's kind, with an article, such as "a Secret".
func ObjectName(path, name, kind string) error {
	if len(validation.IsDNS1123Subdomain(name)) > 0 {
		return fmt.Errorf("%s: %q is not the name of %s: lower-case letters, digits, inner hyphens and dots, at most 253 characters", path, name, kind)
	}
	return nil
}

// Key checks a key of a ConfigMap or a Secret.
func Key(path, key string) error {
	if len(validation.IsConfigMapKey(key)) > 0 {
		return fmt.Errorf("%s: %q is not a key: letters, digits, hyphens, dots and underscores, at most 253 characters", path, key)
	}
	return nil
}

// Labels checks keys and values of labels.
func Labels(path string, labels map[string]string) error {
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(labels)) {
		problems = append(problems, LabelKey(path, key), LabelValue(fmt.Sprintf("%s[%s]", path, key), labels[key]))
	}
	return errors.Join(problems...)
}

// LabelKey checks the key of a label.
func LabelKey(path, key string) error {
	if len(validation.IsQualifiedName(key)) > 0 {
		return fmt.Errorf("%s: %q is not a label's key, such as example.com/team", path, key)
	}
	return nil
}

// LabelValue checks the value of a label.
func LabelValue(path, value string) error {
	if len(validation.IsValidLabelValue(value)) > 0 {
		return fmt.Errorf("%s: %q is not a label's value: letters, digits, inner dots, hyphens and underscores, at most 63 characters", path, value)
	}
	return nil
}

// Annotations checks keys of annotations; their values may be anything.
func Annotations(path string, annotations map[string]string) error {
	var problems []error
	for _, key := range slices.Sorted(maps.Keys(annotations)) {
		if len(validation.IsQualifiedName(strings.ToLower(key))) > 0 { // in annotations, case doesn't matter
			problems = append(problems, fmt.Errorf("%s: %q is not an annotation's key, such as example.com/team", path, key))
		}
	}
	return errors.Join(problems...)
}

// resources are those that every node has.
var resources = []string{"cpu", "memory", "ephemeral-storage"}

// Resource checks the name of a resource of containers.
func Resource(path, name string) error {
	if slices.Contains(resources, name) || strings.HasPrefix(name, "hugepages-") || strings.Contains(name, "/") && len(validation.IsQualifiedName(name)) == 0 {
		return nil
	}
	problem := fmt.Sprintf("%s: %q is not a resource: cpu, memory, ephemeral-storage, hugepages-2Mi and the like, or one with a domain, such as example.com/gpu", path, name)
	for _, resource := range resources {
		if name != "" && strings.Contains(resource, strings.ToLower(name)) {
			problem += "; did you mean " + resource + "?"
		}
	}
	return errors.New(problem)
}

// Quantity checks an amount of a resource.
func Quantity(path, quantity string) error {
	q, err := resource.ParseQuantity(quantity)
	if err != nil || q.Sign() < 0 {
		return fmt.Errorf("%s: %q is not a quantity, such as 100m or 128Mi", path, quantity)
	}
	return nil
}

// Compare compares two valid quantities, as cmp.Compare does.
func Compare(quantity, other string) int {
	a, b := resource.MustParse(quantity), resource.MustParse(other)
	return a.Cmp(b)
}
