package edge

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"k8s-tunnel/sandbox/cloudflare/state"
)

var errBroken = errors.New("broken")

// script is a carrier that does what the test tells it.
type script func(r *http.Request) (*http.Response, error)

func (s script) roundTrip(r *http.Request) (*http.Response, error) { return s(r) }
func (script) hangUp()                                             {}
func (script) cut()                                                {}

func answer(r *http.Request) (*http.Response, error) {
	body := "nothing"
	if r.Body != nil {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		body = string(b)
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// newScripted returns an edge whose one tunnel has a connection that fails and one
// that answers, and the number of requests that reached the failing one.
func newScripted(t *testing.T, failing script) (*Edge, uuid.UUID, *int) {
	t.Helper()
	tunnel := state.Tunnel{ID: uuid.New()}
	e := New(Config{Tunnel: func(id uuid.UUID) (state.Tunnel, bool) { return tunnel, id == tunnel.ID }})
	reached := 0
	add(t, e.table, tunnel.ID, uuid.New(), "1", script(func(r *http.Request) (*http.Response, error) {
		reached++
		return failing(r)
	}))
	add(t, e.table, tunnel.ID, uuid.New(), "2", script(answer))
	return e, tunnel.ID, &reached
}

func TestRoundTrip_TriesAnotherConnection(t *testing.T) {
	t.Parallel()
	fail := func(err error) script {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	readAndFail := func(err error) script {
		return func(r *http.Request) (*http.Response, error) {
			_, _ = r.Body.Read(make([]byte, 1))
			return nil, err
		}
	}
	readLate := func(err error) script { // as a transport's goroutine may
		return func(r *http.Request) (*http.Response, error) {
			go func() {
				time.Sleep(time.Millisecond)
				_, _ = io.Copy(io.Discard, r.Body)
			}()
			return nil, err
		}
	}
	for name, test := range map[string]struct {
		method, body string
		failing      script
		moves        bool
	}{
		"a POST that wasn't sent":                   {"POST", "body", fail(errNotSent{errBroken}), true},
		"a POST that wasn't sent, read too late":    {"POST", "body", readLate(errNotSent{errBroken}), true},
		"a POST of which some was read":             {"POST", "body", readAndFail(errNotSent{errBroken}), false},
		"a POST that was lost":                      {"POST", "", fail(errLost{errBroken}), false},
		"a GET that was lost":                       {"GET", "", fail(errLost{errBroken}), true},
		"a GET that was lost, and wrapped":          {"GET", "", fail(fmt.Errorf("x: %w", errLost{errBroken})), true},
		"a GET whose stream alone failed":           {"GET", "", fail(errBroken), false},
		"a GET that the connector couldn't deliver": {"GET", "", fail(ErrConnector), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, tunnel, reached := newScripted(t, test.failing)
			for range 50 { // often enough for chance to pick the failing one
				before := *reached
				var body io.Reader
				if test.body != "" {
					body = strings.NewReader(test.body)
				}
				r, err := http.NewRequestWithContext(t.Context(), test.method, "https://home.localhost/", body)
				require.NoError(t, err)
				resp, err := e.RoundTrip(tunnel, r)
				if *reached > before && !test.moves {
					require.Error(t, err)
					continue
				}
				require.NoError(t, err)
				got, err := io.ReadAll(resp.Body)
				require.NoError(t, err)
				require.Equal(t, max(test.body, ""), strings.TrimPrefix(string(got), "nothing"))
				require.NoError(t, resp.Body.Close())
			}
			require.Positive(t, *reached)
			for _, c := range e.table.drainAll() {
				require.True(t, isIdle(c), "every request was counted out again")
			}
		})
	}
}

func TestRoundTrip_VisitorThatLeftIsNotServedAgain(t *testing.T) {
	t.Parallel()
	ctx, leave := context.WithCancel(t.Context())
	e, tunnel, reached := newScripted(t, func(*http.Request) (*http.Response, error) {
		leave()
		return nil, errLost{errBroken}
	})
	e.table.removeAll(tunnel, &e.table.list(tunnel)[1].ClientID)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://home.localhost/", nil)
	require.NoError(t, err)
	_, err = e.RoundTrip(tunnel, r)
	require.ErrorIs(t, err, errBroken)
	require.Equal(t, 1, *reached)
}

func TestRoundTrip_SaysWhyThereIsNoWay(t *testing.T) {
	t.Parallel()
	deleted := time.Now()
	known := map[uuid.UUID]state.Tunnel{uuid.New(): {}, uuid.New(): {DeletedAt: &deleted}}
	e := New(Config{Tunnel: func(id uuid.UUID) (state.Tunnel, bool) { t, ok := known[id]; return t, ok }})
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://home.localhost/", nil)
	require.NoError(t, err)
	for id, tunnel := range known {
		want := ErrNoConnection
		if tunnel.DeletedAt != nil {
			want = ErrUnknownTunnel
		}
		_, err = e.RoundTrip(id, r)
		require.ErrorIs(t, err, want)
	}
	_, err = e.RoundTrip(uuid.New(), r)
	require.ErrorIs(t, err, ErrUnknownTunnel)
}

func TestRoundTrip_AllConnectionsBroken(t *testing.T) {
	t.Parallel()
	e, tunnel, _ := newScripted(t, func(*http.Request) (*http.Response, error) { return nil, errNotSent{errBroken} })
	e.table.removeAll(tunnel, &e.table.list(tunnel)[1].ClientID)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://home.localhost/", nil)
	require.NoError(t, err)
	_, err = e.RoundTrip(tunnel, r)
	require.ErrorIs(t, err, errBroken, "the failure, not that no connection is left")
}

func TestUnpackHeaders(t *testing.T) {
	t.Parallel()
	enc := base64.RawStdEncoding.EncodeToString
	pair := func(name, value string) string { return enc([]byte(name)) + ":" + enc([]byte(value)) }
	h, err := unpackHeaders(pair("set-cookie", "a=1; b") + ";" + pair("Set-Cookie", "c") + ";" + pair("X-Empty", ""))
	require.NoError(t, err)
	require.Equal(t, http.Header{"Set-Cookie": {"a=1; b", "c"}, "X-Empty": {""}}, h)

	h, err = unpackHeaders("")
	require.NoError(t, err)
	require.Empty(t, h)
	for _, bad := range []string{"abc", "!:abc", "abc:!"} {
		_, err = unpackHeaders(bad)
		require.Error(t, err, bad)
	}
}
