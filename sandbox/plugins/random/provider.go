package main

import (
	"context"
	"errors"

	pf "github.com/pulumi/pulumi-terraform-bridge/v3/pkg/pf/tfbridge"
	"github.com/pulumi/pulumi-terraform-bridge/v3/pkg/tfbridge"
	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	upstream "github.com/terraform-providers/terraform-provider-random/internal/provider"
)

// pkg and version are what the plugin's folder and the SDK in go.mod call it. The engine refuses a
// plugin that reports another version than its folder's name promises.
const (
	pkg     = "random"
	version = "4.18.0"
)

// provider maps upstream's resources to the tokens that Pulumi's SDK registers.
func provider(ctx context.Context) tfbridge.ProviderInfo {
	return tfbridge.ProviderInfo{
		P:       pf.ShimProviderWithContext(ctx, upstream.New()),
		Name:    pkg,
		Version: version,
		// The bridge keeps its record of renamed and aliased tokens here. There are none.
		MetadataInfo: tfbridge.NewProviderMetadata([]byte("{}")),
		Resources: map[string]*tfbridge.ResourceInfo{
			"random_bytes": {
				Tok:       tfbridge.MakeResource(pkg, "index", "RandomBytes"),
				ComputeID: bytesID,
			},
			"random_id":       {Tok: tfbridge.MakeResource(pkg, "index", "RandomId")},
			"random_password": {Tok: tfbridge.MakeResource(pkg, "index", "RandomPassword")},
		},
		IgnoreMappings: []string{
			"random_integer", "random_pet", "random_shuffle",
			"random_string", "random_uuid",
		},
	}
}

// bytesID gives random_bytes the ID that upstream doesn't: its value in base64. That is also what
// an import takes and what the official plugin writes, so it has to be this even though an ID is
// not kept secret in the state.
func bytesID(_ context.Context, state resource.PropertyMap) (resource.ID, error) {
	value, ok := state["base64"]
	if !ok {
		return "", errors.New("random_bytes: no base64 in the state that was just made")
	}
	if value.IsSecret() {
		value = value.SecretValue().Element
	}
	if !value.IsString() {
		return "", errors.New("random_bytes: base64 is not a string in the state that was just made")
	}
	return resource.ID(value.StringValue()), nil
}
