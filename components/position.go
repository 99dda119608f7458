package components

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi/internals"
)

// position is a component's place in the program, from which the URNs of its resources follow.
type position struct {
	name string
	// parentTypes are the types of its parents as URNs have them, such as website$, or nothing.
	parentTypes string
	// former are the names that it had according to its aliases. With any alias, it may have had
	// other parents as well, so that it has moved.
	former []string
	moved  bool
}

// positionOf is the position of a component with these options. It waits for the parent, as
// the component does in any case. Within a provider of components, nothing but the parent's
// URN is known of it.
func positionOf(ctx *pulumi.Context, name string, options *pulumi.ResourceOptions) (position, error) {
	p := position{name: name, former: formerNames(options), moved: len(options.Aliases) > 0}
	if options.Parent == nil {
		return p, nil
	}
	parent, err := internals.UnsafeAwaitOutput(ctx.Context(), options.Parent.URN())
	if err != nil {
		return p, fmt.Errorf("awaiting the parent of component %s: %w", name, err)
	}
	if urn, _ := parent.Value.(pulumi.URN); urn != "" {
		if types := resource.URN(urn).QualifiedType(); types != resource.RootStackType {
			p.parentTypes = string(types) + "$"
		}
	}
	return p, nil
}

// String is the component in messages, and tells it from all others of the program.
func (p position) String() string {
	if p.parentTypes == "" {
		return strconv.Quote(p.name)
	}
	return fmt.Sprintf("%q below %s", p.name, strings.TrimSuffix(p.parentTypes, "$"))
}

// hook is the name of the component's hook with a role. The engine refuses a name that
// another hook of the program has.
func (p position) hook(role string) string { return p.parentTypes + logicalName(p.name, role) }

// ownsURN reports whether a URN is of a component below the same parents, or below any if the
// component may have been there. Their types are between the last :: and the component's type:
// urn:pulumi:prod::home::website$k8s-tunnel:index:CloudflareTunnel::edge.
func (p position) ownsURN(urn string) bool {
	before, _, _ := strings.Cut(urn, CloudflareTunnelType)
	return p.moved || before[strings.LastIndex(before, "::")+len("::"):] == p.parentTypes
}

// formerNames are the names that the component had according to its aliases.
func formerNames(options *pulumi.ResourceOptions) []string {
	var all []string
	for _, alias := range options.Aliases {
		if name, ok := alias.Name.(pulumi.String); ok {
			all = append(all, string(name))
		}
		if urn, ok := alias.URN.(pulumi.URN); ok {
			all = append(all, string(urn[strings.LastIndex(string(urn), "::")+len("::"):]))
		}
	}
	return all
}
