//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/wait"
)

// get requests a host's path from the front, and returns the status and the body.
func get(t *testing.T, host, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+host+path, nil)
	require.NoError(t, err)
	resp, err := testWorld.Client().Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	var body bytes.Buffer
	_, err = body.ReadFrom(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, body.String()
}

// requireApps requires that both apps answer through the front: one at the zone's apex, one below
// its wildcard.
func requireApps(t *testing.T) {
	t.Helper()
	for _, host := range testWorld.AppHosts() {
		status, body := get(t, host, "/api/info")
		require.Equal(t, 200, status, "%s: %s", host, body)
	}
}

// requireAnswerFrom requires that a pod whose name begins with the given one answers a URL. It
// waits a moment for controllers to learn of their objects.
func requireAnswerFrom(t *testing.T, url, pod string) {
	t.Helper()
	var got string
	wait.Until(t, 10*time.Second, url+" is answered by "+pod, func() bool {
		req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "http://"+url, nil)
		require.NoError(t, err)
		resp, err := testWorld.Client().Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		got = resp.Header.Get("X-Pod")
		return strings.HasPrefix(got, pod+"-")
	})
	t.Logf("%s: answered by %s", url, got)
}

// requireAPIServer requires that the API server itself answers under a host.
func requireAPIServer(t *testing.T, host string) {
	t.Helper()
	var want, got struct{ GitVersion, Platform string }
	require.NoError(t, json.Unmarshal([]byte(kubectl(t, "get", "--raw", "/version")), &want))
	status, body := get(t, host, "/version")
	require.Equal(t, http.StatusOK, status, body)
	require.NoError(t, json.Unmarshal([]byte(body), &got), body)
	require.NotEmpty(t, want.GitVersion)
	require.Equal(t, want, got)
	// The connector adds no credentials to the request.
	status, body = get(t, host, "/api/v1/secrets")
	require.Equal(t, http.StatusForbidden, status)
	require.Contains(t, body, "system:anonymous")
}
