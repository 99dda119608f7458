package cluster

import (
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestComponents_EdgeIsTheProducts looks for the ranges that stand for this machine's edge in the
// product, which is another module: a network policy of the product that opens others would leave
// the connectors without an edge here.
func TestComponents_EdgeIsTheProducts(t *testing.T) {
	t.Parallel()
	// A link into the product: of files outside of the module, Go's cache of results sees no change.
	text, err := os.ReadFile("image/testdata/defaults.go")
	require.NoError(t, err)
	for variable, edge := range map[string]string{"defaultEdge": productionEdge, "usEdge": productionEdgeUS} {
		require.Regexp(t, `(?m)^var `+variable+` = \[\]string\{.*`+regexp.QuoteMeta(`"`+edge+`"`), string(text))
	}
}
