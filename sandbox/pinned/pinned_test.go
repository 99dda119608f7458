package pinned

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTransport_ConnectsToItsAddressUnderAnyName(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, r.Host)
	}))
	defer server.Close()
	client := &http.Client{Transport: Transport(server.Listener.Addr().String())}
	defer client.CloseIdleConnections()
	for _, host := range []string{"photos.example.com", "unknown.invalid:8080"} {
		resp, err := client.Get("http://" + host + "/")
		require.NoError(t, err)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, resp.Body.Close())
		require.NoError(t, err)
		require.Equal(t, host, string(body))
	}
}
