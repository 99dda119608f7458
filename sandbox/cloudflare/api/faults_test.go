package api_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
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
				require.Equal(t, `"default";r=0;t=7`, a.Header.Get("Ratelimit"))
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
		for want, fault := range map[string]api.Fault{
			"faults[1].path":             {},
			"faults[1].when":             {Path: "**", When: "never"},
			"faults[1].status: 200":      {Path: "**", Status: 200},
			"faults[1].status: 100":      {Path: "**", Status: 100, Body: "x"},
			"faults[1].abort: a broken":  {Path: "**", Status: 500, Abort: true},
			"faults[1].abort: a broken ": {Path: "**", Body: "x", Abort: true},
			"faults[1].delay":            {Path: "**", Delay: -1},
			"faults[1].skip":             {Path: "**", Skip: -1},
			"faults[1].count":            {Path: "**", Count: -1},
		} {
			require.ErrorContains(t, w.api.SetFaults([]api.Fault{{Path: "**"}, fault}), want)
		}
		require.Empty(t, w.api.Faults())
	})
}

// TestAPI_FaultsAndTheEffect has each kind of fault come before the call's effect and
// after it.
func TestAPI_FaultsAndTheEffect(t *testing.T) {
	t.Parallel()
	const silence = 30 * time.Second
	const page = "<html><body>Bad gateway</body></html>"
	for name, c := range map[string]struct {
		fault  api.Fault
		status int // 0: the connection breaks
		body   string
		took   time.Duration
	}{
		"a rate limit":                    {api.Fault{Status: 429, RetryAfter: 7}, 429, `"code":971`, 0},
		"a server's failure":              {api.Fault{Status: 500}, 500, `"code":10001`, 0},
		"a failure with its own text":     {api.Fault{Status: 503, Code: 7, Message: "later"}, 503, `"code":7,"message":"later"`, 0},
		"a broken connection":             {api.Fault{Abort: true}, 0, "", 0},
		"silence and a broken connection": {api.Fault{Abort: true, Delay: api.Duration(silence)}, 0, "", silence},
		"a late answer":                   {api.Fault{Delay: api.Duration(silence)}, 200, `"success":true`, silence},
		"a late failure":                  {api.Fault{Status: 500, Delay: api.Duration(silence)}, 500, `"success":false`, silence},
		"a page from a gateway":           {api.Fault{Status: 502, Body: page}, 502, page, 0},
		"a page that looks like success":  {api.Fault{Body: page}, 200, page, 0},
	} {
		for _, when := range []api.When{api.Before, api.After} {
			t.Run(name+" "+string(when), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				fault := c.fault
				fault.Path, fault.When = "/zones/*/dns_records", when
				require.NoError(t, w.api.SetFaults([]api.Fault{fault}))
				done := func() bool { return len(w.store.Records(state.HomeZoneID)) == 1 }
				synctest.Test(t, func(t *testing.T) {
					seen := w.timed("POST", recordsPath, `{"type":"A","name":"a","content":"192.0.2.1"}`)
					if c.took > 0 {
						time.Sleep(c.took - time.Second)
						require.Equal(t, when == api.After, done(), "while nothing is answered")
					}
					got := seen()
					require.Equal(t, c.status, got.status)
					require.Contains(t, got.body, c.body)
					require.Equal(t, c.body == page, got.kind == "text/html; charset=UTF-8")
					require.Equal(t, c.took, got.took)
				})
				effect := when == api.After || c.status == 200 && c.body != page
				require.Equal(t, effect, done())
				require.Equal(t, c.status, w.api.Calls()[0].Status)
			})
		}
	}
}

// TestAPI_BrokenConnections shows that a client sees no answer.
func TestAPI_BrokenConnections(t *testing.T) {
	t.Parallel()
	for _, when := range []api.When{api.Before, api.After} {
		w := newWorld(t)
		id := createRecord(w, object{"type": "TXT", "name": "@", "content": "t"})
		require.NoError(t, w.api.SetFaults([]api.Fault{{Method: "DELETE", Path: "**", When: when, Abort: true}}))
		req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, w.url+recordsPath+"/"+id, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+w.token)
		_, err = http.DefaultClient.Do(req)
		require.ErrorIs(t, err, io.EOF)
		require.Equal(t, when == api.Before, len(w.store.Records(state.HomeZoneID)) == 1)
	}
}

// TestAPI_ClientsThatLeave shows that a call takes effect even if its client doesn't
// wait for it.
func TestAPI_ClientsThatLeave(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.api.SetFaults([]api.Fault{{Path: "**", Delay: api.Duration(time.Hour)}}))
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{WroteRequest: func(httptrace.WroteRequestInfo) { leave() }})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+recordsPath, strings.NewReader(`{"type":"A","name":"a","content":"192.0.2.1"}`))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+w.token)
	_, err = http.DefaultClient.Do(req)
	require.ErrorIs(t, err, context.Canceled)
	require.Eventually(t, func() bool { return len(w.store.Records(state.HomeZoneID)) == 1 }, 10*time.Second, 5*time.Millisecond)
}

func TestAPI_TheNthCall(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.api.SetFaults([]api.Fault{
		{Method: "GET", Path: "/zones", Status: 500, Skip: 2, Count: 1},
		{Method: "GET", Path: "/zones", Status: 429},
		{Method: "GET", Path: "/accounts", Status: 503},
	}))
	var statuses []int
	for range 5 {
		statuses = append(statuses, w.do("GET", "/zones", nil).Status)
	}
	require.Equal(t, []int{200, 200, 500, 429, 429}, statuses, "the first fault has the calls until it has ended")
	require.Equal(t, 503, w.do("GET", "/accounts", nil).Status)
	require.Equal(t, 503, w.do("GET", "/accounts", nil).Status, "without end")
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
