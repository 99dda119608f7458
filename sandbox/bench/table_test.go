package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestPrint shows a ratio only where there is one, and figures beside it.
func TestPrint(t *testing.T) {
	t.Parallel()
	none, some := underLoad{sent: 200}, underLoad{sent: 100, failed: 10}
	lines := &table{title: "ours : theirs", columns: [2]string{"ours", "theirs"}}
	lines.add("seconds", seconds(3), seconds(median([]float64{9, 1, 2})), "slower")
	lines.add("failures", none.failures(), some.failures(), "")
	lines.add("no failures", some.failures(), none.failures(), "")

	var out strings.Builder
	require.NoError(t, (&bench{tables: []*table{lines}}).print(&out))
	var got []string
	for line := range strings.Lines(out.String()) {
		got = append(got, strings.TrimRight(line, " \n"))
	}
	require.Equal(t, []string{
		"",
		"ours : theirs",
		"",
		"what         ratio  ours       theirs",
		"seconds      1.5    3 s        2 s        slower",
		"failures     0      0 of 200   10 of 100",
		"no failures  –      10 of 100  0 of 200",
	}, got)
}

func TestCovered(t *testing.T) {
	t.Parallel()
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	for _, test := range []struct {
		intervals []interval
		want      float64
	}{
		{nil, 0},
		{[]interval{{at(5), at(7)}, {at(1), at(2)}}, 3},
		{[]interval{{at(1), at(4)}, {at(2), at(3)}, {at(3), at(6)}}, 5},
		{[]interval{{at(1), at(2)}, {at(1), at(2)}}, 1},
	} {
		require.InDelta(t, test.want, covered(test.intervals), 0)
	}
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	counts, err := numbers([]string{"2", "100"})
	require.NoError(t, err)
	require.Equal(t, []int{2, 100}, counts)
	for _, arg := range []string{"1", "-3", "many"} {
		_, err := numbers([]string{arg})
		require.ErrorContains(t, err, arg)
	}
}
