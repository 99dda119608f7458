package world

import (
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCheck_RefusesWhatListsOfPathsCannotHold(t *testing.T) {
	t.Parallel()
	w := &World{Root: "/clones/12:30", Name: DefaultName, NoCluster: true}
	require.ErrorContains(t, w.check(t.Context(), nil), "contains a colon")
	w.Root = "/clones/12.30"
	require.NoError(t, w.check(t.Context(), nil))
}

// TestUp_ThatIsRefusedLeavesNothing brings a world up whose ports another program has.
func TestUp_ThatIsRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	w := open(t, newClone(t), "refused")
	c := claimed(t, w)
	for _, addr := range []string{w.APIAddr(), w.FrontAddr()} {
		l, err := net.Listen("tcp", addr)
		require.NoError(t, err)
		t.Cleanup(func() { _ = l.Close() })
	}
	err := w.up(t.Context(), io.Discard, c, nil)
	require.EqualError(t, err, "listen tcp "+w.APIAddr()+": bind: address already in use\n"+
		"listen tcp "+w.FrontAddr()+": bind: address already in use\n"+
		"end the program that has what is in use (ss -ltnp shows it)")
	require.NoDirExists(t, w.Dir())
	require.ErrorIs(t, w.Known(), ErrNoAddresses)

	require.NoError(t, w.save()) // by an earlier up
	require.ErrorContains(t, w.up(t.Context(), io.Discard, c, nil), "address already in use")
	require.FileExists(t, w.path(settingsFile))
	require.NoError(t, w.Known())
}
