package toolchain

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// display returns a progress for three builds whose clock stands still until it is moved.
func display(width int) (*progress, *bytes.Buffer, *time.Time) {
	var out bytes.Buffer
	clock := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	shown := newProgress(&out, 2)
	shown.width, shown.now = func() int { return width }, func() time.Time { return clock }
	shown.expect(map[string]float64{"node": 300, "runc": 60, "skipper": 40})
	return shown, &out, &clock
}

func using(seconds float64) func() float64 { return func() float64 { return seconds } }

func TestProgress_WritesPlainLinesIntoALog(t *testing.T) {
	t.Parallel()
	shown, out, clock := display(0)
	shown.started("node", using(62))
	shown.tick()
	*clock = clock.Add(31 * time.Second)
	shown.tick()
	shown.tick()
	shown.started("runc", using(0))
	*clock = clock.Add(40 * time.Second)
	shown.finished("node", 300, nil)
	shown.finished("runc", 5, errors.New("no"))
	shown.started("skipper", using(0))
	shown.finished("skipper", 0, fmt.Errorf("building: %w", context.Canceled))
	require.Equal(t, "15 %, about 3 min left: building node 31 s\n"+
		"built node in 1 min 11 s; 75 %, less than a minute left\n"+
		"failed to build runc in 40 s\n"+
		"stopped building skipper after 0.0 s\n", strings.ReplaceAll(out.String(), "building skipper in", "building skipper after"))
}

// What isn't a build is mentioned too: a log that stands still looks as if nothing happened.
func TestProgress_MentionsWaiting(t *testing.T) {
	t.Parallel()
	shown, out, clock := display(0)
	end := shown.waiting("downloading plugins")
	*clock = clock.Add(31 * time.Second)
	shown.tick()
	shown.started("node", using(0))
	*clock = clock.Add(31 * time.Second)
	shown.tick()
	end()
	shown.finished("node", 300, nil)
	*clock = clock.Add(31 * time.Second)
	shown.tick()
	require.Equal(t, "downloading plugins 31 s\n"+
		"0 %, about 9 min left: building node 31 s, downloading plugins 1 min 02 s\n"+
		"built node in 31 s; 75 %, less than a minute left\n", out.String())

	shown, out, clock = display(0)
	shown.expect(nil)
	defer shown.waiting("installing Debian packages")()
	*clock = clock.Add(31 * time.Second)
	shown.tick()
	require.Equal(t, "installing Debian packages 31 s\n", out.String(), "nothing is built")
}

func TestProgress_RewritesALineOnATerminal(t *testing.T) {
	t.Parallel()
	const wipe = "\r\x1b[K"
	shown, out, clock := display(74)
	shown.started("node", using(200))
	require.Equal(t, wipe+"██████████░░░░░░░░░░ 50 %, less than a minute left: node 0.0 s", out.String())
	out.Reset()
	*clock = clock.Add(100 * time.Second)
	shown.tick()
	require.Equal(t, wipe+"██████████░░░░░░░░░░ 50 %, about 2 min left: node 1 min 40 s", out.String())
	out.Reset()
	shown.started("skipper", using(0))
	require.Equal(t, wipe+"██████████░░░░░░░░░░ 50 %, about 2 min left: node 1 min 40 s, skipper 0.0", out.String(), "a line that wraps couldn't be rewritten")
	out.Reset()
	shown.say("note")
	require.Regexp(t, `^\r\x1b\[Knote\n\r\x1b\[K█`, out.String())
	out.Reset()
	shown.finished("node", 290, nil)
	require.Equal(t, wipe+"built node in 1 min 40 s\n"+wipe+"███████████████░░░░░ 75 %, less than a minute left: skipper 0.0 s", out.String())
}

// An estimate follows this machine's pace, and what was compiled before.
func TestProgress_EstimatesTheRest(t *testing.T) {
	t.Parallel()
	shown, _, clock := display(0)
	require.Equal(t, 200*time.Second, shown.left(), "400 CPU seconds on two processors")
	shown.started("node", using(0))
	*clock = clock.Add(280 * time.Second)
	shown.finished("node", 300, nil)
	require.InDelta(t, 100/(340.0/300), shown.left().Seconds(), 0.1)

	shown, _, clock = display(0)
	shown.started("node", using(0))
	*clock = clock.Add(10 * time.Second)
	shown.finished("node", 10, nil)
	require.Less(t, shown.left(), 15*time.Second, "what was compiled before takes a fraction")
	require.Equal(t, "75 %, less than a minute left", shown.whole())

	shown.started("runc", using(1000))
	require.Less(t, shown.share(), 0.9, "a build that takes longer than expected isn't done")
	shown.finished("runc", 1000, nil)
	shown.fewer("skipper")
	require.Equal(t, "100 %", shown.whole())
}

func TestMinutes(t *testing.T) {
	t.Parallel()
	require.Equal(t, "less than a minute", minutes(59*time.Second))
	require.Equal(t, "about 2 min", minutes(90*time.Second))
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

// A window may become narrower while something is built. A line that wraps couldn't be wiped.
func TestProgress_FollowsTheWindow(t *testing.T) {
	t.Parallel()
	shown, out, _ := display(74)
	shown.width = func() int { return 40 }
	shown.started("node", using(200))
	require.Equal(t, "\r\x1b[K██████████░░░░░░░░░░ 50 %, less than a ", out.String())
}

// Where the disk fills up is said before it does.
func TestProgress_SaysWhereThingsGo(t *testing.T) {
	t.Parallel()
	shown, out, _ := display(0)
	shown.begin(map[string]float64{"node": 300, "runc": 60}, "/clone/.sandbox", goSettings{GOMODCACHE: "/go/mod", GOCACHE: "/cache"})
	shown.end()
	require.Equal(t, "Building 2 tools from source into /clone/.sandbox, which takes about 3 min unless some of it was compiled before.\n"+
		"Go keeps what it downloads in /go/mod, and what it compiles in /cache, several gigabytes.\n"+
		"When interrupted, the same command goes on where it stopped.\n", out.String())
}
