// Package laststate reads what the stack's last update has recorded.
package laststate

import (
	"fmt"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
)

// Outputs are a resource's outputs in the state.
type Outputs map[string]any

// Resources reads the outputs of all resources in the state of a program's own stack, by
// their URNs. What still awaits its deletion there isn't among them. The outputs of
// resources are there even if the last update was interrupted, but those of components
// aren't.
//
// Among the outputs are secrets in the clear.
func Resources(ctx *pulumi.Context) (map[string]Outputs, error) {
	name := ctx.Organization() + "/" + ctx.Project() + "/" + ctx.Stack()
	all, err := read(ctx, name)
	if err != nil && ctx.Organization() == selfManaged {
		// A backend from before 2023 may still have stacks without projects.
		if all, legacyErr := read(ctx, ctx.Stack()); legacyErr == nil {
			return all, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("reading the state of stack %s: %w", name, err)
	}
	return all, nil
}

// selfManaged is the organization of all stacks in a directory, a bucket or a database.
const selfManaged = "organization"

func read(ctx *pulumi.Context, stack string) (map[string]Outputs, error) {
	var state struct {
		Resources map[string]struct {
			Outputs Outputs `pulumi:"outputs"`
		} `pulumi:"outputs"`
	}
	args := struct {
		StackName string `pulumi:"stackName"`
	}{stack}
	if _, err := ctx.InvokePackageRaw("pulumi:pulumi:readStackResourceOutputs", &args, &state, ""); err != nil {
		return nil, err //nolint:wrapcheck // the caller does
	}
	all := map[string]Outputs{}
	for urn, resource := range state.Resources {
		all[urn] = resource.Outputs
	}
	return all, nil
}

// In returns the object within an output, which is empty if there is none.
func (o Outputs) In(key string) Outputs {
	inner, _ := o[key].(map[string]any)
	return inner
}

// Text is an output that is a text, or nothing.
func (o Outputs) Text(key string) string {
	text, _ := o[key].(string)
	return text
}

// Number is an output that is a whole number, or 0.
func (o Outputs) Number(key string) int {
	number, _ := o[key].(float64)
	return int(number)
}
