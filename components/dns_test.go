package components

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRecordComment(t *testing.T) {
	t.Parallel()
	comment := RecordComment("k8s-tunnel", "prod")
	require.Equal(t, "Managed by Pulumi: k8s-tunnel/prod", comment)
	owner, managed := RecordOwner(comment)
	require.True(t, managed)
	require.Equal(t, "k8s-tunnel/prod", owner)

	for _, byHand := range []string{"", "my server", "managed by me"} {
		_, managed := RecordOwner(byHand)
		require.False(t, managed, byHand)
	}
	require.Len(t, RecordComment("k8s-tunnel", strings.Repeat("prod", 40)), maxComment)
}
