package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

func TestAPI_Faults(t *testing.T) {
	t.Parallel()
	record := object{"type": "TXT", "name": "@", "content": "t"}

	t.Run("a rate limit, twice, after one call", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.api.SetFaults([]api.Fault{{Path: "/zones", Status: 429, RetryAfter: 7, Skip: 1, Count: 2}}))
		var statuses []int
		for range 5 {
			a := w.do("GET", "/zones", nil)
			statuses = append(statuses, a.Status)
			if a.Status == 429 {
				require.Equal(t, 971, a.code())
				require.Equal(t, "7", a.Header.Get("Retry-After"))
			}
		}
		require.Equal(t, []int{200, 429, 429, 200, 200}, statuses)
		require.Equal(t, 3, w.api.Faults()[0].Hits)
	})
	t.Run("before the effect", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.api.SetFaults([]api.Fault{{Method: "POST", Path: "/zones/*/dns_records", Status: 503}}))
		require.Equal(t, 503, w.do("POST", recordsPath, record).Status)
		require.Empty(t, get[[]object](w, "GET", recordsPath, nil), "and other methods work")
	})
	t.Run("after the effect, with a code and a text", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.api.SetFaults([]api.Fault{{Path: "/zones/**", When: api.After, Status: 502, Code: 1, Message: "lost", Count: 1}}))
		a := w.do("POST", recordsPath, record)
		require.Equal(t, 502, a.Status)
		require.Equal(t, []api.Message{{Code: 1, Message: "lost"}}, a.Errors)
		require.Len(t, get[[]object](w, "GET", recordsPath, nil), 1)
		require.Equal(t, 81058, w.do("POST", recordsPath, record).code(), "so a retry finds it")
	})
	t.Run("a delay alone", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.api.SetFaults([]api.Fault{{Path: "**", Delay: api.Duration(100 * time.Millisecond)}}))
		started := time.Now()
		require.Equal(t, 200, w.do("GET", "/zones", nil).Status)
		require.GreaterOrEqual(t, time.Since(started), 100*time.Millisecond)
	})
	t.Run("a broken connection after the effect", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.api.SetFaults([]api.Fault{{Method: "DELETE", Path: "**", When: api.After, Abort: true}}))
		id := createRecord(w, record)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, w.url+recordsPath+"/"+id, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+w.token)
		_, err = http.DefaultClient.Do(req)
		require.Error(t, err)
		require.Empty(t, w.store.Records(state.HomeZoneID))
	})
	t.Run("a star stays within a segment", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.NoError(t, w.api.SetFaults([]api.Fault{{Path: "/zones/*", Status: 500}}))
		require.Equal(t, 500, w.do("GET", zonePath, nil).Status)
		require.Equal(t, 200, w.do("GET", recordsPath, nil).Status)
	})
	t.Run("rules that make no sense", func(t *testing.T) {
		t.Parallel()
		w := newWorld(t)
		require.ErrorContains(t, w.api.SetFaults([]api.Fault{{}}), "faults[0].path")
		require.ErrorContains(t, w.api.SetFaults([]api.Fault{{Path: "**"}, {Path: "**", When: "never"}}), "faults[1].when")
		require.ErrorContains(t, w.api.SetFaults([]api.Fault{{Path: "**", Status: 200}}), "faults[0].status")
	})
}

func TestAPI_Calls(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.do("POST", tunnelsPath, object{"name": "edge", "tunnel_secret": secret})
	w.do("GET", "/zones?name=x", nil)
	w.do("POST", recordsPath, "no JSON")
	w.do("GET", zonePath+"/nothing", nil)

	calls := w.api.Calls()
	require.Len(t, calls, 4)
	require.Equal(t, "POST", calls[0].Method)
	require.Equal(t, tunnelsPath, calls[0].Path)
	require.JSONEq(t, `{"name":"edge","tunnel_secret":"[redacted]"}`, string(calls[0].Body))
	require.Equal(t, "Go-http-client/1.1", calls[0].UserAgent)
	require.Equal(t, "name=x", calls[1].Query)
	require.Equal(t, 200, calls[1].Status)
	require.Empty(t, calls[2].Body, "what isn't JSON might be anything")
	require.Equal(t, 9207, calls[2].Errors[0].Code)
	require.Equal(t, 404, calls[3].Status)

	w.api.ForgetCalls()
	require.Empty(t, w.api.Calls())
}
