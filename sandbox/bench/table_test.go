package main

import (
	"strings"
	"testing"

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
