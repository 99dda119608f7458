package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// display returns a progress whose clock stands still until it is moved.
func display(width int) (*progress, *bytes.Buffer, *time.Time) {
	var out bytes.Buffer
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	shown := newProgress(&out)
	shown.width, shown.now = width, func() time.Time { return clock }
	shown.total, shown.beat = 3, clock
	return shown, &out, &clock
}

func TestProgress_WritesPlainLinesIntoALog(t *testing.T) {
	t.Parallel()
	shown, out, clock := display(0)
	shown.started("node")
	shown.tick()
	*clock = clock.Add(31 * time.Second)
	shown.tick()
	shown.tick()
	shown.started("runc")
	*clock = clock.Add(40 * time.Second)
	shown.finished("node", nil)
	shown.finished("runc", errors.New("no"))
	shown.started("skipper")
	shown.finished("skipper", fmt.Errorf("building: %w", context.Canceled))
	require.Equal(t, "building node (1 of 3) …\n"+
		"still building node 31 s\n"+
		"building runc (2 of 3) …\n"+
		"built node in 1 min 11 s\n"+
		"failed to build runc in 40 s\n"+
		"building skipper (3 of 3) …\n"+
		"stopped building skipper after 0.0 s\n", out.String())
}

func TestProgress_RewritesALineOnATerminal(t *testing.T) {
	t.Parallel()
	const wipe = "\r\x1b[K"
	shown, out, clock := display(41)
	shown.started("node")
	require.Equal(t, wipe+"building 1 of 3: node 0.0 s", out.String())
	out.Reset()
	*clock = clock.Add(75 * time.Second)
	shown.tick()
	require.Equal(t, wipe+"building 1 of 3: node 1 min 15 s", out.String())
	out.Reset()
	shown.started("kubernetes-plugin")
	require.Equal(t, wipe+"building 2 of 3: node 1 min 15 s, kubern", out.String(), "a line that wraps couldn't be rewritten")
	out.Reset()
	shown.say("note")
	require.Equal(t, wipe+"note\n"+wipe+"building 2 of 3: node 1 min 15 s, kubern", out.String())
	out.Reset()
	shown.finished("node", nil)
	require.Equal(t, wipe+"built node in 1 min 15 s\n"+wipe+"building 2 of 3: kubernetes-plugin 0.0 s", out.String())
}

func TestElapsed(t *testing.T) {
	t.Parallel()
	tests := map[time.Duration]string{
		340 * time.Millisecond:   "0.3 s",
		9 * time.Second:          "9.0 s",
		42 * time.Second:         "42 s",
		59600 * time.Millisecond: "1 min 00 s",
		305 * time.Second:        "5 min 05 s",
	}
	for duration, want := range tests {
		require.Equal(t, want, elapsed(duration))
	}
}

func TestProgress_CountsOnlyWhatIsBuilt(t *testing.T) {
	t.Parallel()
	shown, out, _ := display(0)
	shown.fewer()
	shown.started("node")
	require.Equal(t, "building node (1 of 2) …\n", out.String())
}
