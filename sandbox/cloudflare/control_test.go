package cloudflare_test

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/api"
	"k8s-tunnel/sandbox/cloudflare/control"
	"k8s-tunnel/sandbox/cloudflare/state"
)

func TestServer_Control(t *testing.T) {
	t.Parallel()
	s, c := start(t, config(t))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	ctx := t.Context()

	t.Run("who there is", func(t *testing.T) {
		account, err := c.AddAccount(ctx, state.Account{Name: "Other"})
		require.NoError(t, err)
		_, err = c.AddZone(ctx, state.Zone{Name: "other.localhost", AccountID: account.ID})
		require.NoError(t, err)
		value := strings.Repeat("o", 40)
		_, err = c.AddToken(ctx, state.Token{Value: value, Name: "other", Grants: []state.Grant{{Resource: account.ID, Permissions: []state.Permission{state.ZoneRead}}}})
		require.NoError(t, err)
		_, body, _ := fetch(t, client(t, s, s.API), "https://"+s.API+api.BasePath+"/zones", "Authorization", "Bearer "+value)
		require.Contains(t, body, "other.localhost")
		require.NotContains(t, body, "home.localhost")

		_, raw, _ := fetch(t, http.DefaultClient, "http://"+s.Control+"/state")
		require.NotContains(t, raw, value)
		require.NotContains(t, raw, state.SeedToken)
	})
	t.Run("the calls", func(t *testing.T) {
		require.NoError(t, c.ForgetCalls(ctx))
		fetch(t, client(t, s, s.API), "https://"+s.API+api.BasePath+"/zones?name=x", "Authorization", "Bearer "+state.SeedToken, "User-Agent", "me")
		calls, err := c.Calls(ctx)
		require.NoError(t, err)
		require.Len(t, calls, 1)
		require.Equal(t, "GET /zones name=x me", fmt.Sprint(calls[0].Method, " ", calls[0].Path, " ", calls[0].Query, " ", calls[0].UserAgent))
	})
	t.Run("how the API behaves, one by one", func(t *testing.T) {
		want := api.Settings{Latency: api.Latency{Create: api.Duration(time.Second)}, DeleteAgain: api.DeleteAgainSucceeds}
		require.NoError(t, c.SetAPI(ctx, want))
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+s.Control+"/api", strings.NewReader(`{"latency":{"read":"1ms"}}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		want.Latency.Read = api.Duration(time.Millisecond)
		st, err := c.State(ctx)
		require.NoError(t, err)
		require.Equal(t, want, st.API)
		require.ErrorContains(t, c.SetAPI(ctx, api.Settings{DeleteAgain: "maybe"}), "delete_again")
		require.NoError(t, c.SetAPI(ctx, api.Settings{}))
	})
	t.Run("the lags, one by one", func(t *testing.T) {
		require.NoError(t, c.SetLag(ctx, control.Lag{
			DNS: api.Duration(5 * time.Second), Connection: api.Duration(3 * time.Second), Departure: api.Duration(time.Minute), Refusals: 2,
		}))
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+s.Control+"/lag", strings.NewReader(`{"dns":"1s"}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		st, err := c.State(ctx)
		require.NoError(t, err)
		require.Equal(t, control.Lag{
			DNS: api.Duration(time.Second), Connection: api.Duration(3 * time.Second), Departure: api.Duration(time.Minute), Refusals: 2,
		}, st.Lag)
		for _, negative := range []control.Lag{{DNS: -1}, {Connection: -1}, {Departure: -1}, {Refusals: -1}} {
			require.ErrorContains(t, c.SetLag(ctx, negative), "negative")
		}
		require.NoError(t, c.SetLag(ctx, control.Lag{}))
	})
	t.Run("faults", func(t *testing.T) {
		require.NoError(t, c.SetFaults(ctx, api.Fault{Path: "/zones", Status: 429, Count: 1}))
		status, _, _ := fetch(t, client(t, s, s.API), "https://"+s.API+api.BasePath+"/zones")
		require.Equal(t, 429, status)
		faults, err := c.Faults(ctx)
		require.NoError(t, err)
		require.Equal(t, 1, faults[0].Hits)
		require.NoError(t, c.SetFaults(ctx))
		faults, err = c.Faults(ctx)
		require.NoError(t, err)
		require.Empty(t, faults)
		require.ErrorContains(t, c.SetFaults(ctx, api.Fault{}), "faults[0].path")
	})
	t.Run("the edge, down and up", func(t *testing.T) {
		addr := s.EdgeAddrs()[0]
		for _, up := range []bool{false, false, true, true} {
			require.NoError(t, c.SetEdge(ctx, up))
			st, err := c.State(ctx)
			require.NoError(t, err)
			require.Equal(t, up, st.Edge.Up)
			conn, err := net.Dial("tcp", addr)
			require.Equal(t, up, err == nil)
			if err == nil {
				require.NoError(t, conn.Close())
			}
		}
		require.NoError(t, c.CutEdge(ctx))
	})
	t.Run("records that are in the way", func(t *testing.T) {
		r := state.Record{Name: "a.home.localhost", Type: "A", Content: "192.0.2.1"}
		added, err := c.AddRecord(ctx, r)
		require.NoError(t, err)
		require.Equal(t, state.HomeZoneID, added.ZoneID)
		_, err = c.AddRecord(ctx, r)
		require.ErrorContains(t, err, "409")
		_, err = c.AddRecord(ctx, state.Record{Name: "a.nowhere.example"})
		require.ErrorContains(t, err, "404")
		_, err = c.AddZone(ctx, state.Zone{Name: "x.example", AccountID: "nobody"})
		require.ErrorContains(t, err, "404")
	})
	t.Run("a zone, field by field", func(t *testing.T) {
		zone, err := c.AddZone(ctx, state.Zone{Name: "states.localhost", AccountID: state.SeedAccountID})
		require.NoError(t, err)
		require.Equal(t, state.ZoneActive, zone.Status)
		req, err := http.NewRequestWithContext(ctx, http.MethodPut, "http://"+s.Control+"/zones/"+zone.ID, strings.NewReader(`{"paused":true,"record_quota":3}`))
		require.NoError(t, err)
		req.Header.Set("Content-Type", "application/json")
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		zone.Paused, zone.RecordQuota = true, 3
		st, err := c.State(ctx)
		require.NoError(t, err)
		require.Contains(t, st.Zones, zone)

		zone.Status, zone.Paused = state.ZonePending, false
		set, err := c.SetZone(ctx, zone)
		require.NoError(t, err)
		require.Equal(t, zone, set)
		_, err = c.SetZone(ctx, state.Zone{ID: "unknown"})
		require.ErrorContains(t, err, "404")
		zone.Status = "gone"
		_, err = c.SetZone(ctx, zone)
		require.ErrorContains(t, err, "no status of a zone")
	})
	t.Run("a token, withdrawn and given back", func(t *testing.T) {
		value := strings.Repeat("w", 40)
		added, err := c.AddToken(ctx, state.Token{Value: value, Name: "withdrawn", Grants: []state.Grant{{Resource: "*", Permissions: []state.Permission{state.ZoneRead}}}})
		require.NoError(t, err)
		token := control.Token{ID: added.ID, Name: added.Name, Grants: added.Grants}
		for _, test := range []struct {
			withdrawn bool
			status    int
		}{{true, 403}, {false, 200}} {
			token.Withdrawn = test.withdrawn
			require.NoError(t, c.SetToken(ctx, token.ID, test.withdrawn))
			st, err := c.State(ctx)
			require.NoError(t, err)
			require.Contains(t, st.Tokens, token)
			status, _, _ := fetch(t, client(t, s, s.API), "https://"+s.API+api.BasePath+"/zones", "Authorization", "Bearer "+value)
			require.Equal(t, test.status, status)
		}
		require.ErrorContains(t, c.SetToken(ctx, "unknown", true), "404")
	})
	t.Run("what it doesn't know", func(t *testing.T) {
		resp, err := http.Post("http://"+s.Control+"/zones", "application/json", strings.NewReader(`{"nme":"x"}`))
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 400, resp.StatusCode)
	})
}
