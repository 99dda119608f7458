package preflight_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"unicode"

	"github.com/cloudflare/cloudflare-go"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/components/internal/apitest"
	"k8s-tunnel/components/preflight"
)

// Characters that a terminal obeys, and how messages show them.
const (
	evil  = "a\nb\x1b[0mc\u202ed"
	shown = `a\nb\x1b[0mc\u202ed`
)

func requirePrintable(t *testing.T, text string) {
	t.Helper()
	require.False(t, strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }), "%q", text)
	require.Contains(t, text, shown)
}

// What Cloudflare says can't disguise itself, and what kind of error it is isn't lost.
func TestCheck_ForeignErrors(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusBadRequest, http.StatusForbidden, http.StatusNotFound} {
		server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = w.Write([]byte(`{"errors": [{"code": 9109, "message": "a\nb\u001b[0mc\u202ed"}], "messages": [{"message": "more"}, {"message": "\u0085"}]}`))
		}))
		defer server.Close()
		client, err := preflight.New(preflight.Options{APIToken: strings.Repeat("t", 40), APIHostname: strings.TrimPrefix(server.URL, "https://"), RPS: 1000, Retries: 1})
		require.NoError(t, err)
		_, err = client.Check(t.Context(), request())
		requirePrintable(t, err.Error())
		if status == http.StatusForbidden {
			var forbidden *cloudflare.AuthenticationError
			require.ErrorAs(t, err, &forbidden)
			require.ErrorIs(t, err, preflight.ErrTokenRefused)
		}
	}
}

func TestCheck_ForeignZones(t *testing.T) {
	t.Parallel()
	pending := home
	pending.Status = evil
	found, err := check(t, apitest.New(t, pending, lab), request())
	require.NoError(t, err)
	require.Len(t, found.Warnings, 1)
	requirePrintable(t, found.Warnings[0])

	_, err = check(t, apitest.New(t, apitest.NewZone("id", evil, "account")), request())
	for problem := range strings.SplitSeq(err.Error(), "\n") {
		requirePrintable(t, problem)
	}
	elsewhere := lab
	elsewhere.Account = map[string]string{"id": evil}
	_, err = check(t, apitest.New(t, home, elsewhere), request())
	requirePrintable(t, err.Error())
}

func TestRemoveLeftover_Foreign(t *testing.T) {
	t.Parallel()
	api := apitest.New(t)
	api.Tunnels = []apitest.Tunnel{{Account: "account", ID: ours, Name: "home", Status: evil}}
	client, err := preflight.New(preflight.Options{APIToken: strings.Repeat("t", 40), APIHostname: api.Hostname(), RPS: 1000})
	require.NoError(t, err)
	_, err = client.RemoveLeftover(t.Context(), "account", "home", "")
	requirePrintable(t, err.Error())
}
