package cloudflare_test

import (
	"encoding/pem"
	"testing"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare"
)

func TestOriginCert(t *testing.T) {
	t.Parallel()
	block, rest := pem.Decode(cloudflare.OriginCert("zone", "account", "token"))
	require.NotNil(t, block)
	require.Empty(t, rest)
	require.Equal(t, "ARGO TUNNEL TOKEN", block.Type)
	require.JSONEq(t, `{"zoneID":"zone","accountID":"account","apiToken":"token"}`, string(block.Bytes))
}
