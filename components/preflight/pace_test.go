package preflight_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/preflight"
)

func TestPace(t *testing.T) {
	t.Parallel()
	for names, want := range map[int]int{1: 25, 2: 25, 100: 25, 101: 3, 1000: 3} {
		require.Equal(t, want, preflight.Pace(names), "%d names", names)
	}
}
