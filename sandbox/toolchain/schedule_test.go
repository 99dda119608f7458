package toolchain

import (
	"context"
	"errors"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// trace makes jobs that take a second, and records how many of them run at once and with how much
// memory.
type trace struct {
	mu                 sync.Mutex
	places, mostPlaces int
	memory, mostMemory float64
	order              []string
}

func (tr *trace) job(name string, memory float64, after ...*job) *job {
	return &job{memory: memory, after: after, run: func(context.Context) error {
		tr.mu.Lock()
		tr.places++
		tr.memory += memory
		tr.mostPlaces, tr.mostMemory = max(tr.mostPlaces, tr.places), max(tr.mostMemory, tr.memory)
		tr.order = append(tr.order, name)
		tr.mu.Unlock()
		time.Sleep(time.Second)
		tr.mu.Lock()
		tr.places--
		tr.memory -= memory
		tr.mu.Unlock()
		return nil
	}}
}

func TestRunJobs_KeepsToItsLimits(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		limits     limits
		wantPlaces int
		wantMemory float64
		wantTime   time.Duration
	}{
		{"room for all", limits{places: 4, memory: 100}, 4, 13, time.Second},
		{"two at a time", limits{places: 2, memory: 100}, 2, 11, 2 * time.Second},
		{"little memory", limits{places: 4, memory: 6}, 2, 6, 3 * time.Second},
		{"less memory than one takes", limits{places: 4, memory: 1}, 1, 6, 4 * time.Second},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var seen trace
				start := time.Now()
				jobs := []*job{seen.job("a", 6), seen.job("b", 5), seen.job("c", 1), seen.job("d", 1)}
				require.NoError(t, runJobs(t.Context(), jobs, test.limits))
				require.Len(t, seen.order, 4)
				require.Equal(t, test.wantTime, time.Since(start))
				require.Equal(t, test.wantPlaces, seen.mostPlaces)
				require.InDelta(t, test.wantMemory, seen.mostMemory, 0.01)
			})
		})
	}
}

func TestRunJobs_WaitsForWhatAJobNeeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var seen trace
		first := seen.job("first", 1)
		light := seen.job("light", 1, first)
		light.light = true
		last := seen.job("last", 1, light)
		require.NoError(t, runJobs(t.Context(), []*job{last, light, first}, limits{places: 4, memory: 10}))
		require.Equal(t, []string{"first", "light", "last"}, seen.order)
	})
}

func TestRunJobs_StopsAtTheFirstError(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		var stopped, later bool
		jobs := []*job{
			{run: func(ctx context.Context) error {
				<-ctx.Done()
				stopped = true
				return ctx.Err()
			}},
			{run: func(context.Context) error {
				time.Sleep(time.Second)
				return broken
			}},
			{run: func(context.Context) error {
				later = true
				return nil
			}},
		}
		require.ErrorIs(t, runJobs(t.Context(), jobs, limits{places: 2, memory: 10}), broken)
		require.True(t, stopped)
		require.False(t, later)
	})
}

func TestLongest(t *testing.T) {
	t.Parallel()
	require.Empty(t, longest(nil))
	require.Equal(t, "node", longest(targets()))
}

// A build that gives way is started with a lower priority, as is all that it starts.
func TestGiveWay(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("nice"); err != nil {
		t.Skip("there is no nice")
	}
	priority := func(change func(*exec.Cmd)) int {
		cmd := exec.Command("sh", "-c", "nice && true") // which prints the priority of what it starts
		change(cmd)
		out, err := cmd.Output()
		require.NoError(t, err)
		number, err := strconv.Atoi(strings.TrimSpace(string(out)))
		require.NoError(t, err)
		return number
	}
	usual := priority(func(*exec.Cmd) {})
	require.Equal(t, min(usual+10, 19), priority(giveWay))
}
