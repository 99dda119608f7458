package preflight

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Cloudflare's client doesn't retry a call whose deadline has passed.
func TestRetriable_NoAnswer(t *testing.T) {
	t.Parallel()
	for name, handler := range map[string]http.HandlerFunc{
		"nothing": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"a part": func(w http.ResponseWriter, r *http.Request) {
			_, _ = w.Write([]byte("{"))
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(handler)
			defer server.Close()
			client := retriable{http.DefaultTransport, 50 * time.Millisecond}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/zones", nil)
			require.NoError(t, err)
			_, err = client.RoundTrip(request)
			require.EqualError(t, err, "no answer to GET /zones within 50ms")
			require.NotErrorIs(t, err, context.DeadlineExceeded)

			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			_, err = client.RoundTrip(request.WithContext(ctx))
			require.ErrorIs(t, err, context.Canceled)
		})
	}
}
