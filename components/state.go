package components

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"k8s-tunnel/components/names"
)

// lastState is what the component knows of itself from the state, before it declares
// anything.
type lastState struct {
	// identity is its random identity, or nothing before the first update.
	identity string
	// tunnelID is the ID of the tunnel that it had after the last update.
	tunnelID string
	// existing says that this was an existing tunnel, which the component hasn't made.
	existing bool
	// records are the full names of its records, by their logical names.
	records map[string]string
	// targets are what these records lead to, by full names in lower case and the xn-- form.
	targets map[string]string
}

// readState reads the outputs of the component's own resources in the state. They are
// there even if the last update was interrupted.
func readState(ctx *pulumi.Context, name string) (lastState, error) {
	var state struct {
		Resources map[string]struct {
			Outputs map[string]any `pulumi:"outputs"`
		} `pulumi:"outputs"`
	}
	args := struct {
		StackName string `pulumi:"stackName"`
	}{ctx.Organization() + "/" + ctx.Project() + "/" + ctx.Stack()}
	// Among the outputs are secrets, which stay here.
	if _, err := ctx.InvokePackageRaw("pulumi:pulumi:readStackResourceOutputs", &args, &state, ""); err != nil {
		return lastState{}, fmt.Errorf("reading the state of stack %s: %w", args.StackName, err)
	}
	const recordType = CloudflareTunnelType + "$cloudflare:index/record:Record::"
	records, targets := map[string]string{}, map[string]string{}
	for urn, r := range state.Resources {
		if _, logicalName, found := strings.Cut(urn, recordType); found && strings.HasPrefix(logicalName, name+"-") {
			host, _ := r.Outputs["hostname"].(string)
			records[logicalName] = host
			targets[names.ASCII(host)], _ = r.Outputs["content"].(string)
		}
	}
	output := func(urnEnd, key string) string {
		for urn, r := range state.Resources {
			if strings.HasSuffix(urn, urnEnd) {
				value, _ := r.Outputs[key].(string)
				return value
			}
		}
		return ""
	}
	existing := func(urn string) bool {
		return strings.HasSuffix(urn, "ZeroTrustTunnelCloudflared::"+name+existingTunnelSuffix)
	}
	return lastState{
		identity: output(CloudflareTunnelType+"$random:index/randomId:RandomId::"+name+identitySuffix, "hex"),
		tunnelID: output(CloudflareTunnelType+"::"+name, "tunnelId"),
		existing: slices.ContainsFunc(slices.Collect(maps.Keys(state.Resources)), existing),
		records:  records,
		targets:  targets,
	}, nil
}
