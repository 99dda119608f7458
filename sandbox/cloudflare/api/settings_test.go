package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/state"
)

// timedAnswer is what a client sees of a call. Status 0 is a broken connection.
type timedAnswer struct {
	status     int
	kind, body string
	took       time.Duration
}

// timed makes a call without a network between, for tests with a clock of their own. It
// returns a function that waits for the answer.
func (w *world) timed(method, path, body string) func() timedAnswer {
	started := time.Now()
	r := httptest.NewRequest(method, api.BasePath+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+w.token)
	done := make(chan timedAnswer, 1)
	go func() {
		answer := httptest.NewRecorder()
		defer func() {
			seen := timedAnswer{answer.Code, answer.Header().Get("Content-Type"), answer.Body.String(), time.Since(started)}
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler:
				seen.status = 0
			default:
				panic(p)
			}
			done <- seen
		}()
		w.api.ServeHTTP(answer, r)
	}()
	return func() timedAnswer { return <-done }
}

func TestAPI_Latency(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.api.SetSettings(api.Settings{Latency: api.RealLatency}))
	synctest.Test(t, func(t *testing.T) {
		for _, c := range []struct {
			method, path, body string
			want               time.Duration
		}{
			{"GET", recordsPath, "", 300 * time.Millisecond},
			{"POST", recordsPath, `{"type":"A","name":"a","content":"192.0.2.1"}`, 1200 * time.Millisecond},
			{"PATCH", recordsPath + "/x", "", 1200 * time.Millisecond},
			{"PUT", recordsPath + "/x", "", 1200 * time.Millisecond},
			{"DELETE", recordsPath + "/x", "", 750 * time.Millisecond},
		} {
			require.Equal(t, c.want, w.timed(c.method, c.path, c.body)().took, c.method)
		}
	})
}

func TestAPI_LatencyPutsTheEffectHalfway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.NoError(t, w.api.SetSettings(api.Settings{Latency: api.Latency{Create: api.Duration(time.Second)}}))
	synctest.Test(t, func(t *testing.T) {
		answer := w.timed("POST", recordsPath, `{"type":"A","name":"a","content":"192.0.2.1"}`)
		time.Sleep(499 * time.Millisecond)
		require.Empty(t, w.store.Records(state.HomeZoneID))
		time.Sleep(2 * time.Millisecond)
		require.Len(t, w.store.Records(state.HomeZoneID), 1)
		seen := answer()
		require.Equal(t, http.StatusOK, seen.status)
		require.Equal(t, time.Second, seen.took)
	})
}

func TestAPI_DeleteAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	path, _ := createTunnel(w, "edge")
	deleted := get[object](w, "DELETE", path, nil)
	again := w.do("DELETE", path, nil)
	require.Equal(t, 404, again.Status)
	require.Equal(t, 1003, again.code())

	require.NoError(t, w.api.SetSettings(api.Settings{DeleteAgain: api.DeleteAgainSucceeds}))
	require.Equal(t, deleted, get[object](w, "DELETE", path, nil))
	require.Equal(t, 404, w.do("DELETE", tunnelsPath+"/11111111-2222-3333-4444-555555555555", nil).Status, "one that never was")
	require.Equal(t, 200, w.do("DELETE", path+"/connections", nil).Status)
	require.NoError(t, w.api.SetSettings(api.Settings{DeleteAgain: api.DeleteAgainGone}))
	require.Equal(t, 404, w.do("DELETE", path+"/connections", nil).Status)
	require.NoError(t, w.api.SetSettings(api.Settings{}))
	require.Equal(t, 404, w.do("DELETE", path, nil).Status)
}

func TestAPI_SettingsThatMakeNoSense(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.ErrorContains(t, w.api.SetSettings(api.Settings{DeleteAgain: "maybe"}), "delete_again")
	require.ErrorContains(t, w.api.SetSettings(api.Settings{Latency: api.Latency{Read: -1}}), "latency.read")
	require.Equal(t, api.Settings{DeleteAgain: api.DeleteAgainNotFound}, w.api.Settings())
}

// A client that makes more calls than the limit is kept out for five minutes.
func TestAPI_Limit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.Error(t, w.api.SetSettings(api.Settings{Limit: -1}))
	require.NoError(t, w.api.SetSettings(api.Settings{Limit: 3}))
	// Two tokens of the same user, in turn.
	token, next := w, w.as(state.Grant{Resource: "*", Permissions: []state.Permission{state.DNSRead}})
	synctest.Test(t, func(t *testing.T) {
		call := func() int {
			token, next = next, token
			return token.timed("GET", recordsPath, "")().status
		}
		for range 3 {
			require.Equal(t, http.StatusOK, call())
			time.Sleep(time.Minute)
		}
		require.Equal(t, http.StatusTooManyRequests, call())
		time.Sleep(5*time.Minute - time.Second)
		require.Equal(t, http.StatusTooManyRequests, call(), "the first calls are long past, but the client is kept out")
		time.Sleep(time.Second)
		for range 3 {
			require.Equal(t, http.StatusOK, call())
			time.Sleep(2 * time.Minute)
		}
		require.Equal(t, http.StatusOK, call(), "the oldest call is no longer in the window")
		require.Equal(t, http.StatusTooManyRequests, call())
		require.NoError(t, w.api.SetSettings(api.Settings{Limit: 3}))
		require.Equal(t, http.StatusOK, call(), "settings that are set begin to count anew")
	})
}
