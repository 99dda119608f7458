package edge

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

func add(t *testing.T, tb *table, tunnel, client uuid.UUID, addr string, c carrier) *connection {
	t.Helper()
	conn, replaced, err := tb.add(state.Connection{ID: uuid.New(), TunnelID: tunnel, ClientID: client, EdgeAddr: addr}, c, false)
	require.NoError(t, err)
	require.Empty(t, replaced)
	return conn
}

func isIdle(c *connection) bool {
	select {
	case <-c.idle:
		return true
	default:
		return false
	}
}

func TestTable_SpreadsRequests(t *testing.T) {
	t.Parallel()
	tb, tunnel := newTable(nil), uuid.New()
	a := add(t, tb, tunnel, uuid.New(), "1", nil)
	b := add(t, tb, tunnel, uuid.New(), "2", nil)
	add(t, tb, uuid.New(), uuid.New(), "1", nil) // another tunnel's
	picked := map[*connection]int{}
	for range 1000 {
		picked[tb.acquire(tunnel, nil)]++
	}
	require.Len(t, picked, 2)
	require.Greater(t, picked[a], 300)
	require.Greater(t, picked[b], 300)
	require.Same(t, b, tb.acquire(tunnel, []*connection{a}))
	require.Nil(t, tb.acquire(tunnel, []*connection{a, b}))
}

func TestTable_DrainsAfterTheLastRequest(t *testing.T) {
	t.Parallel()
	tb, tunnel := newTable(nil), uuid.New()
	c := add(t, tb, tunnel, uuid.New(), "1", nil)
	require.Same(t, c, tb.acquire(tunnel, nil))
	require.Same(t, c, tb.acquire(tunnel, nil))
	tb.drain(c)
	require.Nil(t, tb.acquire(tunnel, nil), "a draining connection gets no new request")
	require.True(t, tb.list(tunnel)[0].Draining)
	tb.release(c)
	require.False(t, isIdle(c))
	tb.release(c)
	require.True(t, isIdle(c))

	unused := add(t, tb, tunnel, uuid.New(), "1", nil)
	require.False(t, isIdle(unused), "idle is the end of draining, not having nothing to do")
	tb.drain(unused)
	tb.drain(unused)
	require.True(t, isIdle(unused))
}

func TestTable_OneConnectionPerConnectorAndAddress(t *testing.T) {
	t.Parallel()
	tb, tunnel, client := newTable(nil), uuid.New(), uuid.New()
	first := add(t, tb, tunnel, client, "1", nil)
	add(t, tb, tunnel, client, "2", nil)
	add(t, tb, tunnel, uuid.New(), "1", nil)

	again := state.Connection{TunnelID: tunnel, ClientID: client, EdgeAddr: "1"}
	_, _, err := tb.add(again, nil, false)
	require.EqualError(t, err, "EDUPCONN")
	_, replaced, err := tb.add(again, nil, true)
	require.NoError(t, err)
	require.Equal(t, []*connection{first}, replaced)
	require.Len(t, tb.list(tunnel), 3)

	for _, c := range tb.drainAll() {
		require.NotSame(t, first, c)
	}
	_, _, err = tb.add(again, nil, false)
	require.NoError(t, err, "one that is draining is no obstacle")
}

func TestTable_LimitsConnections(t *testing.T) {
	t.Parallel()
	tb, tunnel, client := newTable(nil), uuid.New(), uuid.New()
	tb.setKept(time.Hour)
	require.Equal(t, 100, tb.most)
	tb.most = 2
	first := add(t, tb, tunnel, client, "1", nil)
	second := add(t, tb, tunnel, client, "2", nil)
	add(t, tb, uuid.New(), uuid.New(), "1", nil) // another tunnel's

	more := state.Connection{TunnelID: tunnel, ClientID: uuid.New(), EdgeAddr: "1"}
	_, _, err := tb.add(more, nil, false)
	require.ErrorIs(t, err, errTooMany)
	_, _, err = tb.add(state.Connection{TunnelID: tunnel, ClientID: client, EdgeAddr: "1"}, nil, false)
	require.ErrorIs(t, err, errDuplicate, "it may try another address")
	back, replaced, err := tb.add(state.Connection{TunnelID: tunnel, ClientID: client, EdgeAddr: "1"}, nil, true)
	require.NoError(t, err, "one that replaces another is no more")
	require.Equal(t, []*connection{first}, replaced)

	tb.drain(second)
	_, _, err = tb.add(more, nil, false)
	require.ErrorIs(t, err, errTooMany, "one that is draining is still there")
	tb.end(back)
	_, _, err = tb.add(more, nil, false)
	require.NoError(t, err, "one that broke isn't")
}

func TestTable_LagHoldsForNewConnectionsOnly(t *testing.T) {
	t.Parallel()
	tb, tunnel := newTable(nil), uuid.New()
	old := add(t, tb, tunnel, uuid.New(), "1", nil)
	tb.setLag(50 * time.Millisecond)
	late := add(t, tb, tunnel, uuid.New(), "2", nil)
	require.Nil(t, tb.acquire(tunnel, []*connection{old}))
	require.Same(t, old, tb.acquire(tunnel, nil))
	require.Eventually(t, func() bool { return tb.acquire(tunnel, []*connection{old}) == late },
		5*time.Second, 5*time.Millisecond)
}

func TestTable_TellsOfChanges(t *testing.T) {
	t.Parallel()
	var told []int
	tunnel := uuid.New()
	var tb *table
	tb = newTable(func(id uuid.UUID, n int) {
		require.Equal(t, tunnel, id)
		require.Len(t, tb.list(id), n, "the listener may ask back")
		told = append(told, n)
	})
	a := add(t, tb, tunnel, uuid.New(), "1", nil)
	b := add(t, tb, tunnel, uuid.New(), "2", nil)
	tb.remove(a)
	require.Equal(t, []*connection{b}, tb.removeAll(tunnel, &b.ClientID))
	require.Empty(t, tb.removeAll(tunnel, nil))
	require.Equal(t, []int{1, 2, 1, 0, 0}, told)
}

func TestTable_KeepsTheLastConfiguration(t *testing.T) {
	t.Parallel()
	tb, tunnel := newTable(nil), uuid.New()
	_, ok := tb.configuration(tunnel)
	require.False(t, ok)
	tb.configure(tunnel, []byte(`{"a":1}`))
	tb.configure(tunnel, []byte(`{"a":2}`))
	config, ok := tb.configuration(tunnel)
	require.True(t, ok)
	require.JSONEq(t, `{"a":2}`, string(config))
}

func TestTable_KeepsConnectionsThatBroke(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tunnel, client := uuid.New(), uuid.New()
		var told []int
		tb := newTable(func(_ uuid.UUID, n int) { told = append(told, n) })
		tb.setKept(time.Minute)
		broke := add(t, tb, tunnel, client, "1", nil)
		left := add(t, tb, tunnel, client, "2", nil)
		tb.drain(left)
		tb.end(left)
		tb.end(broke)
		require.Equal(t, []int{1, 2, 1, 0}, told)
		require.Nil(t, tb.acquire(tunnel, nil), "it takes no request")
		listed := tb.list(tunnel)
		require.Len(t, listed, 1, "one that has unregistered is gone at once")
		require.True(t, listed[0].PendingReconnect)
		require.Equal(t, broke.ID, listed[0].ID)

		time.Sleep(59 * time.Second)
		require.Len(t, tb.list(tunnel), 1)
		time.Sleep(time.Second)
		require.Empty(t, tb.list(tunnel))
	})
}

func TestTable_ConnectionsThatBrokeGiveWay(t *testing.T) {
	t.Parallel()
	tb, tunnel, client := newTable(nil), uuid.New(), uuid.New()
	tb.setKept(time.Hour)
	broke := add(t, tb, tunnel, client, "1", nil)
	tb.end(broke)
	back := state.Connection{ID: uuid.New(), TunnelID: tunnel, ClientID: client, EdgeAddr: "1"}
	_, replaced, err := tb.add(back, nil, false)
	require.NoError(t, err, "to the same connector")
	require.Equal(t, []*connection{broke}, replaced)
	require.Len(t, tb.list(tunnel), 1)

	for _, c := range tb.conns[tunnel] {
		tb.end(c)
	}
	require.Len(t, tb.removeAll(tunnel, nil), 1, "to a clean-up")
	require.Empty(t, tb.list(tunnel))

	cleaned := add(t, tb, tunnel, client, "1", nil)
	require.Len(t, tb.removeAll(tunnel, nil), 1)
	tb.end(cleaned)
	require.Empty(t, tb.list(tunnel), "what was cleaned up doesn't come back when its transport ends")

	tb.end(add(t, tb, tunnel, client, "1", nil))
	tb.setKept(0)
	require.Empty(t, tb.list(tunnel), "and when they are no longer kept")
}
