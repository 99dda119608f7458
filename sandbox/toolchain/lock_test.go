package toolchain

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// A run that waits for another one says so for as long as it waits.
func TestLock_SaysThatItWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		root, said := t.TempDir(), 0
		unlock, err := TryLock(root, "tool")
		require.NoError(t, err)
		defer unlock()
		ctx, cancel := context.WithTimeout(t.Context(), 70*time.Second)
		defer cancel()
		_, err = Lock(ctx, root, "tool", func() { said++ })
		require.ErrorContains(t, err, "waiting for the lock tool")
		require.Equal(t, 3, said, "at once, after half a minute and after a minute")
	})
}
