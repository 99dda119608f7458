package laststate_test

import (
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/laststate"
	"k8s-tunnel/components/internal/plantest"
)

// A state is found in backends with and without projects.
func TestResources(t *testing.T) {
	t.Parallel()
	for _, legacy := range []bool{false, true} {
		engine := &plantest.Engine{Legacy: legacy, State: map[string]resource.PropertyMap{"type::name": {"text": resource.NewProperty("value")}}}
		var got map[string]laststate.Outputs
		require.NoError(t, engine.Run(func(ctx *pulumi.Context) (err error) {
			got, err = laststate.Resources(ctx)
			return err
		}))
		require.Equal(t, map[string]laststate.Outputs{"urn:pulumi:test::k8s-tunnel::type::name": {"text": "value"}}, got)
	}
}
