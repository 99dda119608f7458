package components

import (
	"runtime"
	"testing"
	"time"
	"weak"

	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/internal/plantest"
)

// Before the first update, only the program knows that two of its components want the same.
func TestCloudflareTunnel_SameNames(t *testing.T) {
	t.Parallel()
	api := apitest.New(t, apitest.NewZone("zone", "example.com", "account"))
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: plantest.TunnelID, Name: "by-hand"}}
	with := func(hosts ...string) *CloudflareTunnelArgs {
		args := validArgs()
		args.API, args.Domain, args.Hostnames, args.ExistingTunnel = apiArgs(api), "", hosts, plantest.TunnelID
		return args
	}
	var program weak.Pointer[pulumi.Context]
	r := &plantest.Engine{}
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error {
		program = weak.Make(ctx)
		require.NoError(t, with("a.example.com", "b.example.com").Check(ctx, "edge"))
		require.NoError(t, with("a.example.com").Check(ctx, "edge"), "it has given up the other name")

		other := with("b.example.com", "a.example.com")
		err := other.Check(ctx, "other")
		require.ErrorContains(t, err, `hostnames[1]: a.example.com leads to component "edge" of the same program; remove it from one of the two`)
		other.Hostnames, other.ExistingTunnel = []string{"b.example.com"}, ""
		return other.Check(ctx, "other")
	}))
	require.NoError(t, r.Run(func(ctx *pulumi.Context) error { return with("a.example.com").Check(ctx, "other") }), "in another program")
	require.Eventually(t, func() bool {
		runtime.GC()
		claims.Lock()
		defer claims.Unlock()
		_, known := claims.of[program]
		return !known
	}, time.Minute, 10*time.Millisecond, "a program that has ended is forgotten")
}
