package toolchain

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMissing_NamesOnlyWhatIsNotThere(t *testing.T) {
	t.Parallel()
	there := requirement{debian: "here", present: func() bool { return true }}
	gone := requirement{debian: "gone", present: func() bool { return false }}
	absent := missing([]requirement{there, gone, there})
	require.Len(t, absent, 1)
	require.Equal(t, "gone", absent[0].debian)
	require.NoError(t, provideSystem(t.Context(), t.TempDir(), nil, func(string, ...any) {}))
}

func TestAdviseSystem_SaysWhatToDo(t *testing.T) {
	t.Parallel()
	err := adviseSystem(requirements(true)[:1], []string{"nftables"})
	require.ErrorContains(t, err, "nftables is missing: the node's services")
	require.ErrorContains(t, err, "install")
}

func TestRequirements_AskForACompilerOnlyToBuildRunc(t *testing.T) {
	t.Parallel()
	require.Len(t, requirements(false), 1)
	require.Greater(t, len(requirements(true)), 1)
}
