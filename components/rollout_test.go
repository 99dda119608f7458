package components

import (
	"sync"
	"testing"

	"github.com/pulumi/pulumi/sdk/v3/go/common/resource"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"
)

// timeouts keeps how long each resource may take.
type timeouts struct {
	recorder
	mu     sync.Mutex
	byName map[string][2]string // create, update
}

func (r *timeouts) NewResource(args pulumi.MockResourceArgs) (string, resource.PropertyMap, error) {
	if own := args.RegisterRPC.GetCustomTimeouts(); own.GetCreate()+own.GetUpdate() != "" {
		r.mu.Lock()
		r.byName[args.Name] = [2]string{own.GetCreate(), own.GetUpdate()}
		r.mu.Unlock()
	}
	return r.recorder.NewResource(args)
}

func TestCloudflareTunnel_RolloutTimeout(t *testing.T) {
	t.Parallel()
	for replicas, want := range map[int]string{1: "240s", DefaultReplicas: "300s", MaxReplicas: "1620s"} {
		r := &timeouts{byName: map[string][2]string{}}
		require.NoError(t, pulumi.RunErr(func(ctx *pulumi.Context) error {
			args := validArgs()
			args.Replicas = replicas
			_, err := NewCloudflareTunnel(ctx, "edge", args)
			return err
		}, pulumi.WithMocks("k8s-tunnel", "test", r)))
		require.Equal(t, map[string][2]string{"edge-cloudflared": {want, want}}, r.byName)
	}
}
