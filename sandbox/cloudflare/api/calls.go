package api

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// callsKept limits how many calls are kept; a long soak makes several thousand.
const callsKept = 20_000

// Call is one request that the API has answered, for tests to examine.
type Call struct {
	Time      time.Time       `json:"time"`
	Took      Duration        `json:"took"`
	Method    string          `json:"method"`
	Path      string          `json:"path"` // below BasePath
	Query     string          `json:"query,omitempty"`
	Status    int             `json:"status"` // 0: the connection was broken
	Errors    []Message       `json:"errors,omitempty"`
	UserAgent string          `json:"user_agent,omitempty"`
	Body      json.RawMessage `json:"body,omitempty"` // without secrets
}

func newCall(r *http.Request, body []byte, answer *buffer, started time.Time) Call {
	return Call{
		Time: started.UTC(), Took: Duration(time.Since(started)),
		Method: r.Method, Path: strings.TrimPrefix(r.URL.Path, BasePath), Query: r.URL.RawQuery,
		Status: answer.status, Errors: answer.failed(), UserAgent: r.UserAgent(), Body: redact(body),
	}
}

// redact returns a JSON object without its secrets, and nil for anything else.
func redact(body []byte) json.RawMessage {
	var object map[string]any
	if json.Unmarshal(body, &object) != nil {
		return nil
	}
	for key := range object {
		if strings.Contains(key, "secret") || strings.Contains(key, "token") {
			object[key] = "[redacted]"
		}
	}
	out, _ := json.Marshal(object) // it was JSON before
	return out
}

// callLog keeps the last calls.
type callLog struct {
	mu    sync.Mutex
	calls []Call
}

func (l *callLog) add(c Call) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.calls) >= 2*callsKept {
		l.calls = append([]Call(nil), l.calls[callsKept:]...)
	}
	l.calls = append(l.calls, c)
}

// Calls returns the calls in the order in which they arrived.
func (a *API) Calls() []Call {
	a.calls.mu.Lock()
	out := slices.Clone(a.calls.calls)
	a.calls.mu.Unlock()
	slices.SortStableFunc(out, func(a, b Call) int { return a.Time.Compare(b.Time) })
	return out[max(0, len(out)-callsKept):]
}

// ForgetCalls empties the list of calls.
func (a *API) ForgetCalls() {
	a.calls.mu.Lock()
	defer a.calls.mu.Unlock()
	a.calls.calls = nil
}
