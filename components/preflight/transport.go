package preflight

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// callTimeout bounds a call that gets no answer. With three retries and their delays,
// a call fails within a minute.
const callTimeout = 10 * time.Second

// maxAnswer is more than any answer that is asked for: a page of five thousand records.
const maxAnswer = 80 << 20

// newHTTPClient returns a client whose failures can be retried.
func newHTTPClient() *http.Client {
	return &http.Client{Transport: retriable{http.DefaultTransport, callTimeout}}
}

// retriable turns answers that don't come in time, or aren't JSON, such as a proxy's error
// page, into errors that name the call. Cloudflare's client retries errors of the transport
// only, and of these not those of a deadline.
type retriable struct {
	next    http.RoundTripper
	timeout time.Duration
}

// RoundTrip implements http.RoundTripper.
func (t retriable) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), t.timeout)
	defer cancel()
	answer, err := t.answer(r.WithContext(ctx))
	if err != nil && ctx.Err() != nil && r.Context().Err() == nil {
		return nil, fmt.Errorf("no answer to %s %s within %s", r.Method, r.URL.Path, t.timeout)
	}
	return answer, err
}

func (t retriable) answer(r *http.Request) (*http.Response, error) {
	answer, err := t.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if closeErr := answer.Body.Close(); err == nil {
		err = closeErr
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("reading the answer to %s %s: %w", r.Method, r.URL.Path, err)
	case !json.Valid(body):
		return nil, fmt.Errorf("the answer to %s %s isn't JSON (HTTP status %d, %d bytes)", r.Method, r.URL.Path, answer.StatusCode, len(body))
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
	return answer, nil
}
