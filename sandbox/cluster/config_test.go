package cluster

import (
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestConfig_AddressesFollowTheSlot(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		slot                                                     int
		name, host, node, edge, pods, ofNode, services, api, dns string
	}{
		{0, "k8st0", "10.255.0.1", "10.255.0.2", "10.255.0.11", "10.64.0.0/16", "10.64.0.0/24", "10.65.0.0/16", "10.65.0.1", "10.65.0.10"},
		{1, "k8st1", "10.255.1.1", "10.255.1.2", "10.255.1.11", "10.66.0.0/16", "10.66.0.0/24", "10.67.0.0/16", "10.67.0.1", "10.67.0.10"},
		{31, "k8st31", "10.255.31.1", "10.255.31.2", "10.255.31.11", "10.126.0.0/16", "10.126.0.0/24", "10.127.0.0/16", "10.127.0.1", "10.127.0.10"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := Config{Slot: tt.slot}
			require.Equal(t, tt.name, c.Name())
			require.Equal(t, tt.host, c.HostAddr().String())
			require.Equal(t, tt.node, c.NodeAddr().String())
			require.Equal(t, tt.edge, c.EdgeAddrs()[0].String())
			require.Equal(t, tt.pods, c.PodSubnet().String())
			require.Equal(t, tt.ofNode, c.nodePodSubnet().String())
			require.Equal(t, tt.services, c.ServiceSubnet().String())
			require.Equal(t, tt.api, c.APIServiceAddr().String())
			require.Equal(t, tt.dns, c.DNSAddr().String())
		})
	}
}

func TestConfig_EdgeIsWhereItMayBe(t *testing.T) {
	t.Parallel()
	c := Config{Slot: 2}
	require.Len(t, c.EdgeAddrs(), 4)
	for _, addr := range c.EdgeAddrs() {
		require.True(t, c.edgeRange().Contains(addr), addr)
	}
	for _, other := range []netip.Addr{c.HostAddr(), c.NodeAddr()} {
		require.False(t, c.edgeRange().Contains(other), other)
	}
	require.True(t, c.LinkSubnet().Overlaps(c.edgeRange()))
}

func TestConfig_SlotsDoNotOverlap(t *testing.T) {
	t.Parallel()
	var all []netip.Prefix
	google := netip.MustParsePrefix("10.128.0.0/9") // has the default subnets of Google Cloud's machines
	for slot := 0; slot <= MaxSlot; slot++ {
		c := Config{Slot: slot}
		require.False(t, google.Overlaps(c.PodSubnet()) || google.Overlaps(c.ServiceSubnet()), slot)
		all = append(all, c.LinkSubnet(), c.PodSubnet(), c.ServiceSubnet())
	}
	for i, a := range all {
		require.Equal(t, a.Masked(), a)
		for _, b := range all[:i] {
			require.False(t, a.Overlaps(b), "%s and %s", a, b)
		}
	}
}

func TestConfig_Validate(t *testing.T) {
	t.Parallel()
	good := Config{Slot: 2, Dir: "/var/world/node", BinDir: "/opt/tools"}
	require.NoError(t, good.Validate())
	for name, tt := range map[string]struct {
		change func(*Config)
		want   []string
	}{
		"slot too high":            {func(c *Config) { c.Slot = 32 }, []string{"slot: 32 is not between 0 and 31"}},
		"slot negative":            {func(c *Config) { c.Slot = -1 }, []string{"slot: -1 is not"}},
		"relative directory":       {func(c *Config) { c.Dir = "world" }, []string{`dir: "world" is not an absolute path`}},
		"the root as directory":    {func(c *Config) { c.Dir = "/usr/.." }, []string{"dir: "}},
		"several problems at once": {func(c *Config) { c.Dir, c.BinDir = "", "bin" }, []string{"dir: ", "binDir: "}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := good
			tt.change(&c)
			err := c.Validate()
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}
