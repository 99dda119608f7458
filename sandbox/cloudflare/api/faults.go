package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// When reports whether a fault replaces the effect of a call or follows it.
type When string

// A fault before the effect is a call that never arrived; one after it is a call
// whose answer got lost, which clients that retry must survive.
const (
	Before When = "before"
	After  When = "after"
)

// Fault tells the API to misbehave on the calls that it matches. Without Status, Body
// and Abort it only delays them. Each of these may come before the effect or after it:
//
//	too many requests           {Status: 429, RetryAfter: 7}
//	a server's failure          {Status: 500}
//	an answer that isn't JSON   {Status: 502, Body: "<html>…"}
//	a broken connection         {Abort: true}
//	silence, then the same      {Abort: true, Delay: 30s}
//	an answer that comes late   {Delay: 30s}
//
// Skip and Count choose the calls: {Skip: 2, Count: 1} is the third one only.
type Fault struct {
	Method     string   `json:"method,omitempty"`      // empty: any
	Path       string   `json:"path"`                  // below BasePath; * is part of a segment, ** anything
	When       When     `json:"when,omitempty"`        // default: before
	Status     int      `json:"status,omitempty"`      // answer with this status
	Code       int      `json:"code,omitempty"`        // and this error code, by default a suitable one
	Message    string   `json:"message,omitempty"`     // and this text
	RetryAfter int      `json:"retry_after,omitempty"` // and this header, in seconds
	Body       string   `json:"body,omitempty"`        // answer with this page instead of an error in JSON, by default with status 200
	Abort      bool     `json:"abort,omitempty"`       // break the connection instead; over HTTP/2, the call's stream
	Delay      Duration `json:"delay,omitempty"`       // wait that long first, or until the client has gone
	Skip       int      `json:"skip,omitempty"`        // leave the first calls alone
	Count      int      `json:"count,omitempty"`       // end after so many calls; 0: never
	Hits       int      `json:"hits"`                  // how many calls it has matched, including those skipped
}

// Duration is a time.Duration that is written as text, such as "1.5s".
type Duration time.Duration

// MarshalText writes the duration as text.
func (d Duration) MarshalText() ([]byte, error) { return []byte(time.Duration(d).String()), nil }

// UnmarshalText reads the duration from text.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := time.ParseDuration(string(text))
	*d = Duration(v)
	return err
}

type faultList struct {
	mu    sync.Mutex
	rules []*rule
}

type rule struct {
	Fault
	path *regexp.Regexp
}

// SetFaults replaces all faults. The first that matches a call applies to it.
func (a *API) SetFaults(faults []Fault) error {
	rules := make([]*rule, 0, len(faults))
	for i, f := range faults {
		if f.When == "" {
			f.When = Before
		}
		if f.Body != "" && f.Status == 0 {
			f.Status = http.StatusOK
		}
		if err := f.check(); err != nil {
			return fmt.Errorf("faults[%d].%w", i, err)
		}
		rules = append(rules, &rule{Fault: f, path: glob(f.Path)})
	}
	a.faults.mu.Lock()
	defer a.faults.mu.Unlock()
	a.faults.rules = rules
	return nil
}

// check returns an error that begins with the field at fault.
func (f Fault) check() error {
	switch {
	case f.Path == "":
		return errors.New("path: missing, ** matches every call")
	case f.When != Before && f.When != After:
		return fmt.Errorf("when: %q is neither before nor after", f.When)
	case f.Abort && f.Status != 0:
		return errors.New("abort: a broken connection has no answer, so neither status nor body")
	case f.Body == "" && f.Status != 0 && (f.Status < 400 || f.Status > 599):
		return fmt.Errorf("status: %d is no error", f.Status)
	case f.Body != "" && (f.Status < 200 || f.Status > 599):
		return fmt.Errorf("status: %d is no status of an answer", f.Status)
	case f.Delay < 0:
		return fmt.Errorf("delay: %s is negative", time.Duration(f.Delay))
	case f.Skip < 0:
		return fmt.Errorf("skip: %d is negative", f.Skip)
	case f.Count < 0:
		return fmt.Errorf("count: %d is negative", f.Count)
	}
	return nil
}

// Faults returns the faults with their hits so far.
func (a *API) Faults() []Fault {
	a.faults.mu.Lock()
	defer a.faults.mu.Unlock()
	out := make([]Fault, 0, len(a.faults.rules))
	for _, r := range a.faults.rules {
		out = append(out, r.Fault)
	}
	return out
}

// match finds the fault for a call and counts it.
func (l *faultList) match(r *http.Request) (Fault, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	path := strings.TrimPrefix(r.URL.Path, BasePath)
	i := slices.IndexFunc(l.rules, func(f *rule) bool {
		return (f.Method == "" || f.Method == r.Method) && f.path.MatchString(path) && !f.spent()
	})
	if i < 0 {
		return Fault{}, false
	}
	l.rules[i].Hits++
	return l.rules[i].Fault, l.rules[i].Hits > l.rules[i].Skip
}

func (f Fault) spent() bool { return f.Count > 0 && f.Hits >= f.Skip+f.Count }

// onlyDelays reports whether the client gets its proper answer, only later.
func (f Fault) onlyDelays() bool { return f.Status == 0 && !f.Abort }

// spoil turns the proper answer into the fault's.
func (f Fault) spoil(proper *buffer) *buffer {
	if f.onlyDelays() {
		return proper
	}
	out := newBuffer()
	if f.Abort {
		out.abort = true
		return out
	}
	if f.RetryAfter > 0 {
		out.header.Set("Retry-After", strconv.Itoa(f.RetryAfter))
	}
	code, text := 10001, "Internal server error"
	if f.Status == http.StatusTooManyRequests {
		code, text = codeTooMany, textTooMany
		rateLimit{name: "default", quota: RealLimit, left: 0, reset: f.RetryAfter}.set(out.header)
	}
	if f.Body != "" {
		out.header.Set("Content-Type", "text/html; charset=UTF-8")
		out.WriteHeader(f.Status)
		_, _ = out.Write([]byte(f.Body))
		return out
	}
	writeError(out, failure(f.Status, cmp.Or(f.Code, code), "%s", cmp.Or(f.Message, text)))
	return out
}

// glob turns a pattern of path segments into a regular expression.
func glob(pattern string) *regexp.Regexp {
	quoted := regexp.QuoteMeta(pattern)
	quoted = strings.ReplaceAll(quoted, `\*\*`, `.*`)
	quoted = strings.ReplaceAll(quoted, `\*`, `[^/]*`)
	return regexp.MustCompile("^" + quoted + "$")
}
