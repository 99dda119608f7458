package components

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Only the wait for the connectors is limited, by their number.
func TestCloudflareTunnel_RolloutTimeout(t *testing.T) {
	t.Parallel()
	for replicas, want := range map[int]string{1: "240s", DefaultReplicas: "300s", MaxReplicas: "1620s"} {
		args := validArgs()
		args.Replicas = replicas
		for _, r := range declare(t, args).Registrations() {
			if r.Name == "edge-cloudflared" {
				require.Equal(t, [2]string{want, want}, [2]string{r.CreateTimeout, r.UpdateTimeout})
				continue
			}
			require.Empty(t, r.CreateTimeout+r.UpdateTimeout, r.Name)
		}
	}
}

// Everything that is replaced gets another name. If the engine replaced an object under
// its name, new before old, the new one would be the old one, and then be deleted.
func TestCloudflareTunnel_ReplacesByName(t *testing.T) {
	t.Parallel()
	for _, r := range declare(t, validArgs()).Registrations() {
		require.Empty(t, r.ReplaceOnChanges, r.Name)
	}
}
