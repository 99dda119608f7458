package world

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck_RefusesWhatListsOfPathsCannotHold(t *testing.T) {
	t.Parallel()
	w := &World{Root: "/clones/12:30", Name: DefaultName, NoCluster: true}
	require.ErrorContains(t, w.check(nil), "contains a colon")
	w.Root = "/clones/12.30"
	require.NoError(t, w.check(nil))
}
