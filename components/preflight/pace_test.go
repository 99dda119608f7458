package preflight

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPace(t *testing.T) {
	t.Parallel()
	for names, want := range map[int]int{1: 25, 2: 25, 100: 25, 101: 3, 1000: 3} {
		require.Equal(t, want, Pace(names), "%d names", names)
	}
	const rotation = 3 // calls for a name: it is read, changed, and read back
	require.LessOrEqual(t, fastNames*(CallsPerName+rotation), allowance, "two commands may follow each other")
}

// Whatever the names need, the program and the provider together make fewer calls than Cloudflare allows.
func TestTakeOverPace(t *testing.T) {
	t.Parallel()
	pace := takeOverPace(Pace(1000))
	require.Positive(t, pace)
	require.Less(t, (float64(Pace(1000))+pace)*window, float64(allowance))
	for rps, want := range map[int]float64{1: 0.25, 4: 1, 5: 5, 25: 25} {
		require.InDelta(t, want, takeOverPace(rps), 0, "%d calls a second", rps)
	}
}
