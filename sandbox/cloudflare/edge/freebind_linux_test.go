package edge

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestListen_AddressThatNoInterfaceHasYet(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	e := New(Config{Tunnel: d.tunnel, Certificate: d.cert})
	require.NoError(t, e.Listen(context.Background(), []string{"192.0.2.77:0"})) // of a network for documentation
	e.Stop()
}
